"""Packed changes: written, merged, read strictly."""

import pytest

from verifier.contract.errors import MalformedError
from verifier.status.changes import count_changes, merge_changes, pack_changes, read_changes


def pairs(packed: bytes) -> list[tuple[int, int]]:
    """Return what packed changes say."""
    return [(int(i), int(v)) for i, v in read_changes(packed, bits=8, size=1 << 32)]


def test_changes_are_packed_ascending_and_the_last_counts() -> None:
    """Five bytes each: index, big-endian, and the value."""
    packed = pack_changes([(258, 1), (3, 2), (258, 3)], bits=2)
    assert packed == bytes.fromhex("0000000302 0000010203")
    assert count_changes(packed) == 2


def test_no_change_is_no_octet() -> None:
    """And reads as none."""
    assert pack_changes([], bits=2) == b""
    assert pairs(b"") == []


def test_of_several_lists_the_newest_change_of_an_index_counts() -> None:
    """Whatever else stands between them."""
    merged = merge_changes(
        [
            pack_changes([(1, 1), (9, 1)], bits=2),
            pack_changes([(1, 2), (5, 1)], bits=2),
            pack_changes([(1, 3)], bits=2),
        ]
    )
    assert pairs(merged) == [(1, 3), (5, 1), (9, 1)]


@pytest.mark.parametrize("index", [-1, 1 << 32])
def test_an_index_that_no_list_has_is_not_packed(index: int) -> None:
    """Below zero or past 32 bits."""
    with pytest.raises(IndexError):
        pack_changes([(index, 1)], bits=2)


@pytest.mark.parametrize("value", [-1, 4])
def test_a_value_that_the_plane_does_not_have_is_not_packed(value: int) -> None:
    """Two bits hold 0 to 3."""
    with pytest.raises(ValueError, match="plane"):
        pack_changes([(0, value)], bits=2)


@pytest.mark.parametrize(
    "packed",
    ["00000003", "0000000301 0000000302", "0000000401 0000000301", "0000000a01", "0000000304"],
    ids=["cut", "twice", "descending", "outside", "value"],
)
def test_what_is_not_in_order_is_refused(packed: str) -> None:
    """For a plane of ten values of two bits."""
    with pytest.raises(MalformedError):
        read_changes(bytes.fromhex(packed), bits=2, size=10)
