"""Everything on the terminal's disk, opened together: one folder, one process at a time."""

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from firmware_stubs.bundles import Bundles
from firmware_stubs.clock import TerminalClock
from firmware_stubs.edge.disk import uses
from firmware_stubs.edge.disk.database import Database, StateError
from firmware_stubs.edge.disk.memory import Memory, person_key
from firmware_stubs.edge.disk.messages import MessageQueue
from firmware_stubs.edge.disk.records import Records
from firmware_stubs.edge.disk.slots import SlotFiles
from firmware_stubs.edge.settings import TerminalSettings
from firmware_stubs.edge.version import BUILD_TIME
from firmware_stubs.outbox import Bounds
from firmware_stubs.slots import Refused
from runtime.settings import SettingsError
from verifier.errors import BundleRefused
from verifier.steps.use import PersonKeys

MAX_ROOT_BYTES: Final = 64 * 1024
"""Octets of a root file; 16 signatures over 32 keys take 50 KB."""


@dataclass(slots=True, kw_only=True)
class Storage:
    """The open folder."""

    database: Database
    memory: Memory
    lanes: MessageQueue
    records: Records
    shelf: SlotFiles
    keys: PersonKeys
    clock: TerminalClock
    bundles: Bundles
    refused: tuple[Refused, ...]
    """Slots that could not be loaded at start."""
    _lock: int

    def sweep(self, *, now: float, confirmed_at: float) -> int:
        """Delete what may go, keep the time; returns how many records went."""
        gone = self.records.sweep(confirmed_at)
        with self.database.transaction(durable=False) as connection:
            uses.sweep(connection, now)
        self.memory.persist_time(now)
        if self.clock.offset is not None:
            self.memory.persist_offset(self.clock.offset)
        if gone:
            self.database.empty_log()
        return gone

    def end_plane(self, name: str) -> None:
        """Leave no octet of a plane that is forgotten: its slots, and what a log still holds."""
        self.shelf.remove(name)
        self.database.empty_log()

    def close(self) -> None:
        """Close everything and let another process have the folder."""
        self.database.close()
        os.close(self._lock)


def open_storage(settings: TerminalSettings, *, wall: float, reset: bool = False) -> Storage:
    """Open a terminal's folder; `wall` is the system's clock, `reset` forgets the bundles' slots.

    Raises:
        SettingsError: the pinned root is missing or none.
        StateError: another process has the folder, or what is in it cannot be read.
    """
    folder = Path(settings.state)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = _lock(folder / "lock")
    database = Database(folder / "state.db")
    memory = Memory(database)
    shelf = SlotFiles(folder / "bundles")
    if reset:
        memory.forget_slots()
        shelf.clear()
    bounds = Bounds(
        entries=settings.outbox_entries, octets=settings.outbox_octets, keep_s=settings.keep_s
    )
    records = Records(database, bounds, settings.language)
    if memory.machine_restarted():
        records.forget_undecided()
    clock = TerminalClock(build=BUILD_TIME, persisted=memory.time(), offset=memory.offset())
    held = memory.slots()
    shelf.keep_only(held)
    database.empty_log()  # what was forgotten as the last process died
    bundles = _bundles(settings, memory)
    return Storage(
        database=database,
        memory=memory,
        lanes=MessageQueue(database, settings.generation),
        records=records,
        shelf=shelf,
        keys=PersonKeys(today=person_key(folder / "person.key"), yesterday=None),
        clock=clock,
        bundles=bundles,
        refused=bundles.load(shelf.read(held), clock.at_least(wall), memory.deltas()),
        _lock=lock,
    )


def _bundles(settings: TerminalSettings, memory: Memory) -> Bundles:
    try:
        with Path(settings.root).open("rb") as file:
            root = file.read(MAX_ROOT_BYTES)
        return Bundles(root, floors=memory.floors(), held=memory.slots())
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
