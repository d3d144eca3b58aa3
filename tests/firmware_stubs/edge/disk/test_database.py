from pathlib import Path

import pytest

from firmware_stubs.edge.disk.database import Database
from firmware_stubs.storage import StorageError


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
