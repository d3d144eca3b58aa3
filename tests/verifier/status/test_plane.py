"""Planes: packing, bounds, and that nothing outside a list ever reads as zero."""

import zlib
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.publisher import DAY, NOW
from verifier.contract.errors import MalformedError
from verifier.contract.status import StatusDocument
from verifier.contract.vocabulary import Plane
from verifier.status.plane import (
    BITS,
    NO_STATUS,
    PackedValues,
    PlaneView,
    open_plane,
    pack,
)

DOCUMENT = StatusDocument(
    iss="440100", uri="status:1", iat=NOW, exp=NOW + DAY, ttl=60, list=1, plane=Plane.HEALTH,
    bits=2, size=5, version=4, chain=bytes(range(16)), lst=zlib.compress(b"\xe4\x03"),
)  # fmt: skip


def view(values: PackedValues) -> PlaneView:
    """Wrap values as a plane."""
    return PlaneView(values=values, version=1, as_of=NOW)


@given(st.sampled_from([1, 2, 4, 8]), st.data())
def test_round_trip_of_every_width(bits: int, data: st.DataObject) -> None:
    """One by one and many at once, every value comes back."""
    values = data.draw(st.lists(st.integers(0, (1 << bits) - 1), max_size=70))
    packed = pack(np.array(values, np.uint8), bits)
    plane = PackedValues(bits=bits, size=len(values), data=packed)
    assert [plane[i] for i in range(len(values))] == values
    assert plane.many(np.arange(len(values))).tolist() == values
    assert plane.packed() == packed


def test_least_significant_bits_first() -> None:
    """Token Status List, the example of section 4.1: 0xb9 0xa3 for one bit each."""
    values = [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1]
    assert pack(np.array(values, np.uint8), 1) == b"\xb9\xa3"
    assert pack(np.array([0, 1, 2, 3], np.uint8), 2) == b"\xe4"


@given(st.sampled_from([1, 2, 4, 8]), st.integers(0, 40), st.data())
def test_two_changes_in_one_byte(bits: int, size: int, data: st.DataObject) -> None:
    """Neighbours in a byte change without touching each other."""
    values = np.zeros(size + 8, np.uint8)
    a = data.draw(st.integers(0, size + 6))
    for index in (a, a + 1):
        values[index] = (1 << bits) - 1
    plane = PackedValues(bits=bits, size=size + 8, data=pack(values, bits))
    assert [i for i in range(size + 8) if plane[i]] == [a, a + 1]


@pytest.mark.parametrize("index", [-1, -5, 5, 6, 7, 8, 1 << 31, 1 << 63, (1 << 64) - 1])
def test_an_index_outside_never_reads_as_zero(index: int) -> None:
    """Not before the list, not in the padding of its last byte, not past it."""
    plane = open_plane(DOCUMENT).values
    with pytest.raises(IndexError):
        plane[index]
    if index < 1 << 63:
        with pytest.raises(IndexError):
            plane.many(np.array([0, index]))


def test_no_indices_give_no_values() -> None:
    """A group of nobody asks for nothing."""
    assert open_plane(DOCUMENT).values.many(np.array([], np.int64)).tolist() == []


@pytest.mark.parametrize(("bits", "size", "data"), [
    (1, 9, b"\x00"), (1, 8, b"\x00\x00"), (2, 4, b""), (8, 1, b"\x00\x00"), (3, 2, b"\x00"),
    (0, 0, b""), (16, 1, b"\x00\x00"),
])  # fmt: skip
def test_lengths_and_widths_that_do_not_fit(bits: int, size: int, data: bytes) -> None:
    """One byte too few, one too many, a width that is none."""
    with pytest.raises(MalformedError):
        PackedValues(bits=bits, size=size, data=data)


WRONG: dict[str, dict[str, Any]] = {
    "another width than its plane's": {"bits": 1, "size": 16},
    "shorter than stated": {"size": 9},
    "longer than stated": {"size": 4},
    "not zlib": {"lst": b"\xe4\x03"},
    "cut short": {"lst": DOCUMENT.lst[:-1]},
    "followed by a byte": {"lst": DOCUMENT.lst + b"\x00"},
    "raw deflate": {"lst": DOCUMENT.lst[2:-4]},
    "empty": {"lst": b""},
}


@pytest.mark.parametrize("name", WRONG)
def test_snapshots_that_are_refused(name: str) -> None:
    """Its signed header says how long it is, and it is nothing else."""
    with pytest.raises(MalformedError):
        open_plane(msgspec.structs.replace(DOCUMENT, **WRONG[name]))


def test_a_status_is_replaced_never_changed() -> None:
    """A scan that holds the old status keeps it."""
    old = open_plane(DOCUMENT)
    first = NO_STATUS.replaced(1, Plane.HEALTH, old)
    second = first.replaced(1, Plane.HEALTH, view(PackedValues(bits=2, size=0, data=b"")))
    assert first.plane(1, Plane.HEALTH) is old
    assert second.plane(1, Plane.HEALTH) is not old
    assert second.plane(2, Plane.HEALTH) is None
    assert second.plane(1, Plane.REVOCATION) is None
    assert first.planes() == {(1, Plane.HEALTH): old}
    assert first.without(1, Plane.HEALTH).planes() == NO_STATUS.planes() == {}


def test_every_plane_has_its_width() -> None:
    """The widths are agreed, not read from the document."""
    assert BITS == {Plane.REVOCATION: 1, Plane.HEALTH: 2, Plane.TEST: 8, Plane.DOSES: 2}
