"""An audit log on disk: one for each process, appended to and synced before any answer.

A log that does not hold is not continued: what must be audited is then refused. A log that could
not be written, such as on a full disk, is checked and opened again by itself once the disk takes
something; one that is broken, once somebody has put its files right. Nothing here decides what an
entry says or how a line is written: the service hands in the format.
"""

import asyncio
import contextlib
import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Final, Generic

import msgspec

from runtime.audit_folds import FOLD_MS, Fold, Folds
from runtime.audit_format import Act, AuditCheck, AuditFormat, LogHead
from runtime.clock import monotonic_ms, now_ms
from runtime.disk import FILE_MODE, sync_folder, write_synced
from runtime.logs import Log

MAX_HEAD_BYTES: Final = 256
"""Bytes of a head file."""
MAX_LINE_BYTES: Final = 64 * 1024
"""Bytes of a line that are read at once; no format of ours writes longer ones."""
EMPTY: Final = (0, "")
"""The head before a log was opened."""
TORN: Final = "torn"
REOPEN_S: Final = 2.0
"""Seconds between attempts to open a log again: room that was made is found at once."""
REST: Final = 10
"""Times as long as a check took that the next one is waited for: a tenth of a core at most."""
FORCED_BYTES: Final = 2 * MAX_LINE_BYTES
"""Bytes at the end of a log of which it is not known whether they are on disk: its last line, and
one that was torn."""
ROOM_BYTES: Final = MAX_LINE_BYTES + 4096
"""Bytes that the disk must take before a log is opened again: a line and its head."""


class AuditError(Exception):
    """The log cannot be continued; the text says what to do, and quotes nothing."""


class BrokenAuditError(AuditError):
    """The log does not hold, and will not until somebody puts its files right."""


class AuditLog(Generic[Act]):
    """The log of one process, held alone."""

    def __init__(
        self,
        folder: Path,
        process: str,
        clock_ms: Callable[[], int],
        audit_format: AuditFormat[Act],
        passed_ms: Callable[[], int] | None = None,
    ) -> None:
        """Make the log; `clock_ms` stamps entries, `passed_ms` says how much time has passed."""
        self._path = folder / f"{process}.ndjson"
        self._head_path = folder / f"{process}.head"
        self._process = process
        self._clock_ms = clock_ms
        self._passed_ms = clock_ms if passed_ms is None else passed_ms
        self._format = audit_format
        self._turn = threading.RLock()
        self._closed = threading.Event()
        self._reopening: threading.Thread | None = None
        self.tell: Callable[[AuditError | None], None] = lambda _: None
        """Told that the log was opened again, or with an error that it could not be written."""
        self._file: BinaryIO | None = None
        self._folds: Folds[Act] = Folds()
        self._flushing: asyncio.Task[None] | None = None
        self.head: LogHead = EMPTY
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
        with self._turn:
            self._closed.clear()
            self._open()

    def reopen(self) -> None:
        """Open the log as soon as that is possible, in a thread of its own; returns at once."""
        with self._turn:
            if self._closed.is_set() or self._reopening is not None:
                return
            self._reopening = threading.Thread(target=self._reopen, name="audit", daemon=True)
            self._reopening.start()

    def _reopen(self) -> None:
        wait, broken = REOPEN_S, None
        while not self._closed.wait(wait):
            begun = time.monotonic()
            with self._turn:
                if self._closed.is_set():
                    break
                files = self._files()
                if files == broken:
                    continue  # nobody has touched them
                try:
                    self._require_room()
                    self._open()
                except BrokenAuditError:
                    broken = files
                except (AuditError, OSError):
                    broken = None
                else:
                    self._reopening = None
                    self.tell(None)
                    return
            wait = max(REOPEN_S, REST * (time.monotonic() - begun))

    def _require_room(self) -> None:
        """Have the disk take as much as an entry may need.

        Raises:
            OSError: it does not.
        """
        trial = self._path.with_suffix(".room")
        try:
            write_synced(trial, bytes(ROOM_BYTES))
        finally:
            trial.unlink(missing_ok=True)

    def _files(self) -> tuple[tuple[int, int, int] | None, ...]:
        """Return what changes when somebody puts the files right."""
        found: list[tuple[int, int, int] | None] = []
        for path in (self._path, self._head_path):
            try:
                about = path.stat()
            except OSError:
                found.append(None)
            else:
                found.append((about.st_ino, about.st_size, about.st_mtime_ns))
        return tuple(found)

    def _open(self) -> None:
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, FILE_MODE)
            file = os.fdopen(descriptor, "r+b", buffering=0)
        except OSError as error:
            raise AuditError(f"cannot open {self._path}: {error.strerror}") from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            verdict = self._checked(file)
            self._file, self.head = file, verdict.head
            if verdict.flaw == TORN:
                self._set_aside(file, verdict)
            self._force(file)
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
            AuditError: it is not, or not for sure; nothing more is appended before the log was
                checked and opened again.
        """
        await asyncio.to_thread(self.write, act)

    def write(self, act: Act) -> None:
        """Append an entry, in this thread.

        Raises:
            AuditError: as `append`.
        """
        with self._turn:
            self._write(act, self._clock_ms())

    async def append_refusal(self, act: Act, same: str) -> None:
        """Append what was refused and changed nothing: the first at once, repeats as a count.

        Repeats of the same are written as one entry a minute; the last minute's at `close`. A
        process that is killed loses the count of a minute at most, never the first entry.

        Raises:
            AuditError: as `append`.
        """
        waiting = await asyncio.to_thread(self._refuse, act, same)
        if waiting and (self._flushing is None or self._flushing.done()):
            self._flushing = asyncio.get_running_loop().create_task(self._flush())

    async def _flush(self) -> None:
        """Write counts as their minutes end, until none waits."""
        waiting = True
        while waiting:
            await asyncio.sleep(FOLD_MS / 1000)
            try:
                waiting = await asyncio.to_thread(self._write_due)
            except AuditError:
                return  # the next append says so

    def _refuse(self, act: Act, same: str) -> bool:
        """Take a refusal; returns whether counts wait to be written."""
        with self._turn:
            at, passed = self._clock_ms(), self._passed_ms()
            for fold in self._folds.due(passed):
                self._write_fold(fold, at)
            if self._folds.take(same, act, at, passed):
                try:
                    self._write(act, at)
                except BaseException:
                    self._folds.drop(same)
                    raise
            return self._folds.waiting

    def _write_due(self) -> bool:
        with self._turn:
            for fold in self._folds.due(self._passed_ms()):
                self._write_fold(fold, self._clock_ms())
            return self._folds.waiting

    def _write_fold(self, fold: Fold[Act], at: int) -> None:
        counted = {"count": fold.count, "first": fold.first, "last": fold.last}
        self._write(self._format.repeated(fold.act, **counted), at)

    def _write(self, act: Act, at: int) -> None:
        file = self._file
        if file is None:
            raise AuditError(f"{self._path} is not open")
        line, head = self._format.line_of(act, process=self._process, at=at, head=self.head)
        try:
            if file.write(line) != len(line):
                raise OSError("a short write")  # noqa: TRY301 - one way out
            os.fsync(file.fileno())
            self._note(head)
        except OSError as error:
            # What is on disk now is unknown; whoever opens it again looks.
            self._file = None
            with contextlib.suppress(OSError):
                file.close()
            refused = AuditError(f"cannot write {self._path}: {error.strerror or error}")
            self.tell(refused)
            self.reopen()
            raise refused from error
        self.head = head

    def close(self) -> None:
        """Write the counts that wait, and let go of the file."""
        if self._flushing is not None:
            self._flushing.cancel()
        self._closed.set()
        with self._turn:
            if self._file is None:
                return
            with contextlib.suppress(AuditError):
                for fold in self._folds.rest():
                    self._write_fold(fold, self._clock_ms())
            if self._file is not None:
                self._file.close()
                self._file = None

    def _checked(self, file: BinaryIO) -> AuditCheck:
        """Check the whole file; only a torn last line is let through."""
        noted = self._noted()
        if self.head[0] > (noted or EMPTY)[0]:
            noted = self.head  # this process knows better what it wrote
        verdict = self._format.verify(_lines(file), process=self._process, head=noted)
        if verdict.flaw not in (None, TORN):
            raise BrokenAuditError(
                f"{self._path} is broken at line {verdict.line} ({verdict.flaw}); see"
                " `kapok audit verify`, and move file and head aside once that is cleared up"
            )
        if noted is None and verdict.entries > 1:
            # A head follows every entry; only that of the first can have been cut off.
            raise BrokenAuditError(f"{self._head_path} is missing beside a log that has entries")
        return verdict

    def _force(self, file: BinaryIO) -> None:
        """Write the end of the file again, and to disk: a failed sync may have lost it unseen."""
        size = os.fstat(file.fileno()).st_size
        begin = max(0, size - FORCED_BYTES)
        descriptor = os.open(self._path, os.O_RDWR)  # O_APPEND would write it at the end
        try:
            os.pwrite(descriptor, os.pread(descriptor, size - begin, begin), begin)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _noted(self) -> LogHead | None:
        """Return the head noted beside the log; None: there is none."""
        try:
            content = self._head_path.read_bytes()[:MAX_HEAD_BYTES]
            noted: LogHead = msgspec.json.decode(content, type=LogHead)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as error:
            raise AuditError(f"cannot read {self._head_path}") from error
        return noted

    def _note(self, head: LogHead) -> None:
        beside = self._head_path.with_suffix(".new")
        write_synced(beside, msgspec.json.encode(head) + b"\n")
        beside.replace(self._head_path)

    def _set_aside(self, file: BinaryIO, verdict: AuditCheck) -> None:
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
        self._write(self._format.torn(aside.name), self._clock_ms())


def open_audit(
    folder: str, process: str, log: Log, audit_format: AuditFormat[Act]
) -> AuditLog[Act]:
    """Open a process's audit log; one that does not hold refuses acts, and stops nothing else."""
    audit = AuditLog(Path(folder), process, now_ms, audit_format, monotonic_ms)

    def tell(error: AuditError | None) -> None:
        if error is not None:
            log.warning("audit.refused", why=str(error))
            return
        number, digest = audit.head
        log.info("audit.opened", seq=number, hash=digest)

    audit.tell = tell
    try:
        audit.open()
    except AuditError as error:
        tell(error)
        audit.reopen()
    else:
        tell(None)
    return audit


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of a file, each at most a little longer than any may be."""
    with open(os.dup(file.fileno()), "rb") as reading:  # noqa: PTH123 - a descriptor
        reading.seek(0)
        while line := reading.readline(MAX_LINE_BYTES + 1):
            yield line
