"""Status of a list, signed: a snapshot of one plane, and deltas from one version to the next.

A snapshot is a CWT with the labels of IETF Token Status List, and one private claim of ours for
what those do not say. A delta is a map with text keys. Both stand in an envelope (`envelope.py`)
under uses of their own. Members, types and bounds: docs/bundles.md, "Status".
"""

import re
from typing import Annotated, Any, Final, NamedTuple

import msgspec

from verifier.contract.bundle import ListNumber, Seconds, Version
from verifier.contract.cbor import decode, encode
from verifier.contract.errors import MalformedError
from verifier.contract.vocabulary import Plane

CHAIN_BYTES: Final = 16
"""Bytes of a chain value: the start of a SHA-256."""
MAX_DELTA_CHANGES: Final = 100_000
"""Changes of one delta, half a megabyte; more are two deltas, or a snapshot."""

_BUNDLE: Final = re.compile(rf"status-(0|[1-9][0-9]{{0,9}})-({'|'.join(Plane)})", re.ASCII)
_ISS, _SUB, _EXP, _IAT = 1, 2, 4, 6
_STATUS_LIST, _TTL = 65533, 65534
_PLANE_CLAIM: Final = -70002
"""Ours: {1: list, 2: plane, 3: size, 4: version, 5: chain, optional 6: fed}."""
_PLANE_MEMBERS: Final = {1: "list", 2: "plane", 3: "size", 4: "version", 5: "chain", 6: "fed"}
_MEMBERS: Final = {_ISS: "iss", _SUB: "uri", _EXP: "exp", _IAT: "iat", _TTL: "ttl"}

Issuer = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Chain = Annotated[bytes, msgspec.Meta(min_length=CHAIN_BYTES, max_length=CHAIN_BYTES)]


class PlaneName(NamedTuple):
    """A list's number and which of its planes."""

    list_number: int
    plane: Plane

    def __str__(self) -> str:
        """Write it as keys of the store do."""
        return f"{self.list_number}:{self.plane}"

    @property
    def bundle(self) -> str:
        """Name of the plane's snapshots among the bundles."""
        return f"status-{self.list_number}-{self.plane}"


def plane_of(bundle: str) -> PlaneName | None:
    """Read the name of a snapshot; None: it is the name of something else."""
    found = _BUNDLE.fullmatch(bundle)
    return None if found is None else PlaneName(int(found[1]), Plane(found[2]))


class StatusDocument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A snapshot of one plane of one list."""

    iss: Issuer
    uri: Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]
    """Of the list, as the trust bundle names it."""
    iat: Seconds
    exp: Seconds
    ttl: Annotated[int, msgspec.Meta(ge=1, le=86_400)]
    """Seconds after which something newer is to be expected."""
    list: ListNumber
    plane: Plane
    bits: Annotated[int, msgspec.Meta(ge=1, le=8)]
    size: Annotated[int, msgspec.Meta(ge=1, le=1 << 32)]
    """Entries, not bytes."""
    version: Version
    chain: Chain
    """Of the deltas up to this version; what it is where a stream begins is the publisher's."""
    lst: bytes
    """zlib of the packed values, least significant bits first."""
    fed: Seconds | None = None
    """While a source that the plane requires is stale: up to when all of them had told everything.
    From then the age is counted, however young the signature."""


class DeltaDocument(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """What changed in one plane of one list from one version to the next."""

    iss: Issuer
    list: ListNumber
    plane: Plane
    before: Version = msgspec.field(name="from")
    """The version it leads from."""
    version: Version = msgspec.field(name="to")
    """The version it leads to."""
    iat: Seconds
    exp: Seconds
    prev: Chain
    chain: Chain
    changes: Annotated[bytes, msgspec.Meta(max_length=5 * MAX_DELTA_CHANGES)]
    """Packed records (`verifier.status.changes`); none: only the age is new."""
    fed: Seconds | None = None
    """As in a snapshot."""


def read_status(payload: bytes) -> StatusDocument:
    """Read the payload of a snapshot whose signature holds.

    Raises:
        MalformedError: a claim that is missing, unknown, or of another type or range.
    """
    claims: Any = decode(payload)
    try:
        lists, ours = claims.pop(_STATUS_LIST), claims.pop(_PLANE_CLAIM)
        members = _renamed(claims, _MEMBERS) | _renamed(ours, _PLANE_MEMBERS)
        if set(lists) != {"bits", "lst"}:
            raise MalformedError("not a status list")
        document = msgspec.convert(members | lists, StatusDocument, builtin_types=(bytes,))
    except (AttributeError, LookupError, TypeError, msgspec.ValidationError) as error:
        raise MalformedError("not a status document") from error
    if document.exp <= document.iat:
        raise MalformedError("a status document that ends before it begins")
    return document


def write_status(document: StatusDocument) -> bytes:
    """Write the payload of a snapshot."""
    claims: dict[int, Any] = {
        label: getattr(document, member) for label, member in _MEMBERS.items()
    }
    claims[_STATUS_LIST] = {"bits": document.bits, "lst": document.lst}
    ours = {label: getattr(document, member) for label, member in _PLANE_MEMBERS.items()}
    ours[2] = document.plane.value
    claims[_PLANE_CLAIM] = {label: value for label, value in ours.items() if value is not None}
    return encode(claims)


def read_delta(payload: bytes) -> DeltaDocument:
    """Read the payload of a delta whose signature holds; its changes are not looked at.

    Raises:
        MalformedError: a member that is missing, unknown, or of another type or range.
    """
    found: Any = decode(payload)
    try:
        document = msgspec.convert(found, DeltaDocument, builtin_types=(bytes,))
    except msgspec.ValidationError as error:
        raise MalformedError("not a delta") from error
    if document.exp <= document.iat or document.version <= document.before:
        raise MalformedError("a delta that leads nowhere")
    return document


def write_delta(document: DeltaDocument) -> bytes:
    """Write the payload of a delta."""
    built: Any = msgspec.to_builtins(document, builtin_types=(bytes,))
    return encode(built)


def _renamed(claims: dict[Any, Any], names: dict[int, str]) -> dict[str, Any]:
    return {names[label]: value for label, value in claims.items()}
