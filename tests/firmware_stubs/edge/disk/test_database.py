import sqlite3
from pathlib import Path

import pytest

from firmware_stubs.clock import TimeFloor
from firmware_stubs.edge.disk.database import SCHEMA_VERSION, Database
from firmware_stubs.edge.disk.facts import SqliteFacts
from firmware_stubs.storage import StorageError
from verifier.trust.floors import Floor


def test_what_sqlite_cannot_do_is_a_storage_error(tmp_path: Path) -> None:
    """Reading, and writing within a transaction, of which nothing stays."""
    database = Database(tmp_path / "state.db")
    with pytest.raises(StorageError):
        database.rows("SELECT * FROM nowhere")
    with pytest.raises(StorageError), database.transaction() as connection:  # noqa: PT012
        connection.execute("INSERT INTO fact VALUES ('a', x'00')")
        connection.execute("INSERT INTO nowhere VALUES (1)")
    assert database.row("SELECT count(*) FROM fact") == (0,)
    database.close()


def test_what_the_caller_raises_is_its_own(tmp_path: Path) -> None:
    """It ends the transaction and comes out as it is."""
    database = Database(tmp_path / "state.db")
    with pytest.raises(ValueError, match="mine"), database.transaction() as connection:  # noqa: PT012
        connection.execute("INSERT INTO fact VALUES ('a', x'00')")
        raise ValueError("mine")
    assert database.row("SELECT value FROM fact WHERE name = ?", "a") is None
    database.close()


def test_floors_of_the_schema_before_are_taken_over(tmp_path: Path) -> None:
    """They are of no known key; a time that one source alone supported is no floor any longer."""
    path = tmp_path / "state.db"
    with sqlite3.connect(path) as before:
        before.executescript(
            """
            CREATE TABLE fact (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
            CREATE TABLE floor (
                name TEXT PRIMARY KEY, version INTEGER NOT NULL, digest BLOB NOT NULL
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE scan (
                number INTEGER PRIMARY KEY, decided INTEGER, decision TEXT, reason TEXT,
                acknowledged_at REAL
            ) STRICT;
            INSERT INTO fact VALUES ('time', x'3939');
            INSERT INTO floor VALUES ('trust', 7, x'00');
            PRAGMA user_version=2;
            """
        )
    before.close()
    database = Database(path)
    assert database.row("PRAGMA user_version") == (SCHEMA_VERSION,)
    facts = SqliteFacts(database)
    assert facts.floors() == {"trust": (Floor(version=7, digest=b"\0"),)}
    assert facts.time_floor() == TimeFloor()
    database.close()
