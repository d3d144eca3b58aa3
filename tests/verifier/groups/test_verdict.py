"""The verdict on a group: counts by colour, exceptions by position, who passes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.publisher import NOW
from verifier.contract.vocabulary import Colour
from verifier.groups.roster import Members
from verifier.groups.verdict import judge
from verifier.status.plane import PackedValues, PlaneView, pack

GREEN_ONLY = frozenset({int(Colour.GREEN)})


def plane(colours: list[int]) -> PlaneView:
    """Make a health plane of some colours."""
    packed = pack(np.array(colours, np.uint8), 2)
    values = PackedValues(bits=2, size=len(colours), data=packed)
    return PlaneView(values=values, version=1, as_of=NOW)


def members(*persons: int, names: bool = False) -> Members:
    """Make the members of a group."""
    masked = tuple(f"{person}*" for person in persons) if names else None
    return Members(list=1, persons=np.array(persons, np.int64), masked_names=masked)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=64), st.frozensets(st.integers(1, 2)))
def test_counts_and_exceptions_add_up(colours: list[int], accepted: frozenset[int]) -> None:
    """Against the plain definition, person by person."""
    verdict = judge(members(*range(len(colours))), plane(colours), accepted)
    counts = verdict.counts
    assert (counts.none, counts.green, counts.yellow, counts.red) == tuple(
        colours.count(colour) for colour in range(4)
    )
    assert [at for at, _ in counts.exceptions] == [
        at for at, colour in enumerate(colours, 1) if colour not in accepted
    ]
    assert len(verdict.passing) + len(counts.exceptions) == counts.members == len(colours)


def test_names_where_the_roster_is_known() -> None:
    """Positions start at 1; a code that carried its members has no names."""
    colours = plane([1, 3, 1, 2])
    named = judge(members(0, 1, 3, names=True), colours, GREEN_ONLY)
    assert named.counts.exceptions == ((2, "1*"), (3, "3*"))
    carried = judge(members(0, 1, 3), colours, GREEN_ONLY)
    assert carried.counts.exceptions == ((2, None), (3, None))
    assert named.passing.tolist() == [0]


def test_no_colour_is_never_a_pass() -> None:
    """Zero is an exception."""
    verdict = judge(members(0), plane([0]), GREEN_ONLY)
    assert verdict.counts.exceptions == ((1, None),)


def test_a_member_outside_the_plane() -> None:
    """Outside is an error, never a colour."""
    with pytest.raises(IndexError):
        judge(members(0, 2), plane([1, 1]), GREEN_ONLY)


def test_where_health_is_not_asked_everybody_passes() -> None:
    """No plane, no exceptions, no colours."""
    verdict = judge(members(4, 9), None, frozenset())
    assert verdict.passing.tolist() == [4, 9]
    assert (verdict.counts.members, verdict.counts.exceptions) == (2, ())
