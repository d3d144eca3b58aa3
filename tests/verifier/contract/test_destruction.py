import re
from typing import Any

import pytest

from verifier.contract import cbor
from verifier.contract.destruction import (
    Destruction,
    certificate_name,
    count_values,
    read_destruction,
    seal_destruction,
    traces,
)
from verifier.contract.envelope import SignedUse, take_apart
from verifier.contract.errors import MalformedError
from verifier.contract.status import (
    DeltaDocument,
    StatusDocument,
    write_delta,
    write_status,
)
from verifier.contract.vocabulary import Plane
from verifier.issuing.signing_key import from_secret
from verifier.trust.kinds import DESTROYED, read_name

KEY = from_secret(b"\x07" * 32)


def certificate(**changes: Any) -> Destruction:
    """Make a certificate."""
    values: dict[str, Any] = {
        "type": "destruction",
        "version": 1_042,
        "iat": 1_795_600_010,
        "began": 1_795_600_000,
        "iss": "440100",
        "list": 1,
        "plane": Plane.HEALTH,
        "size": 100,
        "counts": {0: 40, 1: 59, 3: 1},
        "last": 42,
        "chain": b"c" * 16,
        "snapshot": b"s" * 32,
        "reason": "the epidemic is over",
        "by": ("ling", "wu"),
        "order": "0" * 32,
    }
    return Destruction(**values | changes)


def sealed(document: Destruction) -> bytes:
    """Sign a certificate."""
    return seal_destruction(document, kid=KEY.kid, algorithm=KEY.algorithm, sign=KEY.sign)


def test_a_certificate_is_read_back() -> None:
    """As it was signed, under its own use."""
    made = certificate()
    assert read_destruction(take_apart(sealed(made)).payload) == made
    assert (made.name, made.bundle) == ("destroyed-1-health", "status-1-health")
    found = read_name(certificate_name(7, Plane.DOSES))
    assert found is not None
    assert (found.kind, found.plane) == (DESTROYED, (7, "doses"))
    assert SignedUse.DESTRUCTION == "kapok/1/destruction"


@pytest.mark.parametrize(
    "changes",
    [
        {"counts": {0: 99}},
        {"version": 42},
        {"began": 1_795_600_011},
        {"type": "status"},
    ],
)
def test_a_certificate_that_contradicts_itself_is_none(changes: dict[str, Any]) -> None:
    """Made or read."""
    with pytest.raises(ValueError, match=r"type|counts|last word"):
        certificate(**changes)


@pytest.mark.parametrize("member", Destruction.__struct_fields__)
def test_a_member_of_another_type_is_refused(member: str) -> None:
    """And so are a missing one, but for the order, and an unknown one."""
    document = cbor.decode(take_apart(sealed(certificate())).payload)
    assert isinstance(document, dict)
    for changed in ({**document, member: [[]]}, {**document, member + "s": 1}):
        with pytest.raises(MalformedError):
            read_destruction(cbor.encode(changed))
    if member != "order":
        del document[member]
        with pytest.raises(MalformedError):
            read_destruction(cbor.encode(document))


def test_values_are_counted_without_what_fills_up() -> None:
    """Every width; the last byte may hold less than it could."""
    assert count_values(bytes((0b01_00_11_01, 0b10)), bits=2, size=5) == {0: 1, 1: 2, 2: 1, 3: 1}
    assert count_values(b"\xff\x01", bits=1, size=9) == {1: 9}
    assert count_values(b"\x00\x07\x07", bits=8, size=3) == {0: 1, 7: 2}
    with pytest.raises(MalformedError):
        count_values(b"\x00", bits=2, size=5)


def snapshot(number: int, plane: Plane) -> bytes:
    """Write a snapshot's payload."""
    return write_status(
        StatusDocument(
            iss="440100", uri="urn:x", iat=1, exp=2, ttl=60, list=number, plane=plane, bits=2,
            size=70_000, version=300, chain=bytes(16), lst=b"z",
        )
    )  # fmt: skip


def delta(number: int, plane: Plane) -> bytes:
    """Write a delta's payload."""
    return write_delta(
        DeltaDocument(
            iss="440100", list=number, plane=plane, before=1, version=2, iat=1, exp=2,
            prev=b"\n" * 16, chain=b"\n" * 16, changes=b"",
        )
    )  # fmt: skip


def test_a_plane_leaves_traces_wherever_it_is_kept() -> None:
    """In the store's file by its keys, and in every snapshot and delta of it."""
    pattern = traces(1, Plane.HEALTH)
    for found in (
        b"$21\r\nv:{status}:plane:1:health\r\n", b"v:{status}:deltas:1:health",
        b"v:bundle:status-1-health", snapshot(1, Plane.HEALTH), delta(1, Plane.HEALTH),
    ):  # fmt: skip
        assert pattern.search(b"before" + found + b"after\n"), found


def test_other_planes_and_the_certificate_leave_none() -> None:
    """Nor the note that there is no such plane any more, nor its name as a floor."""
    pattern = traces(1, Plane.HEALTH)
    for other in (
        b"v:{status}:plane:1:test", b"v:{status}:plane:11:health", b'"status-1-health": [4, "ab"]',
        b"v:{status}:planes\x001:health\x00destroyed", snapshot(2, Plane.HEALTH),
        snapshot(1, Plane.DOSES), delta(1, Plane.TEST), delta(256, Plane.HEALTH),
        sealed(certificate()),
    ):  # fmt: skip
        assert not pattern.search(other), other
    assert isinstance(pattern, re.Pattern)
