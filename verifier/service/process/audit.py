"""The verifier's audit logs on disk: one a process, appended to and synced before any answer.

Format and what can be found out afterwards: docs/audit.md. A log that does not hold is not
continued: what must be audited is then refused. Nothing here decides what an entry says.
"""

import asyncio
import fcntl
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from runtime.clock import now
from runtime.disk import FILE_MODE, sync_folder, write_synced
from runtime.logs import Log
from verifier.contract.audit import (
    MAX_LINE_BYTES,
    START,
    Act,
    AuditAction,
    AuditFlaw,
    AuditHead,
    AuditVerdict,
    line_of,
    verify,
)

MAX_HEAD_BYTES: Final = 256
"""Bytes of a head file."""


class AuditError(Exception):
    """The log cannot be continued; the text says what to do, and quotes nothing."""


class AuditLog:
    """The log of one process, held alone."""

    def __init__(self, folder: Path, process: str, clock_ms: Callable[[], int]) -> None:
        self._path = folder / f"{process}.ndjson"
        self._head_path = folder / f"{process}.head"
        self._process = process
        self._clock_ms = clock_ms
        self._turn = threading.Lock()
        self._file: BinaryIO | None = None
        self.head = START
        """Number and hash of the last entry."""

    @property
    def writable(self) -> bool:
        """Whether entries can be appended now."""
        return self._file is not None

    def open(self) -> None:
        """Lock the file, check it whole, set a torn last line aside.

        Raises:
            AuditError: it cannot be opened, another process holds it, or it does not hold.
        """
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, FILE_MODE)
            file = os.fdopen(descriptor, "r+b", buffering=0)
        except OSError as error:
            raise AuditError(f"cannot open {self._path}: {error.strerror}") from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            verdict = self._checked(file)
            self._file, self.head = file, verdict.head
            if verdict.flaw is AuditFlaw.TORN:
                self._set_aside(file, verdict)
            sync_folder(self._path.parent)
        except BlockingIOError as error:
            file.close()
            raise AuditError(f"another process writes {self._path}") from error
        except OSError as error:
            self._file = None
            file.close()
            raise AuditError(f"cannot read {self._path}: {error.strerror}") from error
        except AuditError:
            self._file = None
            file.close()
            raise

    async def append(self, act: Act) -> None:
        """Append an entry; it is on disk when this returns.

        Raises:
            AuditError: it is not, or not for sure; nothing more is appended before a restart.
        """
        await asyncio.to_thread(self.write, act)

    def write(self, act: Act) -> None:
        """Append an entry, in this thread.

        Raises:
            AuditError: as `append`.
        """
        with self._turn:
            file = self._file
            if file is None:
                raise AuditError(f"{self._path} is not open")
            line, head = line_of(act, process=self._process, at=self._clock_ms(), head=self.head)
            try:
                if file.write(line) != len(line):
                    raise OSError("a short write")  # noqa: TRY301 - one way out
                os.fsync(file.fileno())
                self._note(head)
            except OSError as error:
                # What is on disk now is unknown; the next start looks.
                self._file = None
                file.close()
                raise AuditError(f"cannot write {self._path}") from error
            self.head = head

    def close(self) -> None:
        """Let go of the file."""
        with self._turn:
            if self._file is not None:
                self._file.close()
                self._file = None

    def _checked(self, file: BinaryIO) -> AuditVerdict:
        """Check the whole file; only a torn last line is let through."""
        noted = self._noted()
        verdict = verify(_lines(file), process=self._process, head=noted)
        if verdict.flaw not in (None, AuditFlaw.TORN):
            raise AuditError(
                f"{self._path} is broken at line {verdict.line} ({verdict.flaw}); see"
                " `kapok audit verify`, and move file and head aside once that is cleared up"
            )
        if noted is None and verdict.entries > 1:
            # A head follows every entry; only that of the first can have been cut off.
            raise AuditError(f"{self._head_path} is missing beside a log that has entries")
        return verdict

    def _noted(self) -> AuditHead | None:
        """Return the head noted beside the log; None: there is none."""
        try:
            content = self._head_path.read_bytes()[:MAX_HEAD_BYTES]
            return msgspec.json.decode(content, type=AuditHead)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as error:
            raise AuditError(f"cannot read {self._head_path}") from error

    def _note(self, head: AuditHead) -> None:
        beside = self._head_path.with_suffix(".new")
        write_synced(beside, msgspec.json.encode(head) + b"\n")
        beside.replace(self._head_path)

    def _set_aside(self, file: BinaryIO, verdict: AuditVerdict) -> None:
        """Keep a torn last line in a file of its own, and say so in the log."""
        file.seek(verdict.octets)
        torn = file.read()
        aside = self._path.with_name(
            f"{self._process}.torn-{verdict.entries + 1}-{self._clock_ms()}"
        )
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
        with os.fdopen(descriptor, "wb") as kept:
            kept.write(torn)
            kept.flush()
            os.fsync(kept.fileno())
        file.truncate(verdict.octets)
        self.write(Act(action=AuditAction.TORN, by="process", subject=aside.name))


def open_audit(folder: str, process: str, log: Log) -> AuditLog:
    """Open a process's audit log; one that does not hold refuses acts, and stops nothing else."""
    audit = AuditLog(Path(folder), process, lambda: int(now() * 1000))
    try:
        audit.open()
    except AuditError as error:
        log.warning("audit.refused", why=str(error))
    else:
        log.info("audit.opened", seq=audit.head.seq, hash=audit.head.hash)
    return audit


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of a file, each at most a little longer than any may be."""
    with open(os.dup(file.fileno()), "rb") as reading:  # noqa: PTH123 - a descriptor
        reading.seek(0)
        while line := reading.readline(MAX_LINE_BYTES + 1):
            yield line
