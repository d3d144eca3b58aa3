"""The envelope of everything signed between services: COSE_Sign1 (RFC 9052), one fixed template.

    D2 84 4D A2 01 <alg> 04 48 <kid, 8 bytes> A0 <payload bstr> 58 40 <signature, 64 bytes>

tag 18, protected header {1: alg, 4: kid}, empty unprotected header. `external_aad` says what the
signature is for, costs no bytes on the wire, and keeps a key of one use from signing another.
Only bytes are handled here: no cryptography, no clock. Verify before you decode the payload.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final

from verifier.contract.errors import MalformedError

MAX_ENVELOPE_BYTES = 64 * 1024 * 1024
"""Bytes; a health snapshot of a city of 18.7 million is 4.7 MB, a test plane 18.7 MB."""
SIGNATURE_BYTES = 64
KID_BYTES = 8

Sign = Callable[[bytes], bytes]
"""Signs a message: bytes in, the raw 64-byte signature (ES256: r then s) out."""


class Algorithm(IntEnum):
    """COSE algorithm numbers (IANA COSE Algorithms)."""

    ES256 = -7
    EDDSA = -8
    PS256 = -37


class SignedUse(StrEnum):
    """What a signature is for; the value is the `external_aad`."""

    CREDENTIAL = "kapok/1/credential"
    PROOF = "kapok/1/proof"
    STATUS = "kapok/1/status"
    DELTA = "kapok/1/delta"
    ROSTER = "kapok/1/roster"
    BUNDLE = "kapok/1/bundle"
    GRANT = "kapok/1/grant"
    DESTRUCTION = "kapok/1/destruction"
    HOLDER = "kapok/1/holder"
    FEED = "kapok/1/feed"
    EXPORT = "kapok/1/export"
    OPERATOR = "kapok/1/operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """The parts of a COSE_Sign1 as they stood on the wire; nothing of it is verified."""

    algorithm: int
    kid: bytes
    protected: bytes
    payload: bytes
    signature: bytes


def byte_string_head(length: int) -> bytes:
    """Write the shortest CBOR head of a byte string of `length` bytes."""
    if length < 24:
        return bytes((0x40 | length,))
    if length < 1 << 8:
        return bytes((0x58, length))
    if length < 1 << 16:
        return b"\x59" + length.to_bytes(2, "big")
    return b"\x5a" + length.to_bytes(4, "big")


_SIGNATURE1: Final = b"\x84\x6aSignature1"
_AAD_HEADS: Final = {use: byte_string_head(len(use)) + use.encode() for use in SignedUse}
_PAYLOAD_HEAD: Final = (
    rb"(?:[\x40-\x57]|\x58[\x18-\xff]|\x59(?!\x00)[\x00-\xff]{2}|\x5a(?!\x00\x00)[\x00-\xff]{4})"
)
_TEMPLATE: Final = re.compile(
    rb"\xd2\x84\x4d(?P<protected>\xa2\x01(?P<alg>[\x26\x27])\x04\x48(?P<kid>[\x00-\xff]{8}))\xa0"
    rb"(?P<head>" + _PAYLOAD_HEAD + rb")"
)


def to_be_signed(use: SignedUse, protected: bytes, payload: bytes) -> bytes:
    """Return the Sig_structure (RFC 9052 section 4.4) over which the signature is made."""
    return b"".join(
        (
            _SIGNATURE1,
            byte_string_head(len(protected)),
            protected,
            _AAD_HEADS[use],
            byte_string_head(len(payload)),
            payload,
        )
    )


def protected_header(algorithm: Algorithm, kid: bytes) -> bytes:
    """Write {1: alg, 4: kid}; kid is 8 bytes, the start of the key's RFC 9679 thumbprint."""
    if len(kid) != KID_BYTES:
        raise MalformedError("a kid is 8 bytes")
    return b"\xa2\x01" + bytes((0x1F - algorithm,)) + b"\x04\x48" + kid


def seal(use: SignedUse, payload: bytes, *, kid: bytes, algorithm: Algorithm, sign: Sign) -> bytes:
    """Sign a payload and return the tagged COSE_Sign1."""
    protected = protected_header(algorithm, kid)
    signature = sign(to_be_signed(use, protected, payload))
    if len(signature) != SIGNATURE_BYTES:
        raise MalformedError("a signature is 64 bytes")
    head = byte_string_head(len(payload))
    return b"".join((b"\xd2\x84\x4d", protected, b"\xa0", head, payload, b"\x58\x40", signature))


def take_apart(data: bytes) -> Envelope:
    """Read the fixed template; verifies nothing.

    Raises:
        MalformedError: the bytes are not exactly one envelope.
    """
    if len(data) > MAX_ENVELOPE_BYTES:
        raise MalformedError("longer than any signed document")
    found = _TEMPLATE.match(data)
    if found is None:
        raise MalformedError("not a signed document")
    start = found.end()
    end = start + _length(found["head"])
    if data[end : end + 2] != b"\x58\x40" or len(data) != end + 2 + SIGNATURE_BYTES:
        raise MalformedError("not a signed document")
    return Envelope(
        algorithm=0x1F - found["alg"][0],
        kid=found["kid"],
        protected=found["protected"],
        payload=data[start:end],
        signature=data[end + 2 :],
    )


def split_sequence(data: bytes, *, most: int) -> tuple[bytes, ...]:
    """Split a CBOR sequence (RFC 8742) into its envelopes, each as it stands; verifies nothing.

    Raises:
        MalformedError: anything but whole envelopes, or more than `most`.
    """
    parts: list[bytes] = []
    at = 0
    while at < len(data):
        found = _TEMPLATE.match(data, at)
        if found is None or len(parts) == most:
            raise MalformedError("not a sequence of signed documents")
        end = found.end() + _length(found["head"]) + 2 + SIGNATURE_BYTES
        if end > len(data):
            raise MalformedError("a sequence cut short")
        parts.append(data[at:end])
        at = end
    return tuple(parts)


def _length(head: bytes) -> int:
    """Return the length that the head of a byte string says."""
    return head[0] & 31 if len(head) == 1 else int.from_bytes(head[1:], "big")
