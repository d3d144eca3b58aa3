"""Rosters by place and group, and the packed members of a group presentation.

Packed members: person indices strictly ascending, the first absolute, then gaps - 1, as LEB128.
The count must match; a duplicate cannot be written; a trailing byte, an over-long number or an
index past 32 bits is malformed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from verifier.contract.bundle import Roster, RostersDocument
from verifier.contract.errors import MalformedError

MAX_PACKED_MEMBERS: Final = 64
"""Members a presentation may carry; larger rosters come by bundle."""
_MAX_LEB128_BYTES: Final = 5
"""Bytes of a 32-bit number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Members:
    """The members a group code speaks for, ascending by person index."""

    list: int
    persons: NDArray[np.int64]
    masked_names: tuple[str, ...] | None
    """None where the roster is not known here and the code carried the members."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownRoster:
    """A verified roster, ready for lookups."""

    version: int
    as_of: float
    members: Members


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceRosters:
    """The groups that are assigned to a place, by group id."""

    place: str
    by_group: Mapping[bytes, KnownRoster]


class Rosters:
    """Known rosters by place and group; immutable."""

    __slots__ = ("_by_place",)

    def __init__(self, by_place: Mapping[str, PlaceRosters]) -> None:
        self._by_place = by_place

    def find(self, place: str, group: bytes) -> KnownRoster | None:
        """Return the newest roster of a group that is assigned to a place, if it is known here."""
        found = self._by_place.get(place)
        return None if found is None else found.by_group.get(group)

    def replaced(self, newer: PlaceRosters) -> "Rosters":
        """Return rosters with those of one place exchanged."""
        return Rosters({**self._by_place, newer.place: newer})

    def without(self, place: str) -> "Rosters":
        """Return rosters without those of a place."""
        return Rosters({name: one for name, one in self._by_place.items() if name != place})


def open_rosters(document: RostersDocument) -> PlaceRosters:
    """Make a place's rosters ready for lookups; of two of a group the newer counts.

    Raises:
        MalformedError: members out of order.
    """
    by_group: dict[bytes, KnownRoster] = {}
    for roster in document.rosters:
        newest = by_group.get(roster.group)
        if newest is None or newest.version < roster.version:
            by_group[roster.group] = _known(roster)
    return PlaceRosters(place=document.place, by_group=by_group)


def _known(roster: Roster) -> KnownRoster:
    persons = np.array([member.person for member in roster.members], dtype=np.int64)
    if len(persons) > 1 and not (np.diff(persons) > 0).all():
        raise MalformedError("roster members out of order")
    names = tuple(member.masked_name for member in roster.members)
    members = Members(list=roster.list, persons=persons, masked_names=names)
    return KnownRoster(version=roster.version, as_of=roster.iat, members=members)


def pack_members(persons: Iterable[int]) -> bytes:
    """Pack strictly ascending person indices."""
    packed = bytearray()
    previous = -1
    for person in persons:
        gap = person - previous - 1
        if gap < 0:
            raise MalformedError("members out of order")
        previous = person
        while gap > 0x7F:
            packed.append(gap & 0x7F | 0x80)
            gap >>= 7
        packed.append(gap)
    return bytes(packed)


def unpack_members(packed: bytes, *, count: int, list_number: int) -> Members:
    """Unpack the members of a presentation of list `list_number`.

    Raises:
        MalformedError: not exactly `count` members (at most 64), or not in the one packed form.
    """
    if not 1 <= count <= MAX_PACKED_MEMBERS:
        raise MalformedError("a count of members that cannot be carried")
    persons: list[int] = []
    previous = -1
    position = 0
    while position < len(packed):
        gap, position = _leb128(packed, position)
        previous += gap + 1
        persons.append(previous)
        if len(persons) > count or previous > 0xFFFF_FFFF:
            raise MalformedError("members that do not match the count or the index range")
    if len(persons) != count:
        raise MalformedError("members that do not match the count")
    return Members(list=list_number, persons=np.array(persons, dtype=np.int64), masked_names=None)


def _leb128(packed: bytes, position: int) -> tuple[int, int]:
    value = 0
    for place in range(_MAX_LEB128_BYTES):
        if position + place >= len(packed):
            break
        byte = packed[position + place]
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            if byte == 0 and place:
                raise MalformedError("a longer form than needed")
            return value, position + place + 1
    raise MalformedError("a number cut short or too long")


NO_ROSTERS: Final = Rosters({})
