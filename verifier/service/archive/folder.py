"""The records folder: <day>/HH-N.parquet, <day>/manifest.json, progress.json (docs/records.md).

A part is written beside, forced to disk, and renamed: its name is its commit. The manifest follows;
a part that it does not know is one whose writer ended in between, and is taken in. So whatever
moment a kill picks, a record stands in exactly one part, or still only in the store.
"""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self, TypeVar

import msgspec

from runtime.disk import FILE_MODE, sync_folder, write_whole
from verifier.archive.columns import read_contents
from verifier.archive.hours import day_name, day_named, day_of
from verifier.archive.manifest import (
    ArchiveProgress,
    Contents,
    DayManifest,
    DayPart,
    EntryId,
    last_ids,
    next_number,
    part_file,
)
from verifier.contract.errors import MalformedError

FOLDER_MODE: Final = 0o700
MAX_JSON_BYTES: Final = 4 * 1024 * 1024
"""Bytes of a manifest or of the progress; 24 parts take some 60 KB."""
_MANIFEST: Final = "manifest.json"
_PROGRESS: Final = "progress.json"
_LOCK: Final = "lock"
_BLOCK: Final = 1024 * 1024

Kept = TypeVar("Kept", DayManifest, ArchiveProgress)


class FolderError(Exception):
    """The folder cannot be used; the text names the file and what to do."""


class RecordsFolder:
    """The folder as its one writer holds it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        self._lock = (path / _LOCK).open("a")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._lock.close()
            raise FolderError(f"{path}: another archiving process writes here") from error
        self._manifests: dict[int, DayManifest] = {}

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        """Let the folder go."""
        self._lock.close()

    def progress(self) -> ArchiveProgress | None:
        """Read how far the moving has come; None before the first time.

        Raises:
            FolderError: the file cannot be read as such.
        """
        return _read(self.path / _PROGRESS, ArchiveProgress)

    def keep_progress(self, progress: ArchiveProgress) -> None:
        """Write how far the moving has come."""
        _write(self.path / _PROGRESS, progress)

    def last_of(self, hour: int) -> dict[int, EntryId]:
        """Return the last entry moved of each stream of an hour."""
        return last_ids(self.manifest(day_of(hour)).parts, hour)

    def manifest(self, day: int) -> DayManifest:
        """Return a day's manifest; what a kill has left behind is put right first.

        Raises:
            FolderError: a file of the day is not what its name says.
        """
        found = self._manifests.get(day)
        if found is None:
            found = self._manifests[day] = self._recovered(day)
        return found

    @contextmanager
    def part(self, hour: int) -> Iterator["NewPart"]:
        """Open an hour's next part; it counts once `keep` was called, else it never was."""
        day = day_of(hour)
        manifest = self.manifest(day)
        folder = self.path / day_name(day)
        if not folder.exists():
            folder.mkdir(mode=FOLDER_MODE)
            sync_folder(self.path)
        number = next_number(manifest.parts, hour)
        beside = folder / f".{part_file(hour, number)}.new"
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE)
        try:
            with os.fdopen(descriptor, "wb") as sink:
                yield NewPart(self, sink, beside, number)
        finally:
            beside.unlink(missing_ok=True)

    def commit(self, sink: IO[bytes], beside: Path, contents: Contents) -> DayPart:
        """Give a part its name, then its line in the manifest; both on disk when it returns."""
        sink.flush()
        os.fsync(sink.fileno())
        target = beside.with_name(contents.file)
        part = _listed(beside, contents)
        beside.rename(target)
        sync_folder(target.parent)
        self._list(part)
        return part

    def _list(self, part: DayPart) -> None:
        day = day_of(part.holds.hour)
        manifest = self.manifest(day).with_part(part)
        _write(self.path / day_name(day) / _MANIFEST, manifest)
        self._manifests[day] = manifest

    def _recovered(self, day: int) -> DayManifest:
        name = day_name(day)
        folder = self.path / name
        manifest = _read(folder / _MANIFEST, DayManifest) or DayManifest(day=name)
        if not folder.exists():
            return manifest
        known = {part.file for part in manifest.parts}
        for path in sorted(folder.iterdir()):
            if path.name.startswith("."):
                path.unlink()  # never got its name: what it held is still in the store
            elif path.name not in known and path.suffix == ".parquet":
                manifest = manifest.with_part(_found(path, day))
        if {part.file for part in manifest.parts} != known:
            _write(folder / _MANIFEST, manifest)
        return manifest

    def days(self) -> list[int]:
        """Return the days that have a folder here, oldest first."""
        found = [day_named(path.name) for path in self.path.iterdir() if path.is_dir()]
        return sorted(day for day in found if day is not None)

    def destroy(self, day: int) -> int:
        """Remove a day's files, the manifest last; returns how many rows it listed."""
        folder = self.path / day_name(day)
        try:
            rows = self.manifest(day).rows
        except FolderError:  # what cannot be read must go all the same
            rows = 0
        for path in sorted(folder.iterdir(), key=lambda it: (it.name == _MANIFEST, it.name)):
            path.unlink()
        folder.rmdir()
        sync_folder(self.path)
        self._manifests.pop(day, None)
        return rows


class NewPart:
    """A part that is being written."""

    def __init__(self, folder: RecordsFolder, sink: IO[bytes], beside: Path, number: int) -> None:
        self.sink, self.number = sink, number
        self._folder, self._beside = folder, beside

    def keep(self, contents: Contents) -> DayPart:
        """Commit it; on disk when this returns."""
        return self._folder.commit(self.sink, self._beside, contents)


def _found(path: Path, day: int) -> DayPart:
    """Describe a part that has its name and no line in the manifest."""
    try:
        with path.open("rb") as source:
            contents = read_contents(source)
    except MalformedError as error:
        raise FolderError(f"{path}: {error}; move it away and start again") from error
    if contents.file != path.name or day_of(contents.hour) != day:
        raise FolderError(f"{path}: holds another hour than its name says; move it away")
    return _listed(path, contents)


def _listed(path: Path, contents: Contents) -> DayPart:
    return DayPart(
        file=contents.file,
        octets=path.stat().st_size,
        sha256=digest_of_file(path),
        holds=contents,
    )


def digest_of_file(path: Path) -> str:
    """Return the SHA-256 of a file in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _read(path: Path, kind: type[Kept]) -> Kept | None:
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(MAX_JSON_BYTES), type=kind)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise FolderError(f"{path}: {error}; restore it, or move it away") from error


def _write(path: Path, value: DayManifest | ArchiveProgress) -> None:
    """Write a file whole or not at all; on disk when it returns."""
    write_whole(path, msgspec.json.format(msgspec.json.encode(value)))
