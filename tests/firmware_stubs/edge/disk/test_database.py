import contextlib
import sqlite3
from pathlib import Path

import pytest

from firmware_stubs.clock import TimeFloor
from firmware_stubs.edge.disk.database import SCHEMA_VERSION, Database, StateError
from firmware_stubs.edge.disk.facts import SqliteFacts
from firmware_stubs.storage import StorageError
from tests.support.small_disk import AS_ROOT, fill, make_room, small_disk
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


def sentence_of(path: Path) -> str:
    """Open a database that cannot be used; return what is said of it."""
    with pytest.raises(StateError) as refused:
        Database(path)
    return str(refused.value)


@AS_ROOT
@pytest.mark.parametrize("there", [False, True], ids=["new", "found again"])
def test_a_full_disk_is_never_a_reason_to_move_the_database(tmp_path: Path, there: bool) -> None:  # noqa: FBT001
    """Its records are whole; with room made it opens, and they are all there."""
    with small_disk(tmp_path / "disk", 2**20) as disk:
        path = disk / "state.db"
        if there:
            database = Database(path)
            with database.transaction() as connection:
                connection.execute("INSERT INTO fact VALUES ('a', x'00')")
            database.close()
        fill(disk)
        said = ""
        try:
            database = Database(path)
            database.close()
        except (StateError, OSError) as error:
            said = str(error)
        assert said
        assert "move" not in said
        assert "room" in said
        make_room(disk)
        database = Database(path)
        assert database.row("SELECT count(*) FROM fact") == (int(there),)
        database.close()


def test_a_database_that_somebody_holds_is_not_to_be_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever holds it is to be ended; the file is whole."""
    monkeypatch.setattr("firmware_stubs.edge.disk.database.BUSY_S", 0.05)
    path = tmp_path / "state.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        said = sentence_of(path)
    assert "move" not in said
    assert "end that one" in said


@pytest.mark.parametrize("content", [b"not a database" * 100, b"SQLite format 3\0" + bytes(5000)])
def test_a_damaged_database_is_kept_and_moved(tmp_path: Path, content: bytes) -> None:
    """Only this may be moved away, and a copy of it holds what the centre may not have."""
    path = tmp_path / "state.db"
    path.write_bytes(content)
    said = sentence_of(path)
    assert "move it away" in said
    assert "copy" in said
