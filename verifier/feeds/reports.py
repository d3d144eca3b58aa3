"""What a source is told of a batch: where it stands, what was wrong with which line. Bounded.

A report names lines by number and fields by name; it never repeats what a line said.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec

from verifier.errors import FeedCause

MAX_TOLD: Final = 100
"""Wrong lines that a report names; the rest are only counted."""
Counts = dict[str, dict[str, int]]
"""Plane to value (its word) to lines."""


class BatchState(StrEnum):
    """Where a batch stands."""

    RECEIVING = "receiving"
    APPLYING = "applying"
    APPLIED = "applied"
    REFUSED = "refused"
    """Nothing of it was applied, and its number is free for another batch."""


class LineFault(StrEnum):
    """What is wrong with a line."""

    LONG = "line.long"
    FORM = "line.form"
    """Not the JSON, or not the columns, that a line has."""
    REFERENCE = "line.reference"
    PERSON = "line.person"
    """Nobody of this list has the reference, or the index was never given out."""
    PLANE = "line.plane"
    """Outside the manifest's planes."""
    VALUE = "line.value"
    """Outside the source's scope."""
    TIME = "line.time"
    """Observed after now, or longer ago than can be compared."""


class WrongLine(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One wrong line: its number from 1, the field, what is wrong."""

    line: int
    field: str
    fault: LineFault


class BatchReport(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of a batch."""

    source: str
    batch: str
    """Id, hex."""
    digest: str
    """Of its text, hex."""
    sequence: int
    state: BatchState
    octets: int = 0
    """Of the text, read and kept: a part that goes on begins here."""
    lines: int = 0
    """Read so far."""
    applied: int = 0
    older: int = 0
    """Lines that a newer observation had overtaken: right, and without effect."""
    skipped: int = 0
    """Lines about persons unknown here, of a source that may send such."""
    wrong: int = 0
    counts: Counts = {}
    """Of the right lines."""
    wrong_lines: tuple[WrongLine, ...] = ()
    """The first of them."""
    cause: FeedCause | None = None
    """Why it was refused."""
    chain: str | None = None
    """Over all batches up to this one, once it is applied."""
    observed: int = 0
    """Newest time of observation."""
    at: int = 0
    """When it was finished or refused, Unix seconds."""


def add_counts(counts: Counts, more: Mapping[str, Mapping[str, int]]) -> None:
    """Add counts to counts, in place."""
    for plane, values in more.items():
        row = counts.setdefault(plane, {})
        for value, lines in values.items():
            row[value] = row.get(value, 0) + lines
