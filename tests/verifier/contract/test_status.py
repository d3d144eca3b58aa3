"""Snapshots and deltas as claims: written as they are read, and nothing else is read."""

from typing import Any

import msgspec
import pytest

from tests.support.publisher import DAY, NOW
from verifier.contract.cbor import decode, encode
from verifier.contract.errors import MalformedError
from verifier.contract.status import (
    DeltaDocument,
    StatusDocument,
    read_delta,
    read_status,
    write_delta,
    write_status,
)
from verifier.contract.vocabulary import Plane

SNAPSHOT = StatusDocument(
    iss="440100", uri="urn:test:status:1", iat=NOW, exp=NOW + DAY, ttl=60, list=1,
    plane=Plane.HEALTH, bits=2, size=10, version=3, chain=bytes(16), lst=b"packed",
)  # fmt: skip
DELTA = DeltaDocument(
    iss="440100", list=1, plane=Plane.TEST, before=3, version=4, iat=NOW, exp=NOW + DAY,
    prev=bytes(16), chain=bytes(range(16)), changes=bytes(5),
)  # fmt: skip


def test_both_read_as_they_were_written() -> None:
    """With and without what a stale source adds."""
    for fed in (None, NOW - 60):
        snapshot = msgspec.structs.replace(SNAPSHOT, fed=fed)
        delta = msgspec.structs.replace(DELTA, fed=fed)
        assert read_status(write_status(snapshot)) == snapshot
        assert read_delta(write_delta(delta)) == delta


def test_a_snapshot_has_the_labels_of_a_status_list_token() -> None:
    """So that a reader of those finds what it knows."""
    claims: Any = decode(write_status(SNAPSHOT))
    assert claims[2] == "urn:test:status:1"
    assert (claims[6], claims[4], claims[65534]) == (NOW, NOW + DAY, 60)
    assert claims[65533] == {"bits": 2, "lst": b"packed"}
    assert set(claims) == {1, 2, 4, 6, 65533, 65534, -70002}


def changed(at: tuple[Any, ...], value: Any) -> bytes:
    """Write the snapshot with one claim changed, or left out (`...`)."""
    claims: Any = decode(write_status(SNAPSHOT))
    inner = claims
    for step in at[:-1]:
        inner = inner[step]
    if value is ...:
        del inner[at[-1]]
    else:
        inner[at[-1]] = value
    return encode(claims)


@pytest.mark.parametrize(
    ("at", "value"),
    [
        ((1,), ...), ((2,), ...), ((4,), ...), ((6,), ...), ((65533,), ...), ((65534,), ...),
        ((-70002,), ...), ((-70002, 3), ...), ((-70002, 5), ...), ((65533, "bits"), ...),
        ((3,), 1), (("iss",), "440100"), ((-70002, 7), 1), ((65533, "aggregation_uri"), "x"),
        ((1,), b"440100"), ((1,), ""), ((2,), 1), ((4,), NOW), ((4,), -1), ((6,), True),
        ((65534,), 0), ((65533,), b""), ((65533,), {"bits": True, "lst": b""}),
        ((65533, "lst"), "text"), ((-70002,), []), ((-70002, 1), 1 << 32), ((-70002, 2), "colour"),
        ((-70002, 3), 0), ((-70002, 4), 0), ((-70002, 5), bytes(15)), ((-70002, 5), "0" * 16),
    ],
)  # fmt: skip
def test_a_snapshot_of_other_claims_is_refused(at: tuple[Any, ...], value: Any) -> None:
    """Missing, unknown, of another type, out of bounds."""
    with pytest.raises(MalformedError):
        read_status(changed(at, value))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, ...) for name in ("iss", "list", "plane", "from", "to", "iat", "exp", "prev")),
        ("chain", ...), ("changes", ...), ("type", "delta"), ("before", 3), ("to", 3), ("from", 0),
        ("from", "3"), ("exp", NOW), ("prev", bytes(17)), ("chain", "0" * 16), ("plane", 2),
        ("changes", bytes(500_001)), ("changes", []), ("list", -1),
    ],
)  # fmt: skip
def test_a_delta_of_other_members_is_refused(name: str, value: Any) -> None:
    """The same."""
    members: Any = decode(write_delta(DELTA))
    if value is ...:
        del members[name]
    else:
        members[name] = value
    with pytest.raises(MalformedError):
        read_delta(encode(members))
