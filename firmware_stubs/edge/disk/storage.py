"""Everything on the terminal's disk, opened together: one folder, one process at a time."""

import fcntl
import os
import sqlite3
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from firmware_stubs import uses
from firmware_stubs.bundles import Bundles
from firmware_stubs.clock import TerminalClock
from firmware_stubs.edge.disk.database import Database, StateError, refused
from firmware_stubs.edge.disk.facts import SqliteFacts, person_key
from firmware_stubs.edge.disk.messages import SqliteMessages
from firmware_stubs.edge.disk.records import SqliteRecords
from firmware_stubs.edge.disk.slots import SlotFiles
from firmware_stubs.edge.disk.uses import SqliteUses
from firmware_stubs.edge.settings import TerminalSettings
from firmware_stubs.edge.version import BUILD_TIME
from firmware_stubs.outbox import Bounds
from firmware_stubs.scans import FinalDecision, Scan
from firmware_stubs.slots import Refused, Slot
from firmware_stubs.storage import StorageError, Transaction
from runtime.settings import SettingsError
from verifier.errors import BundleRefused
from verifier.steps.use import PersonKeys, Use, UseAnswer

DATABASE: Final = "state.db"
"""In the terminal's folder."""
MAX_ROOT_BYTES: Final = 64 * 1024
"""Bytes of a root file; 16 signatures over 32 keys take 50 KB."""


@dataclass(frozen=True, slots=True)
class _SqliteTransaction:
    """One open transaction of the database."""

    _connection: sqlite3.Connection
    _records: SqliteRecords

    def take(self, claims: Iterable[Use], *, scan_id: str, now: float) -> UseAnswer:
        """Take all claims, or none and say why."""
        return uses.take(SqliteUses(self._connection), claims, scan_id=scan_id, now=now)

    def remember(
        self,
        claims: Iterable[Use],
        *,
        scan_id: str,
        now: float,
        without: Collection[int] = (),
    ) -> None:
        """Take all claims unasked."""
        uses.remember(
            SqliteUses(self._connection), claims, scan_id=scan_id, now=now, without=without
        )

    def decide(
        self,
        scan: Scan,
        verdict: FinalDecision,
        *,
        acknowledged_at: float | None,
        clock_unsure: bool = False,
        milliseconds: float = 0.0,
    ) -> bool:
        """Write a decision; False: there is no room for it, or the scan was decided before."""
        return self._records.decide(
            self._connection,
            scan,
            verdict,
            acknowledged_at=acknowledged_at,
            clock_unsure=clock_unsure,
            milliseconds=milliseconds,
        )


@dataclass(slots=True, kw_only=True)
class SqliteStorage:
    """The open folder."""

    lasting: ClassVar[bool] = True
    database: Database
    facts: SqliteFacts
    messages: SqliteMessages
    records: SqliteRecords
    files: SlotFiles
    keys: PersonKeys
    clock: TerminalClock
    bundles: Bundles
    refused: tuple[Refused, ...]
    """Slots that could not be loaded at start."""
    _lock: int

    @contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[Transaction]:
        """Keep one decision: all or nothing, on disk when it returns (if `durable`)."""
        with self.database.transaction(durable=durable) as connection:
            yield _SqliteTransaction(connection, self.records)

    def write_slot(self, name: str, slot: Slot, data: bytes) -> None:
        """Write a slot that is not in use; on disk when it returns."""
        try:
            self.files.write(name, slot, data)
        except OSError as error:
            raise StorageError(f"slot {name}: {error.strerror}") from error

    def sweep(self, *, wall: float, confirmed_at: float) -> int:
        """Delete what may go, keep the time; returns how many records went."""
        gone = self.records.sweep(confirmed_at)
        with self.database.transaction(durable=False) as connection:
            uses.clean(SqliteUses(connection), self.clock, wall)
        self.facts.persist_time_floor(self.clock.rise(wall))
        if self.clock.offset is not None:
            self.facts.persist_offset(self.clock.offset)
        if gone:
            self.database.empty_log()
        self.records.sync_mark()
        return gone

    def end_plane(self, name: str) -> None:
        """Leave no byte of a plane that is forgotten: its slots, and what a log still has."""
        try:
            self.files.remove(name)
        except OSError as error:
            raise StorageError(f"slot {name}: {error.strerror}") from error
        self.database.empty_log()

    def close(self) -> None:
        """Close everything and let another process have the folder."""
        self.records.close()
        self.database.close()
        os.close(self._lock)


def open_storage(settings: TerminalSettings, *, wall: float, reset: bool = False) -> SqliteStorage:
    """Open a terminal's folder; `wall` is the system's clock, `reset` forgets the bundles' slots.

    Raises:
        SettingsError: the pinned root is missing or none.
        StateError: another process has the folder, or what is in it cannot be read or written.
    """
    folder = Path(settings.state)
    try:
        return _opened(settings, folder, wall=wall, reset=reset)
    except OSError as error:
        raise StateError(refused(folder, error)) from error
    except StorageError as error:
        raise StateError(refused(folder / DATABASE, error.__cause__)) from error


def _opened(settings: TerminalSettings, folder: Path, *, wall: float, reset: bool) -> SqliteStorage:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = _lock(folder / "lock")
    database = Database(folder / DATABASE)
    facts = SqliteFacts(database)
    files = SlotFiles(folder / "bundles")
    if reset:
        facts.forget_slots()
        files.clear()
    bounds = Bounds(
        entries=settings.outbox_entries, octets=settings.outbox_octets, keep_s=settings.keep_s
    )
    records = SqliteRecords(database, bounds, settings.language)
    if facts.machine_restarted():
        records.forget_undecided()
    clock = TerminalClock(build=BUILD_TIME, kept=facts.time_floor(), offset=facts.offset())
    slots = facts.slots()
    files.keep_only(slots)
    database.empty_log()  # what was forgotten as the last process died
    bundles = _bundles(settings, facts)
    return SqliteStorage(
        database=database,
        facts=facts,
        messages=SqliteMessages(database, settings.generation),
        records=records,
        files=files,
        keys=PersonKeys(today=person_key(folder / "person.key"), yesterday=None),
        clock=clock,
        bundles=bundles,
        refused=bundles.load(files.read(slots), clock.at_least(wall), facts.deltas()),
        _lock=lock,
    )


def _bundles(settings: TerminalSettings, facts: SqliteFacts) -> Bundles:
    try:
        with Path(settings.root).open("rb") as file:
            root = file.read(MAX_ROOT_BYTES)
        return Bundles(root, floors=facts.floors(), slots=facts.slots(), listed=facts.listed())
    except OSError as error:
        raise SettingsError(f"$.root: cannot read {settings.root}: {error.strerror}") from error
    except BundleRefused as error:
        raise SettingsError(f"$.root: {settings.root}: {error}") from error


def _lock(path: Path) -> int:
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise StateError(f"{path.parent}: another process has this terminal") from error
    return descriptor
