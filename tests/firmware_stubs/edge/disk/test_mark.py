"""An outbox that lost records does not look like one that never had them."""

import shutil
import struct
from pathlib import Path

import pytest

from firmware_stubs.edge.disk.database import Database
from firmware_stubs.edge.disk.records import SqliteRecords
from firmware_stubs.outbox import Bounds
from tests.firmware_stubs.edge.disk.test_records import verdict
from tests.support.publisher import NOW
from tests.support.terminal_state import new_scan
from verifier.contract.reasons import Language

RECORDS = 40
WAL_HEADER = 32
FRAME_HEADER = 24


class Box:
    """An outbox in a folder."""

    def __init__(self, folder: Path) -> None:
        self.database = Database(folder / "state.db")
        self.records = SqliteRecords(self.database, Bounds(), Language.EN)

    def put(self, number: int, *, durable: bool = True) -> None:
        """Keep a decision."""
        scan = new_scan(number, f"CC1:{number}", at=NOW + number)
        with self.database.transaction(durable=durable) as connection:
            assert self.records.decide(connection, scan, verdict(scan), acknowledged_at=None)

    def numbers(self) -> list[int]:
        """Return the numbers of what waits."""
        return [entry.number for entry in self.records.next()]


def cut(folder: Path, beside: Path) -> None:
    """Copy a folder as a power cut leaves it."""
    shutil.copytree(folder, beside)


def lose_a_frame(folder: Path) -> None:
    """Spoil one frame in the middle of SQLite's log."""
    path = folder / "state.db-wal"
    data = bytearray(path.read_bytes())
    (page,) = struct.unpack(">I", data[8:12])
    frames = (len(data) - WAL_HEADER) // (FRAME_HEADER + page)
    at = WAL_HEADER + frames // 2 * (FRAME_HEADER + page) + FRAME_HEADER + 100
    data[at] ^= 0xFF
    path.write_bytes(data)


@pytest.mark.parametrize("fault", ["a frame is lost", "the log is away", "the database is away"])
def test_numbers_that_were_used_are_never_used_again(tmp_path: Path, fault: str) -> None:
    """And what is missing is counted, once."""
    there, after = tmp_path / "there", tmp_path / "after"
    there.mkdir()
    before = Box(there)
    for number in range(RECORDS):
        before.put(number)
    cut(there, after)
    before.database.close()
    if fault == "a frame is lost":
        lose_a_frame(after)
    else:
        (after / "state.db-wal").unlink()
    if fault == "the database is away":
        (after / "state.db").unlink()
    found = Box(after)
    left = found.numbers()
    assert len(left) < RECORDS
    found.put(RECORDS)
    assert found.numbers()[-1] == RECORDS + 1
    assert getattr(found.records, "missing", 0) == RECORDS - len(left)
    found.database.close()
    again = Box(after)
    assert getattr(again.records, "missing", 0) == 0
    again.database.close()


def test_what_a_power_cut_may_take_is_not_missing(tmp_path: Path) -> None:
    """A note that was not forced to disk was promised to nobody."""
    there, after = tmp_path / "there", tmp_path / "after"
    there.mkdir()
    before = Box(there)
    before.put(1)
    kept = (there / "state.db-wal").read_bytes()
    before.put(2, durable=False)
    cut(there, after)
    before.database.close()
    (after / "state.db-wal").write_bytes(kept)
    (after / "state.db-shm").unlink(missing_ok=True)
    found = Box(after)
    assert (found.numbers(), getattr(found.records, "missing", 0)) == ([1], 0)
    found.database.close()


def test_a_mark_that_cannot_be_read_says_nothing(tmp_path: Path) -> None:
    """The table's own number counts, and is written anew."""
    box = Box(tmp_path)
    box.put(1)
    box.database.close()
    (tmp_path / "outbox.mark").write_bytes(b"99999999999999999999deadbeef")
    again = Box(tmp_path)
    again.put(2)
    assert again.numbers() == [1, 2]
    assert getattr(again.records, "missing", 0) == 0
    again.database.close()
