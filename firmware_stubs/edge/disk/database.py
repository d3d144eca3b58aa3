"""The terminal's database: SQLite, one file, one connection, one thread.

WAL with synchronous=FULL: a committed transaction has been fsynced. `durable=False` commits without
waiting for the disk: such a write survives the death of the process, not of the machine, and is for
notes that only help a restart within seconds. Deleted rows are overwritten (secure_delete), and the
log that still has them is emptied after a sweep. All access is by one thread, the executor's
(`firmware_stubs.edge.executor`). What SQLite cannot do is a `StorageError`. What the tables mean
stands in the files that own them.
"""

import errno
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from firmware_stubs.storage import StorageError

SCHEMA_VERSION: Final = 3
BUSY_S: Final = 2.0
"""Seconds to wait for another reader of the file, such as a person with `sqlite3`."""

_DELTAS: Final = """
CREATE TABLE delta (
    name TEXT NOT NULL, number INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (name, number)
) STRICT, WITHOUT ROWID;
"""
"""Since schema 2."""
_FLOORS: Final = """
CREATE TABLE floor (
    name TEXT NOT NULL, use TEXT NOT NULL, signer BLOB NOT NULL, root INTEGER NOT NULL,
    version INTEGER NOT NULL, digest BLOB NOT NULL, PRIMARY KEY (name, use, signer)
) STRICT, WITHOUT ROWID;
"""
"""Since schema 3: floors by the key that signed."""
_SET_ASIDE: Final = "ALTER TABLE floor RENAME TO floor_before;"
_TAKEN_OVER: Final = """
INSERT INTO floor SELECT name, '', x'', 0, version, digest FROM floor_before;
DROP TABLE floor_before;
DELETE FROM fact WHERE name IN ('time', 'offset');
"""
_DENIED: Final = """
CREATE INDEX scan_denied ON scan (acknowledged_at IS NULL, number)
    WHERE decided AND decision <> 'pass' AND reason IS NOT 'group.exceptions';
"""
"""Since schema 3: what is dropped first."""
_TO_3: Final = _SET_ASIDE + _FLOORS + _TAKEN_OVER + _DENIED
"""Floors of before are of no known key: they count until a known one reaches them. The time was
supported by one source alone, and the offset was to a clock that jumps."""
_SCHEMA: Final = """
CREATE TABLE fact (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE slot (
    name TEXT PRIMARY KEY, slot TEXT NOT NULL, version INTEGER NOT NULL, digest BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE scan (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    scan_id TEXT NOT NULL UNIQUE,
    text TEXT NOT NULL,
    octets INTEGER NOT NULL,
    at REAL NOT NULL,
    decided INTEGER NOT NULL DEFAULT 0,
    online INTEGER NOT NULL DEFAULT 0,
    decision TEXT,
    reason TEXT,
    clock_unsure INTEGER NOT NULL DEFAULT 0,
    milliseconds REAL NOT NULL DEFAULT 0,
    sector_class INTEGER,
    opened INTEGER NOT NULL DEFAULT 0,
    acknowledged_at REAL
) STRICT;
CREATE INDEX scan_waiting ON scan (number) WHERE decided AND acknowledged_at IS NULL;
CREATE INDEX scan_acknowledged ON scan (acknowledged_at) WHERE acknowledged_at IS NOT NULL;
CREATE TABLE fill (entries INTEGER NOT NULL, octets INTEGER NOT NULL, acknowledged INTEGER NOT NULL)
STRICT;
INSERT INTO fill VALUES (0, 0, 0);
CREATE TRIGGER scan_in AFTER INSERT ON scan BEGIN
    UPDATE fill SET entries = entries + 1, octets = octets + new.octets,
        acknowledged = acknowledged + (new.acknowledged_at IS NOT NULL);
END;
CREATE TRIGGER scan_out AFTER DELETE ON scan BEGIN
    UPDATE fill SET entries = entries - 1, octets = octets - old.octets,
        acknowledged = acknowledged - (old.acknowledged_at IS NOT NULL);
END;
CREATE TRIGGER scan_told AFTER UPDATE OF acknowledged_at ON scan BEGIN
    UPDATE fill SET acknowledged = acknowledged
        + (new.acknowledged_at IS NOT NULL) - (old.acknowledged_at IS NOT NULL);
END;
CREATE TABLE held (
    key TEXT PRIMARY KEY, scan_id TEXT NOT NULL, until REAL NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE room (
    key TEXT PRIMARY KEY, count INTEGER NOT NULL, until REAL NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE command (
    id TEXT PRIMARY KEY, forget_at INTEGER NOT NULL, state TEXT NOT NULL, code TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE word (
    lane TEXT NOT NULL, sequence INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (lane, sequence)
) STRICT, WITHOUT ROWID;
"""


class StateError(Exception):
    """The state folder cannot be used; the text says why and what to do."""


_ADVICE: Final = {
    sqlite3.SQLITE_FULL: "the disk is full: make room on it",
    sqlite3.SQLITE_IOERR: "make room on the disk if it is full, or repair it",
    sqlite3.SQLITE_BUSY: "another program has it open: end that one",
    sqlite3.SQLITE_LOCKED: "another program has it open: end that one",
    sqlite3.SQLITE_READONLY: "give the terminal write access to the file and its folder",
    sqlite3.SQLITE_PERM: "give the terminal access to the file and its folder",
    sqlite3.SQLITE_AUTH: "give the terminal access to the file and its folder",
    sqlite3.SQLITE_CANTOPEN: "give the terminal write access to the folder, and make room there",
    sqlite3.SQLITE_NOMEM: "give the machine more memory",
}
"""What to do, by the primary result code. In none of these cases is anything wrong with the file:
it holds records that the centre may not have yet."""
_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_DISK_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


def refused(path: Path, error: BaseException | None) -> str:
    """Say what SQLite or the disk refused, and what to do.

    A file is given up only where it is damaged.
    """
    if isinstance(error, OSError):
        return _closed(path, error)
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code in _DAMAGED:
        return (
            f"{path}: {error}; the file is damaged: keep a copy of it, since it holds records that"
            " the centre may not have, then move it away to start anew"
        )
    return f"{path}: {error}; {_ADVICE.get(code, 'start the terminal again; keep the file')}"


def _closed(path: Path, error: OSError) -> str:
    advice = "give the terminal write access to the folder"
    if error.errno in _DISK_FULL:
        advice = _ADVICE[sqlite3.SQLITE_FULL]
    return f"{path}: {error.strerror}; {advice}"


class Database:
    """The open database."""

    def __init__(self, path: Path) -> None:
        """Open, and make it if it is not there.

        Raises:
            StateError: it cannot be opened or read now, is damaged, or of another schema.
        """
        self.path = path
        self.committed: Callable[[], None] | None = None
        """Called after each durable commit."""
        try:
            # Made here, so that its mode is right from the first byte; WAL and shm files take it
            # over.
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        except OSError as error:
            raise StateError(_closed(path, error)) from error
        self.connection = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, timeout=BUSY_S
        )
        try:
            self._prepare(path)
        except sqlite3.DatabaseError as error:
            self.connection.close()
            raise StateError(refused(path, error)) from error
        except StateError:
            self.connection.close()
            raise

    def _prepare(self, path: Path) -> None:
        execute = self.connection.execute
        execute("PRAGMA journal_mode=WAL")
        execute("PRAGMA synchronous=FULL")
        execute("PRAGMA secure_delete=ON")
        (version,) = execute("PRAGMA user_version").fetchone()
        made = _SCHEMA + _DELTAS + _FLOORS + _DENIED
        steps = {0: made, 1: _DELTAS + _TO_3, 2: _TO_3}
        if version in steps:
            self.connection.executescript(
                f"BEGIN IMMEDIATE; {steps[version]} PRAGMA user_version={SCHEMA_VERSION}; COMMIT;"
            )
        elif version != SCHEMA_VERSION:
            raise StateError(f"{path}: schema {version}, this software reads {SCHEMA_VERSION}")

    @contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """Run one transaction: all or nothing, on disk when it returns (if `durable`).

        Raises:
            StorageError: nothing was written.
        """
        try:
            with self._transaction(durable=durable) as connection:
                yield connection
            if durable and self.committed is not None:
                self.committed()
        except sqlite3.Error as error:
            raise StorageError(str(error)) from error

    @contextmanager
    def _transaction(self, *, durable: bool) -> Iterator[sqlite3.Connection]:
        connection = self.connection
        if not durable:
            connection.execute("PRAGMA synchronous=NORMAL")
        try:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        finally:
            if not durable:
                connection.execute("PRAGMA synchronous=FULL")

    def rows(self, query: str, *values: Any) -> list[Any]:
        """Return what a query finds.

        Raises:
            StorageError: it cannot be read.
        """
        try:
            return self.connection.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise StorageError(str(error)) from error

    def row(self, query: str, *values: Any) -> Any:
        """Return the first row that a query finds, or None.

        Raises:
            StorageError: it cannot be read.
        """
        found = self.rows(query, *values)
        return found[0] if found else None

    def empty_log(self) -> None:
        """Move the write-ahead log into the file and cut it, so that deleted texts are gone."""
        self.rows("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close it."""
        self.connection.close()
