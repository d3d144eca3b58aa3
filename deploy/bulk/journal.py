"""How far a bulk issue came, and its two files: what is written is on disk before it is noted.

Beside the results lies `<results>.job`. Whoever gives the command again goes on there: both files
are cut back to what was noted, and the next batch is the one that was under way, which the issuing
process answers as it did before. Results are codes of people: every file has mode 0600.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import msgspec

from deploy.local.account import as_caller
from deploy.local.data import write_file
from deploy.local.errors import UsageError

MODE: Final = 0o600


class BulkProgress(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The journal's one entry."""

    job: str
    batch: int = 0
    """Batches that are done."""
    lines: int = 0
    """Lines of the file that are done."""
    octets: int = 0
    """Bytes of the file that are done."""
    digest: str = ""
    """SHA-256 of those."""
    results: int = 0
    """Bytes of the file of results."""
    errors: int = 0
    """Bytes of the file of errors."""
    issued: int = 0
    known: int = 0
    """Of those issued, who was known before: they have one credential more."""
    refused: int = 0
    finished: bool = False


@dataclass(slots=True)
class Journal:
    """The files of one job; open it with `open_journal`."""

    path: Path
    progress: BulkProgress
    _results: IO[bytes]
    _errors: IO[bytes]

    def keep(
        self, progress: BulkProgress, results: Sequence[bytes], errors: Sequence[bytes]
    ) -> None:
        """Append to both files, then note how far it came."""
        for file, lines in ((self._results, results), (self._errors, errors)):
            if lines:
                file.write(b"\n".join((*lines, b"")))
                file.flush()
                os.fsync(file.fileno())
        self.progress = msgspec.structs.replace(
            progress, results=self._results.tell(), errors=self._errors.tell()
        )
        with as_caller(self.path):
            write_file(self.path, msgspec.json.encode(self.progress), mode=MODE)

    def close(self) -> None:
        """Close the files."""
        self._results.close()
        self._errors.close()


def open_journal(results: Path, errors: Path, *, job: str) -> Journal:
    """Open the files of a job that was begun, or begin one called `job`.

    Raises:
        UsageError: there are files of something else, or they cannot be written.
    """
    path = results.with_name(f"{results.name}.job")
    try:
        with as_caller(path):
            found = path.read_bytes() if path.exists() else None
        if found is not None:
            progress = msgspec.json.decode(found, type=BulkProgress)
        else:
            for file in (results, errors):
                with as_caller(file):
                    if file.exists():
                        raise UsageError(f"{file} is there already; name a new file")
            progress = BulkProgress(job=job)
            with as_caller(path):
                write_file(path, msgspec.json.encode(progress), mode=MODE)
        opened = (_cut(results, progress.results), _cut(errors, progress.errors))
    except msgspec.DecodeError as error:
        raise UsageError(f"{path} is not a journal of this command; move it away") from error
    except OSError as error:
        raise UsageError(f"cannot write {error.filename}: {error.strerror}") from error
    return Journal(path, progress, *opened)


def _cut(path: Path, octets: int) -> IO[bytes]:
    """Open a file to append after its first bytes, which were noted."""
    with as_caller(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, MODE)
    file = os.fdopen(descriptor, "r+b")
    if os.fstat(descriptor).st_size < octets:
        file.close()
        raise UsageError(f"{path} is shorter than its journal says; begin anew with other files")
    file.truncate(octets)
    file.seek(octets)
    return file
