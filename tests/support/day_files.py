"""Day files as the archiving process writes them, of whatever day, for those who read them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.support.store_line import new_scan, record
from verifier.archive.columns import PartWriter
from verifier.archive.hours import HOUR_MS
from verifier.archive.manifest import ArchiveProgress, DayPart, EntryId
from verifier.archive.row import StreamEntry
from verifier.contract.vocabulary import Answer
from verifier.service.archive.folder import RecordsFolder


def entries(hour: int, records: Sequence[Any]) -> list[StreamEntry]:
    """Make the entries of records that were stored as an hour began."""
    return [
        StreamEntry(place % 64, EntryId(hour * HOUR_MS + place, 0), b"", made, Answer.FRESH)
        for place, made in enumerate(records)
    ]


def records_of(count: int, **changes: Any) -> list[Any]:
    """Make records of passes."""
    return [record(new_scan(), **changes) for _ in range(count)]


def write_hour(folder: Path, hour: int, records: Sequence[Any]) -> DayPart:
    """Write an hour's part into a records folder."""
    with RecordsFolder(folder) as opened:
        with opened.part(hour) as part:
            writer = PartWriter(part.sink, hour, part.number)
            writer.add(entries(hour, records))
            made = part.keep(writer.close())
        opened.keep_progress(ArchiveProgress(through=hour))
    return made
