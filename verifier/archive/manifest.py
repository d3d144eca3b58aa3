"""What was moved: the parts of a day, and how far the moving has come. Values and their JSON.

A part is one file with the records of one closed hour; an hour has another part only when the
store took records into it after it was moved. Each part says in itself what it holds, so that one
whose line in the manifest was never written is found and counted. Follows docs/records.md.
"""

from collections.abc import Iterable
from typing import Annotated, Final, NamedTuple

import msgspec
from msgspec import Meta

from verifier.archive.hours import HOURS, hour_name
from verifier.archive.passed import PassedTime
from verifier.contract.errors import MalformedError

FORMAT: Final = 1
"""Of manifests and columns; raised when an older reader would misread them."""
MAX_GAPS: Final = 100
"""Gaps remembered; the oldest go first. A month has room for some 25 outages of a day and more."""

Count = Annotated[int, Meta(ge=0)]


class EntryId(NamedTuple):
    """Id of an entry in its stream: milliseconds, and the number within one."""

    ms: int
    number: int

    def __str__(self) -> str:
        return f"{self.ms}-{self.number}"


def entry_id(text: str) -> EntryId:
    """Read an id.

    Raises:
        MalformedError: it is none.
    """
    ms, _, number = text.partition("-")
    try:
        return EntryId(int(ms), int(number))
    except ValueError as error:
        raise MalformedError("not the id of an entry") from error


class Contents(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a part says of itself, in its footer under `kapok.part`."""

    format: int = FORMAT
    hour: Count
    number: Annotated[int, Meta(ge=1)]
    """Of the hour's parts, from 1."""
    rows: Count
    unread: Count
    """Rows of which only the bytes could be kept."""
    last: dict[str, str]
    """Hash tag (two hex digits) to the id of its last entry here."""

    @property
    def file(self) -> str:
        """Name of the part within its day's folder."""
        return part_file(self.hour, self.number)


class DayPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part as the manifest lists it."""

    file: str
    octets: Count
    sha256: Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
    holds: Contents


class DayManifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """manifest.json of a day: its parts, ascending by hour and number."""

    format: int = FORMAT
    day: str
    parts: tuple[DayPart, ...] = ()

    @property
    def rows(self) -> int:
        """Rows of all parts."""
        return sum(part.holds.rows for part in self.parts)

    @property
    def octets(self) -> int:
        """Bytes of all parts."""
        return sum(part.octets for part in self.parts)

    def with_part(self, part: DayPart) -> "DayManifest":
        """Return the manifest with a part more."""
        parts = sorted((*self.parts, part), key=lambda it: (it.holds.hour, it.holds.number))
        return msgspec.structs.replace(self, parts=tuple(parts))


class Gap(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hours whose records may have left the store before they were moved."""

    first: Count
    last: Count
    """Both hours included."""
    noticed: Count
    """Milliseconds of the store's clock."""

    def __str__(self) -> str:
        return f"{hour_name(self.first)} to {hour_name(self.last)}"


class ArchiveProgress(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """progress.json: how far the moving has come."""

    format: int = FORMAT
    through: Count
    """Every hour up to this one is moved, or stands in a gap."""
    gaps: tuple[Gap, ...] = ()
    rewritten: Count = 0
    """Unix seconds at which the store's append-only file was last rewritten for us."""
    cleared: Count = 0
    """Every hour up to this one was taken out of the store; 0: none yet."""
    passed: PassedTime | None = None
    """How much time has surely passed; None before the first look."""


def part_file(hour: int, number: int) -> str:
    """Return the name of a part: HH-N.parquet."""
    return f"{hour % HOURS:02d}-{number}.parquet"


def last_ids(parts: Iterable[DayPart], hour: int) -> dict[int, EntryId]:
    """Return the last entry moved of each hash tag's stream of an hour."""
    found: dict[int, EntryId] = {}
    for part in parts:
        if part.holds.hour == hour:
            for tag, text in part.holds.last.items():
                number, last = int(tag, 16), entry_id(text)
                found[number] = max(last, found.get(number, last))
    return found


def next_number(parts: Iterable[DayPart], hour: int) -> int:
    """Return the number that an hour's next part gets."""
    return 1 + max((part.holds.number for part in parts if part.holds.hour == hour), default=0)


def advanced(
    progress: ArchiveProgress, *, through: int, whole_from: int, now_ms: int
) -> ArchiveProgress:
    """Note that hours up to `through` were read, of which those before `whole_from` came too late.

    Returns the progress, with a gap for the hours that the store may have let go unread.
    """
    gaps = progress.gaps
    first, last = progress.through + 1, min(whole_from - 1, through)
    if first <= last and gaps and (gaps[-1].last, gaps[-1].noticed) == (first - 1, now_ms):
        gaps = (*gaps[:-1], msgspec.structs.replace(gaps[-1], last=last))
    elif first <= last:
        gaps = (*gaps, Gap(first=first, last=last, noticed=now_ms))[-MAX_GAPS:]
    return msgspec.structs.replace(progress, through=max(progress.through, through), gaps=gaps)
