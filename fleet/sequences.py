"""Sequences: which `reported` and `result` the fleet has stored of each terminal, without gaps.

Pure. Each generation counts from 1. A number is stored only when the one before it is; so the one
number in `ack` speaks for all below it, also when the broker lost or dropped some in between. What
a terminal no longer keeps it says in its birth.
"""

from enum import StrEnum

from msgspec import Struct, structs


class SequenceName(StrEnum):
    """What is counted."""

    REPORTED = "reported"
    RESULT = "result"


class SequencePlace(StrEnum):
    """Where a number falls."""

    NEXT = "next"
    DUPLICATE = "duplicate"
    GAP = "gap"
    """Earlier ones are missing; not stored, the terminal sends them again."""


class Sequences(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Highest stored of each name."""

    generation: int
    reported: int = 0
    result: int = 0


def place(stored: Sequences, name: SequenceName, sequence: int) -> SequencePlace:
    """Say where a number falls."""
    highest = stored.reported if name is SequenceName.REPORTED else stored.result
    if sequence <= highest:
        return SequencePlace.DUPLICATE
    return SequencePlace.NEXT if sequence == highest + 1 else SequencePlace.GAP


def advance(stored: Sequences, name: SequenceName) -> Sequences:
    """Count one more as stored."""
    if name is SequenceName.REPORTED:
        return structs.replace(stored, reported=stored.reported + 1)
    return structs.replace(stored, result=stored.result + 1)


def begin(
    stored: Sequences | None, generation: int, reported_from: int, result_from: int
) -> tuple[Sequences, bool]:
    """Take in a birth; returns the sequences, and whether results are missing for good."""
    if stored is None or stored.generation != generation:
        stored = Sequences(generation=generation)
    missing = result_from - 1 > stored.result
    return (
        structs.replace(
            stored,
            reported=max(stored.reported, reported_from - 1),
            result=max(stored.result, result_from - 1),
        ),
        missing,
    )
