"""The day files of a data folder: what there is, whether it is whole, how far the moving is."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from deploy.local.disk_errors import closed
from deploy.local.errors import LocalError, UsageError
from verifier.archive.hours import HOURS, KEEP_DAYS, day_name, day_named
from verifier.archive.manifest import ArchiveProgress, DayManifest, DayPart
from verifier.archive.row import COLUMNS
from verifier.contract.errors import MalformedError

FOLDER: Final = "records"
COUNTED: Final = (
    *("decision", "decision_reason", "answer", "place", "gate", "terminal", "direction", "format"),
    *("kind", "colour", "sector_class", "rule", "offline", "manual", "incident", "amended"),
)
"""Columns that may be counted by: those whose values are few."""
_MANIFEST: Final = "manifest.json"
_BLOCK: Final = 1024 * 1024
Kept = TypeVar("Kept", DayManifest, ArchiveProgress)


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A day that has files."""

    day: int
    folder: Path
    manifest: DayManifest

    @property
    def name(self) -> str:
        """YYYY-MM-DD."""
        return day_name(self.day)

    @property
    def hours(self) -> int:
        """How many of its hours have records."""
        return len({part.holds.hour for part in self.manifest.parts})

    @property
    def until(self) -> str:
        """The day at whose beginning it is destroyed."""
        return day_name(self.day + KEEP_DAYS + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class DayFlaw:
    """What is wrong with a file."""

    path: Path
    what: str


def read_days(data: Path) -> list[Day]:
    """Return the days of a data folder, oldest first.

    Raises:
        UsageError: there are none, or they belong to another account.
        LocalError: a manifest cannot be read.
    """
    folder = data / FOLDER
    try:
        names = sorted(path.name for path in folder.iterdir())
    except FileNotFoundError:
        raise UsageError(f"{data}: no records there; name the data folder with --data") from None
    except PermissionError as error:
        raise UsageError(closed(data)) from error
    days = [day for name in names if (day := day_named(name)) is not None]
    found = []
    for day in days:
        manifest = _read(folder / day_name(day) / _MANIFEST, DayManifest, data)
        if manifest is not None:  # else its first part is being written
            found.append(Day(day=day, folder=folder / day_name(day), manifest=manifest))
    return found


def one_day(data: Path, name: str) -> Day:
    """Return one day by its name.

    Raises:
        UsageError: no day, or nothing is kept of it.
    """
    day = day_named(name)
    if day is None:
        raise UsageError(f"{name!r} is no day; write it as 2026-11-25")
    for found in read_days(data):
        if found.day == day:
            return found
    raise UsageError(f"no records of {name} are kept in {data}")


def read_progress(data: Path) -> ArchiveProgress | None:
    """Return how far the moving has come; None where nothing was moved yet."""
    return _read(data / FOLDER / "progress.json", ArchiveProgress, data)


def flaws(day: Day) -> Iterator[DayFlaw]:
    """Compare every file of a day with its manifest, to the byte."""
    listed = {part.file: part for part in day.manifest.parts}
    for part in day.manifest.parts:
        what = _flaw(day.folder / part.file, part)
        if what is not None:
            yield DayFlaw(path=day.folder / part.file, what=what)
    for path in sorted(day.folder.glob("*.parquet")):
        if path.name not in listed:
            yield DayFlaw(
                path=path, what="no line in the manifest; the archiving process takes it in"
            )


def _flaw(path: Path, part: DayPart) -> str | None:
    from verifier.archive.columns import read_contents  # noqa: PLC0415 - as in `rows`

    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
            if digest.hexdigest() != part.sha256:
                return "other bytes than the manifest says"
            file.seek(0)
            if read_contents(file) != part.holds:
                return "holds something else than the manifest says"
    except FileNotFoundError:
        return "gone"
    except MalformedError as error:
        return str(error)
    return None


def counted(day: Day, column: str) -> Counter[str]:
    """Count a day's rows by a column.

    Raises:
        UsageError: not a column to count by.
        LocalError: a file is not whole.
    """
    if column not in COUNTED:
        raise UsageError(f"cannot count by {column!r}; there are {', '.join(COUNTED)}")
    found: Counter[str] = Counter()
    for row in rows(day, (column,)):
        found[str(row[column]) if row[column] is not None else "-"] += 1
    return found


def rows(
    day: Day, columns: tuple[str, ...] = COLUMNS, *, hour: int | None = None
) -> Iterator[dict[str, Any]]:
    """Yield a day's rows, or those of one of its hours, part after part.

    Raises:
        LocalError: a file is gone or not whole.
    """
    # pyarrow takes longer to load than most commands of kapok run.
    from verifier.archive.columns import read_rows  # noqa: PLC0415

    for part in day.manifest.parts:
        if hour is not None and part.holds.hour % HOURS != hour:
            continue
        path = day.folder / part.file
        try:
            with path.open("rb") as source:
                yield from read_rows(source, columns)
        except FileNotFoundError as error:
            raise LocalError(
                f"{path} is gone: the day was destroyed, or a file was lost"
            ) from error
        except MalformedError as error:
            raise LocalError(f"{path}: {error}; `kapok records check` says more") from error


def _read(path: Path, kind: type[Kept], data: Path) -> Kept | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise UsageError(closed(data, path)) from error
    except msgspec.DecodeError as error:
        raise LocalError(f"{path}: {error}") from error
