"""The certificate that a person plane was destroyed whole, and the traces by which remains show.

An envelope under `SignedUse.DESTRUCTION`, signed by a status key that may publish the list. It is
the last word on its plane: its version is above every snapshot and delta there was, whoever takes
it drops the plane and takes none from before. It holds no value of any person, only how many had
which. Specification: docs/destruction.md.
"""

import re
from collections import Counter
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from verifier.contract.cbor import decode, encode
from verifier.contract.envelope import Algorithm, Sign, SignedUse, seal
from verifier.contract.errors import MalformedError
from verifier.contract.status import PlaneName
from verifier.contract.text import PLAIN
from verifier.contract.vocabulary import Plane

TYPE: Final = "destruction"
MAX_CERTIFICATE_BYTES: Final = 8192
"""Bytes of a certificate; one with 256 different values has some 3,000."""
DIGEST_BYTES: Final = 32
CHAIN_BYTES: Final = 16

Seconds = Annotated[int, Meta(ge=0, lt=1 << 40)]
Count = Annotated[int, Meta(ge=0, lt=1 << 53)]


class Destruction(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was destroyed, when, why and by whose order."""

    type: str
    version: Annotated[int, Meta(ge=1, lt=1 << 53)]
    """Above every version of the plane."""
    iat: Seconds
    """When all was done: removed, and the store's file rewritten."""
    began: Seconds
    iss: Annotated[str, Meta(min_length=1, max_length=64, pattern=PLAIN)]
    list: Annotated[int, Meta(ge=0, lt=1 << 32)]
    plane: Plane
    size: Annotated[int, Meta(ge=1, le=1 << 32)]
    """Values that the plane had."""
    counts: Annotated[dict[int, Count], Meta(max_length=256)]
    """Value to how many indices had it; together they are `size`."""
    last: Count
    """Version of the last snapshot or delta known; 0: none was published."""
    chain: Annotated[bytes, Meta(min_length=CHAIN_BYTES, max_length=CHAIN_BYTES)]
    """Its chain; zeros where none was published."""
    snapshot: Annotated[bytes, Meta(min_length=DIGEST_BYTES, max_length=DIGEST_BYTES)]
    """SHA-256 of the last snapshot as it was handed out; zeros where there was none."""
    reason: Annotated[str, Meta(min_length=3, max_length=200, pattern=PLAIN)]
    by: Annotated[tuple[Annotated[str, Meta(pattern=PLAIN)], ...], Meta(min_length=1, max_length=8)]
    """Person ids of the operators who ordered it."""
    order: Annotated[str, Meta(max_length=64, pattern=PLAIN)] = ""
    """Id of their proposal, as the audit log has it."""

    def __post_init__(self) -> None:
        if self.type != TYPE:
            raise ValueError("another type of document")
        if sum(self.counts.values()) != self.size:
            raise ValueError("counts that do not make up the plane")
        if self.version <= self.last or self.iat < self.began:
            raise ValueError("not the last word on the plane")

    @property
    def name(self) -> str:
        """Name of the certificate among the bundles."""
        return certificate_name(self.list, self.plane)

    @property
    def bundle(self) -> str:
        """Name that the plane's snapshots had."""
        return PlaneName(self.list, self.plane).bundle


def certificate_name(list_number: int, plane: Plane) -> str:
    """Return the name under which a plane's certificate is handed out."""
    return f"destroyed-{list_number}-{plane}"


def seal_destruction(
    document: Destruction, *, kid: bytes, algorithm: Algorithm, sign: Sign
) -> bytes:
    """Sign a certificate with a status key."""
    payload = encode(msgspec.to_builtins(document, builtin_types=(bytes,)))
    return seal(SignedUse.DESTRUCTION, payload, kid=kid, algorithm=algorithm, sign=sign)


def read_destruction(payload: bytes) -> Destruction:
    """Read the payload of a certificate whose signature holds.

    Raises:
        MalformedError: a member that is missing, unknown, or of another type or range.
    """
    if len(payload) > MAX_CERTIFICATE_BYTES:
        raise MalformedError("longer than any certificate of destruction")
    found: Any = decode(payload)
    try:
        return msgspec.convert(found, Destruction, builtin_types=(bytes,))
    except (msgspec.ValidationError, ValueError) as error:
        raise MalformedError("not a certificate of destruction") from error


def count_values(packed: bytes, *, bits: int, size: int) -> dict[int, int]:
    """Count how many of `size` packed values of `bits` bits have which value; none are left out.

    Raises:
        MalformedError: another length than `size` values take.
    """
    if len(packed) != (size * bits + 7) // 8:
        raise MalformedError("a plane of another length than stated")
    mask, counted = (1 << bits) - 1, Counter[int]()
    for octet, times in Counter(packed).items():
        for shift in range(0, 8, bits):
            counted[octet >> shift & mask] += times
    counted[0] -= len(packed) * 8 // bits - size  # what fills up the last byte is zero
    return {value: times for value, times in sorted(counted.items()) if times}


def traces(list_number: int, plane: Plane) -> re.Pattern[bytes]:
    """Return what shows that a file still holds something of a plane.

    The store's keys of it, and what stands in the payload of each of its snapshots and deltas. Not
    found are bytes that were packed or encrypted once more, and values that somebody took out of
    the plane and wrote down elsewhere.
    """
    name = plane.value.encode()
    of_list = re.escape(encode(list_number))
    text = re.escape(encode(plane.value))
    store = rb"v:\{status\}:(?:plane|changes|deltas):%d:%s" % (list_number, name)
    bundle = rb"v:bundle:status-%d-%s" % (list_number, name)
    # Deterministic: a snapshot's private claim begins with list and plane, then its size follows;
    # a delta's members `list`, `prev`, `chain` and `plane` follow each other.
    snapshot = rb"[\xa5-\xa7]\x01%b\x02%b\x03" % (of_list, text)
    delta = rb"\x64list%b\x64prev\x50.{16}\x65chain\x50.{16}\x65plane%b" % (of_list, text)
    return re.compile(b"|".join((store, bundle, snapshot, delta)), re.DOTALL)
