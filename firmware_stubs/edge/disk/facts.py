"""What the terminal knows of itself, in SQLite: facts, floors, slots; and its person key.

Facts (table `fact`): epoch counter, clock floor, clock offset and the start
of the machine it belongs to, the machine's last start, whether the terminal is suspended, and
what the centre listed when all that is needed of it was judged last. Slots,
the deltas beside them (table `delta`, in the order they were taken in) and floors are written in
one transaction, so a floor never stands below what is in use; a reset forgets all but the floors.
"""

import os
import secrets
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from firmware_stubs.clock import Offset, TimeFloor, lowered
from firmware_stubs.edge import steady
from firmware_stubs.edge.disk.database import Database
from firmware_stubs.slots import Accepted, AcceptedDeltas, Slot, SlotContent
from fleet.contract.messages import Epoch
from verifier.trust.floors import Floor, Floors, raised

PERSON_KEY_BYTES: Final = 32
"""Bytes of the key under which persons are hashed on this terminal alone."""
_MACHINE_START: Final = Path("/proc/sys/kernel/random/boot_id")

_RAISE: Final = """
INSERT INTO floor VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (name, use, signer) DO
    UPDATE SET root = excluded.root, version = excluded.version, digest = excluded.digest
    WHERE excluded.version >= floor.version
"""
"""The floor of a key never sinks, whatever is asked for."""

Value = TypeVar("Value")


class _Set(msgspec.Struct, frozen=True, kw_only=True):
    """A clock offset, and since which start of the machine it holds."""

    machine_start: str
    offset: Offset
    base_s: float
    """The wall clock's base (`steady.py`) that the offset is relative to."""


class SqliteFacts:
    """Facts, floors and slots."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def next_epoch(self, generation: int) -> Epoch:
        """Count one connection, durably, before it is made."""
        before = self._get("epoch", Epoch)
        counter = before.counter + 1 if before and before.generation == generation else 1
        epoch = Epoch(generation=generation, counter=counter)
        self._put("epoch", epoch)
        return epoch

    def suspended(self) -> bool:
        """Return whether the centre had suspended the terminal."""
        return bool(self._get("suspended", bool))

    def suspend(self, *, suspended: bool) -> None:
        """Write down that the centre suspended the terminal, or no longer."""
        self._put("suspended", suspended)

    def time_floor(self) -> TimeFloor:
        """Return the clock's floor and its supports."""
        return self._get("time_floor", TimeFloor) or TimeFloor()

    def persist_time_floor(self, kept: TimeFloor) -> None:
        """Keep the clock's floor and its supports; a lower floor than before is not taken."""
        before = self.time_floor()
        if kept.floor >= before.floor and kept != before:
            self._put("time_floor", kept, durable=False)

    def offset(self) -> Offset | None:
        """Return the clock's offset if it was found since the machine itself started."""
        kept = self._get("offset", _Set)
        if kept is None or kept.machine_start != _machine():
            return None
        moved, offset = steady.BASE_S - kept.base_s, kept.offset
        return Offset(low=offset.low - moved, high=offset.high - moved, at=offset.at + moved)

    def persist_offset(self, offset: Offset) -> None:
        """Keep the clock's offset for a restart of this process."""
        found = _Set(machine_start=_machine(), offset=offset, base_s=steady.BASE_S)
        self._put("offset", found, durable=False)

    def machine_restarted(self) -> bool:
        """Return whether the machine itself was started since this was last asked."""
        before, now = self._get("machine", str), _machine()
        if before != now:
            self._put("machine", now)
        return before != now

    def store_name(self) -> str | None:
        """Return the name that the centre's store gave itself last."""
        return self._get("store", str)

    def persist_store_name(self, name: str) -> None:
        """Keep the name of the centre's store."""
        self._put("store", name)

    def floors(self) -> Floors:
        """Return the floors, by name and key."""
        rows = self._database.rows("SELECT name, use, signer, root, version, digest FROM floor")
        found: dict[str, tuple[Floor, ...]] = {}
        for name, use, signer, root, version, digest in rows:
            floor = Floor(version=version, digest=digest, signer=signer, use=use, root=root)
            found[name] = raised(found.get(name, ()), floor)
        return found

    def slots(self) -> Mapping[str, SlotContent]:
        """Return which slots are in use, and what they hold."""
        rows = self._database.rows("SELECT name, slot, version, digest FROM slot")
        return {
            name: SlotContent(slot=Slot(slot), version=version, digest=digest)
            for name, slot, version, digest in rows
        }

    def deltas(self) -> Mapping[str, tuple[bytes, ...]]:
        """Return the deltas kept beside the slots, in order."""
        rows = self._database.rows("SELECT name, data FROM delta ORDER BY number")
        found: dict[str, list[bytes]] = {}
        for name, data in rows:
            found.setdefault(name, []).append(data)
        return {name: tuple(kept) for name, kept in found.items()}

    def extend(self, accepted: AcceptedDeltas) -> None:
        """Keep deltas beside a slot, and raise its floor, in one step."""
        with self._database.transaction() as connection:
            _raise(connection, accepted.floors)
            _keep(connection, accepted.name, accepted.after, accepted.deltas)

    def adopt(self, accepted: Accepted) -> None:
        """Switch to a slot whose bytes are on disk, and raise its floor, in one step.

        The deltas kept beside the slot before give way to those that lead on from this one. A
        signed step lowers the clock's floor in the same step, or it would be lost half-way.
        """
        content = accepted.content
        lower = accepted.time_floor
        time_floor = None if lower is None else lowered(self.time_floor(), lower)
        with self._database.transaction() as connection:
            _raise(connection, accepted.floors)
            if time_floor is not None:
                _put(connection, "time_floor", time_floor)
            connection.execute(
                "INSERT OR REPLACE INTO slot VALUES (?, ?, ?, ?)",
                (accepted.name, content.slot.value, content.version, content.digest),
            )
            connection.execute("DELETE FROM delta WHERE name = ?", (accepted.name,))
            if accepted.ends is not None:
                connection.execute("DELETE FROM slot WHERE name = ?", (accepted.ends,))
                connection.execute("DELETE FROM delta WHERE name = ?", (accepted.ends,))
            _keep(connection, accepted.name, 0, accepted.deltas)

    def forget_slot(self, name: str) -> None:
        """Forget a bundle's slot and what is kept beside it; its floor stays."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM slot WHERE name = ?", (name,))
            connection.execute("DELETE FROM delta WHERE name = ?", (name,))

    def forget_slots(self) -> None:
        """Forget the slots and what the centre listed; keep the floors."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM slot")
            connection.execute("DELETE FROM delta")
            connection.execute("DELETE FROM fact WHERE name = 'listed'")

    def listed(self) -> frozenset[str]:
        """Return what the centre listed when all that was needed of it was judged last."""
        return self._get("listed", frozenset[str]) or frozenset()

    def persist_listed(self, names: frozenset[str]) -> None:
        """Keep what the centre listed, now that all that is needed of it was judged."""
        self._put("listed", sorted(names))

    def _get(self, name: str, kind: type[Value]) -> Value | None:
        row = self._database.row("SELECT value FROM fact WHERE name = ?", name)
        return None if row is None else msgspec.json.decode(row[0], type=kind)

    def _put(self, name: str, value: Any, *, durable: bool = True) -> None:
        with self._database.transaction(durable=durable) as connection:
            _put(connection, name, value)


def _put(connection: sqlite3.Connection, name: str, value: Any) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO fact VALUES (?, ?)", (name, msgspec.json.encode(value))
    )


def _raise(connection: sqlite3.Connection, floors: Floors) -> None:
    """Raise floors, each of its key."""
    rows = [
        (name, it.use, it.signer, it.root, it.version, it.digest)
        for name, kept in floors.items()
        for it in kept
    ]
    connection.executemany(_RAISE, rows)


def _keep(connection: sqlite3.Connection, name: str, after: int, deltas: tuple[bytes, ...]) -> None:
    """Write deltas behind those that are kept."""
    rows = [(name, number, data) for number, data in enumerate(deltas, after)]
    connection.executemany("INSERT INTO delta VALUES (?, ?, ?)", rows)


def person_key(path: Path) -> bytes:
    """Return the terminal's own person key; made at random at the first start, mode 0600."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        key = secrets.token_bytes(PERSON_KEY_BYTES)
        write_durably(path, key)
        return key


def write_durably(path: Path, data: bytes) -> None:
    """Write a file of mode 0600 so that it is there whole or not at all, also after power loss."""
    beside = path.with_name(path.name + ".new")
    descriptor = os.open(beside, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _machine() -> str:
    """Return what tells one start of the machine from another."""
    return _MACHINE_START.read_text(encoding="ascii").strip()
