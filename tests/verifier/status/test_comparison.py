"""Where a plane differs from what stands elsewhere."""

import numpy as np
import pytest

from verifier.status.changes import pack_changes
from verifier.status.comparison import (
    Differences,
    Differing,
    differences,
    filled_in,
    led_on,
    part_of,
)
from verifier.status.plane import PackedValues, pack

SIZE = 1001


def plane(bits: int, values: dict[int, int]) -> PackedValues:
    """Make a plane with some values."""
    whole = np.zeros(SIZE, np.uint8)
    whole[list(values)] = list(values.values())
    return PackedValues(bits=bits, size=SIZE, data=pack(whole, bits))


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_differences_are_found_value_by_value(bits: int) -> None:
    """Each once, in order, also in one byte and in the last one."""
    known = plane(bits, {0: 1, 7: 1, 500: 1})
    there = plane(bits, {0: 1, 6: 1, 7: 0, 500: 1, SIZE - 1: 1})
    found = differences(known, bytes(there.packed()), 2)
    assert found == Differences(3, (Differing(6, 1, 0), Differing(7, 0, 1)))
    assert differences(known, bytes(known.packed()), 9) == Differences(0, ())


def test_what_is_filled_in_changes_nothing_that_stands() -> None:
    """A load's value counts only where nothing stood."""
    known = plane(2, {1: 3, 2: 2})
    there = plane(2, {1: 1, 2: 2, 3: 1})
    filled = filled_in(known, bytes(there.packed()))
    assert [filled[place] for place in range(5)] == [0, 3, 2, 1, 0]


def test_changes_lead_on() -> None:
    """Packed changes are applied; none leave the same values."""
    known = plane(2, {1: 3})
    after = led_on(known, pack_changes([(1, 1), (9, 2)], bits=2))
    assert (after[1], after[9]) == (1, 2)
    assert led_on(known, b"") is known


def test_a_part_is_told_from_what_was_not_asked_for() -> None:
    """By whole records: index and value."""
    whole = pack_changes([(1, 1), (2, 2), (3, 3)], bits=2)
    assert part_of(pack_changes([(1, 1), (3, 3)], bits=2), whole)
    assert part_of(b"", whole)
    assert not part_of(pack_changes([(1, 2)], bits=2), whole)
    assert not part_of(whole[:5] + b"\0\0", whole)
