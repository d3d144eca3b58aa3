import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.support.store_line import new_scan, record
from verifier.archive.columns import PartWriter, read_rows
from verifier.archive.hours import HOURS, day_name
from verifier.archive.manifest import ArchiveProgress, DayPart, EntryId
from verifier.archive.row import StreamEntry
from verifier.contract.vocabulary import Answer
from verifier.service.archive.folder import FolderError, RecordsFolder

DAY = 20_782
HOUR = DAY * HOURS + 7
MOST_STEPS = 100


class Killed(BaseException):
    """The process ended here."""


class Kill:
    """Lets the n-th step to the disk be the last: from then on nothing reaches it."""

    def __init__(self, patch: pytest.MonkeyPatch, at: int) -> None:
        self._left = at
        for owner, name in (
            (os, "open"), (os, "fsync"), (Path, "rename"), (Path, "replace"),
            (Path, "unlink"), (Path, "mkdir"), (Path, "rmdir"),
        ):  # fmt: skip
            patch.setattr(owner, name, self._counted(getattr(owner, name)))

    @property
    def came(self) -> bool:
        """Say whether the step was reached."""
        return self._left <= 0

    def _counted(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def step(*arguments: Any, **named: Any) -> Any:
            self._left -= 1
            if self.came:
                raise Killed
            return real(*arguments, **named)

        return step


def entries(first: int, count: int) -> list[StreamEntry]:
    """Make entries of one tag."""
    return [
        StreamEntry(3, EntryId(first, number), b"", record(new_scan()), Answer.FRESH)
        for number in range(count)
    ]


def move(path: Path, stream: list[StreamEntry]) -> None:
    """Move what an hour's stream holds behind what was moved, as the process does."""
    with RecordsFolder(path) as folder:
        last = folder.last_of(HOUR).get(3, EntryId(0, 0))
        new = [entry for entry in stream if entry.id > last]
        if new:
            with folder.part(HOUR) as part:
                writer = PartWriter(part.sink, HOUR, part.number)
                writer.add(new)
                part.keep(writer.close())
        folder.keep_progress(ArchiveProgress(through=HOUR))


def rows(path: Path) -> list[bytes]:
    """Return the scan_ids of all that the manifest lists."""
    with RecordsFolder(path) as folder:
        parts = folder.manifest(DAY).parts
        found = []
        for part in parts:
            with (path / day_name(DAY) / part.file).open("rb") as source:
                found += [row["scan_id"] for row in read_rows(source)]
        return found


def test_a_kill_at_any_step_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """At every step to the disk, in a first part and in a later one; the next start repairs it."""
    first, later = entries(1_000, 5), entries(2_000, 5)
    for step in range(1, MOST_STEPS):
        path = tmp_path / str(step)
        move(path, first)
        with pytest.MonkeyPatch.context() as patch:
            kill = Kill(patch, step)
            with suppress(Killed):
                move(path, [*first, *later])
        move(path, [*first, *later])
        wanted = [entry.record.scan_id for entry in (*first, *later) if entry.record]
        assert rows(path) == wanted, step
        assert not list(path.rglob(".*.parquet.new")), step
        if not kill.came:
            break
    else:
        pytest.fail("more steps than were tried")
    assert step > 5


def test_a_kill_at_any_step_of_the_first_part(tmp_path: Path) -> None:
    """When folder, manifest and progress are not there yet."""
    stream = entries(1_000, 5)
    for step in range(1, MOST_STEPS):
        path = tmp_path / str(step)
        with pytest.MonkeyPatch.context() as patch:
            kill = Kill(patch, step)
            with suppress(Killed):
                move(path, stream)
        move(path, stream)
        assert len(rows(path)) == len(stream), step
        if not kill.came:
            break
    assert step > 5


def test_a_kill_at_any_step_of_the_end_of_a_day(tmp_path: Path) -> None:
    """The next look ends it."""
    for step in range(1, MOST_STEPS):
        path = tmp_path / str(step)
        move(path, entries(1_000, 5))
        with pytest.MonkeyPatch.context() as patch:
            kill = Kill(patch, step)
            with suppress(Killed), RecordsFolder(path) as folder:
                folder.destroy(DAY)
        with RecordsFolder(path) as folder:
            for day in folder.days():
                folder.destroy(day)
        assert not (path / day_name(DAY)).exists()
        if not kill.came:
            break
    assert step > 3


@pytest.fixture
def listed(tmp_path: Path) -> Iterator[tuple[RecordsFolder, DayPart]]:
    """Yield a folder with one part."""
    move(tmp_path, entries(1_000, 5))
    with RecordsFolder(tmp_path) as folder:
        (part,) = folder.manifest(DAY).parts
        yield folder, part


def test_one_writer_at_a_time(listed: tuple[RecordsFolder, DayPart]) -> None:
    """A second would give two parts one name."""
    with pytest.raises(FolderError):
        RecordsFolder(listed[0].path)


def test_files_are_the_accounts_alone(listed: tuple[RecordsFolder, DayPart]) -> None:
    """Nobody else reads records."""
    folder, part = listed
    day = folder.path / day_name(DAY)
    assert day.stat().st_mode & 0o077 == 0
    for name in (part.file, "manifest.json"):
        assert (day / name).stat().st_mode & 0o177 == 0


@pytest.mark.parametrize("name", ["07-2.parquet", "09-1.parquet"])
def test_a_stranger_among_the_parts_is_refused(tmp_path: Path, name: str) -> None:
    """What does not hold what its name says is not counted; a person must look."""
    move(tmp_path, entries(1_000, 5))
    folder = tmp_path / day_name(DAY)
    (folder / name).write_bytes(
        (folder / "07-1.parquet").read_bytes()[: 200 if "2" in name else None]
    )
    with RecordsFolder(tmp_path) as opened, pytest.raises(FolderError):
        opened.manifest(DAY)


def test_a_manifest_that_cannot_be_read_is_refused_and_destroyed_all_the_same(
    tmp_path: Path,
) -> None:
    """Counting stops; the end of the day does not."""
    move(tmp_path, entries(1_000, 5))
    (tmp_path / day_name(DAY) / "manifest.json").write_bytes(b"{")
    with RecordsFolder(tmp_path) as folder:
        with pytest.raises(FolderError):
            folder.last_of(HOUR)
        folder.destroy(DAY)
        assert folder.days() == []
