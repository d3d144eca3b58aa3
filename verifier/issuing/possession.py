"""The issuer's look at what holders' keys have signed (docs/issuing.md). Pure: bytes and `now`.

Nothing of an envelope is decoded before its signature holds under the key that it must hold under:
for a possession the key that a credential is asked for, for a request the one of the credential
that comes with it, which in turn is read only after the issuer's own signature holds.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final, NamedTuple

from verifier.codes.city import PREFIX
from verifier.codes.city import decode as decode_text
from verifier.codes.claims import Claims
from verifier.contract.cbor import decode
from verifier.contract.envelope import SignedUse, take_apart, to_be_signed
from verifier.contract.errors import MalformedError
from verifier.contract.holder import (
    MAX_HOLDER_BYTES,
    HolderDoor,
    HolderRequest,
    Possession,
    Purpose,
    Said,
    read_holder,
)
from verifier.contract.vocabulary import Kind
from verifier.encoding import base45
from verifier.errors import Refusal, VerifierError
from verifier.trust.keys import VerifyKey

CLOCK_S: Final = 120
"""Seconds a phone's clock may be off; within them a nonce is remembered."""
MAX_CREDENTIAL_BYTES: Final = 512
"""Bytes; one with four sectors takes some 200."""


class HolderCause(StrEnum):
    """Why a holder was refused; the word after `holder.` in the problem's code."""

    MALFORMED = "malformed"
    UNKNOWN = "unknown"
    """The credential is none of this issuer's, or bound to no key."""
    SIGNATURE = "signature"
    """It does not hold under the key that must have signed."""
    EXPIRED = "expired"
    CLOCK = "clock"
    """Signed too long ago, or too far ahead."""
    OTHER = "other"
    """Signed for something else: another challenge, purpose, door, issuer, credential."""


class HolderRefused(VerifierError):  # noqa: N818 - it is an answer
    """What a holder's key signed is not accepted."""

    def __init__(self, cause: HolderCause) -> None:
        super().__init__(cause.value)
        self.cause = cause


def check_possession(
    data: bytes, key: VerifyKey, *, issuer: str, purpose: Purpose, challenge: bytes
) -> None:
    """Check that a key has signed a challenge for a purpose.

    Raises:
        HolderRefused: MALFORMED, SIGNATURE, OTHER.
    """
    said = _open(data, key, Possession)
    if (said.iss, said.purpose, said.challenge) != (issuer, purpose, challenge):
        raise HolderRefused(HolderCause.OTHER)


class ShownCredential(NamedTuple):
    """A credential of ours, its key and what it says of the key."""

    claims: Claims
    key: VerifyKey
    confirmation: dict[int, Any]
    """COSE_Key of the `cnf` claim."""


def open_credential(
    data: bytes, keys: Mapping[bytes, VerifyKey], *, issuer: str, list_number: int, now: float
) -> ShownCredential:
    """Read a credential of this issuer that is bound to a key.

    `keys` are those that may sign credentials now, by kid.

    Raises:
        HolderRefused: MALFORMED, UNKNOWN, SIGNATURE, EXPIRED.
    """
    if len(data) > MAX_CREDENTIAL_BYTES:
        raise HolderRefused(HolderCause.MALFORMED)
    try:
        code = decode_text(PREFIX + base45.encode(b"\xd2" + data))
        signer = keys.get(code.kid)
        if signer is None:
            raise HolderRefused(HolderCause.UNKNOWN)
        if not code.holds(signer):
            raise HolderRefused(HolderCause.SIGNATURE)
        claims, payload = code.claims(), decode(code.payload)
    except (Refusal, MalformedError):
        raise HolderRefused(HolderCause.MALFORMED) from None
    own = claims.issuer == issuer and claims.list == list_number and claims.kind is Kind.PERSONAL
    if not own or claims.holder is None:
        raise HolderRefused(HolderCause.UNKNOWN)
    if claims.expires is None or now >= claims.expires:
        raise HolderRefused(HolderCause.EXPIRED)
    return ShownCredential(claims, claims.holder, payload[8][1])


def open_request(
    data: bytes, shown: ShownCredential, *, door: HolderDoor, now: float
) -> HolderRequest:
    """Read what the holder of a credential asks at a door; the nonce is the store's to remember.

    Raises:
        HolderRefused: MALFORMED, SIGNATURE, CLOCK, OTHER.
    """
    claims = shown.claims
    asked = _open(data, shown.key, HolderRequest)
    named = (asked.door, asked.iss, asked.list, asked.credential)
    if named != (door, claims.issuer, claims.list, claims.credential):
        raise HolderRefused(HolderCause.OTHER)
    if abs(now - asked.iat) > CLOCK_S:
        raise HolderRefused(HolderCause.CLOCK)
    return asked


def _open(data: bytes, key: VerifyKey, kind: type[Said]) -> Said:
    if len(data) > MAX_HOLDER_BYTES:
        raise HolderRefused(HolderCause.MALFORMED)
    try:
        envelope = take_apart(data)
    except MalformedError:
        raise HolderRefused(HolderCause.MALFORMED) from None
    message = to_be_signed(SignedUse.HOLDER, envelope.protected, envelope.payload)
    holds = envelope.algorithm == key.algorithm and envelope.kid == key.kid
    if not holds or not key.verify(message, envelope.signature):
        raise HolderRefused(HolderCause.SIGNATURE)
    try:
        return read_holder(envelope.payload, kind)
    except MalformedError:
        raise HolderRefused(HolderCause.MALFORMED) from None
