"""The verdict on a group: its members' colours counted, and who is an exception."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from verifier.contract.scan import GroupCounts
from verifier.contract.vocabulary import Colour
from verifier.groups.roster import Members
from verifier.status.plane import PlaneView


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupVerdict:
    """What a group's members add up to at a place."""

    members: Members
    counts: GroupCounts
    passing: NDArray[np.int64]
    """Person indices of the members who pass."""


def judge(members: Members, health: PlaneView | None, accepted: frozenset[int]) -> GroupVerdict:
    """Count colours and name the exceptions; with `health` None nobody is one.

    Raises:
        IndexError: a member outside the plane.
    """
    total = len(members.persons)
    if health is None:
        return GroupVerdict(
            members=members,
            counts=GroupCounts(members=total, green=0, yellow=0, red=0, none=0, exceptions=()),
            passing=members.persons,
        )
    colours = health.values.many(members.persons)
    passes = np.isin(colours, list(accepted))
    tally = np.bincount(colours, minlength=4)
    names = members.masked_names
    exceptions = tuple(
        (int(at) + 1, None if names is None else names[at]) for at in np.flatnonzero(~passes)
    )
    return GroupVerdict(
        members=members,
        counts=GroupCounts(
            members=total,
            green=int(tally[Colour.GREEN]),
            yellow=int(tally[Colour.YELLOW]),
            red=int(tally[Colour.RED]),
            none=int(tally[Colour.NONE]),
            exceptions=exceptions,
        ),
        passing=members.persons[passes],
    )
