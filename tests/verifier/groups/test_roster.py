"""Rosters and packed members: one form for one set of persons."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.city import GROUP_ID
from tests.support.publisher import NOW
from verifier.contract.bundle import Roster, RosterMember, RostersDocument
from verifier.contract.errors import MalformedError
from verifier.groups.roster import (
    MAX_PACKED_MEMBERS,
    NO_ROSTERS,
    PlaceRosters,
    open_rosters,
    pack_members,
    unpack_members,
)

PERSONS = st.lists(st.integers(0, (1 << 32) - 1), min_size=1, max_size=64, unique=True).map(sorted)


@given(PERSONS)
def test_round_trip(persons: list[int]) -> None:
    """Whoever is packed comes out, in order."""
    packed = pack_members(persons)
    members = unpack_members(packed, count=len(persons), list_number=7)
    assert members.persons.tolist() == persons
    assert (members.list, members.masked_names) == (7, None)


@given(st.binary(max_size=40), st.integers(0, 70))
def test_one_packed_form(packed: bytes, count: int) -> None:
    """What unpacks is strictly ascending, counted, and packs to the same bytes."""
    try:
        members = unpack_members(packed, count=count, list_number=1)
    except MalformedError:
        return
    persons = members.persons.tolist()
    assert sorted(set(persons)) == persons
    assert len(persons) == count
    assert pack_members(persons) == packed


WRONG = {
    "nobody": (b"", 0),
    "nobody, one counted": (b"", 1),
    "one more than counted": (b"\x00\x00", 1),
    "one fewer than counted": (b"\x00\x00", 3),
    "65 members": (b"\x00" * 65, 65),
    "a longer form of zero": (b"\x80\x00", 1),
    "a longer form": (b"\x81\x00", 1),
    "cut short": (b"\x00\x80", 2),
    "a byte after the last": (b"\x00\x00", 1),
    "an index past 32 bits": (b"\x80\x80\x80\x80\x10", 1),
    "a sum past 32 bits": (b"\xff\xff\xff\xff\x0f\x00", 2),
    "six bytes": (b"\x80\x80\x80\x80\x80\x01", 1),
    "a great count": (b"\x00", (1 << 64) - 1),
}


@pytest.mark.parametrize("name", WRONG)
def test_refused(name: str) -> None:
    """Count, form and range are exact."""
    packed, count = WRONG[name]
    with pytest.raises(MalformedError):
        unpack_members(packed, count=count, list_number=1)


def test_bounds_themselves_pass() -> None:
    """64 members, and the greatest index."""
    assert len(unpack_members(b"\x00" * 64, count=MAX_PACKED_MEMBERS, list_number=1).persons) == 64
    greatest = unpack_members(b"\xff\xff\xff\xff\x0f", count=1, list_number=1)
    assert greatest.persons.tolist() == [(1 << 32) - 1]


@pytest.mark.parametrize("persons", [[1, 1], [2, 1], [-1]])
def test_disorder_cannot_be_packed(persons: list[int]) -> None:
    """A duplicate has no packed form at all."""
    with pytest.raises(MalformedError):
        pack_members(persons)


def roster(version: int, *persons: int) -> Roster:
    """Make a roster of some persons."""
    members = tuple(RosterMember(person=person, masked_name=f"{person}*") for person in persons)
    return Roster(group=GROUP_ID, version=version, iat=NOW, list=1, members=members)


def at(place: str, *rosters: Roster) -> PlaceRosters:
    """Open a place's rosters."""
    return open_rosters(
        RostersDocument(
            type="rosters", version=9, iat=NOW, exp=NOW + 1, place=place, rosters=rosters
        )
    )


def test_the_newest_roster_of_a_group_counts() -> None:
    """Whatever the order in which they stand."""
    for rosters in ((roster(1, 5), roster(2, 6)), (roster(2, 6), roster(1, 5))):
        known = NO_ROSTERS.replaced(at("hall-1", *rosters)).find("hall-1", GROUP_ID)
        assert known is not None
        assert (known.version, known.members.persons.tolist()) == (2, [6])


def test_a_roster_is_known_where_its_group_is_assigned() -> None:
    """Nowhere else; a place's newer rosters take the place of its older ones alone."""
    both = NO_ROSTERS.replaced(at("hall-1", roster(1, 5))).replaced(at("metro-1", roster(1, 5)))
    later = both.replaced(at("hall-1"))
    assert both.find("hall-1", GROUP_ID) is not None
    assert both.find("hall-1", bytes(8)) is None
    assert both.find("museum-1", GROUP_ID) is None
    assert later.find("hall-1", GROUP_ID) is None
    assert later.find("metro-1", GROUP_ID) is not None
    assert later.without("metro-1").find("metro-1", GROUP_ID) is None


@pytest.mark.parametrize("persons", [(5, 5), (6, 5)])
def test_rosters_out_of_order_are_refused(persons: tuple[int, ...]) -> None:
    """A person twice would take two places."""
    with pytest.raises(MalformedError):
        at("hall-1", roster(1, *persons))
