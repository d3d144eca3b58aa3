"""`kapok records` as its user calls it, on day files that no process holds."""

import csv
import io
import json
import uuid
from pathlib import Path

import pytest

from tests.support.command_line import kapok
from tests.support.day_files import records_of, write_hour
from tests.support.store_line import record
from verifier.archive.hours import HOURS
from verifier.archive.row import COLUMNS
from verifier.contract.reasons import Reason
from verifier.contract.vocabulary import Outcome

DAY = 20_782
NAME = "2026-11-25"
DENIED = {"outcome": Outcome.DENY, "reason": Reason.STATUS_RED, "place": "hall-1"}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a data folder with records of two hours of one day."""
    records = tmp_path / "records"
    write_hour(records, DAY * HOURS + 7, records_of(3))
    write_hour(records, DAY * HOURS + 9, [*records_of(2), *records_of(1, **DENIED)])
    return tmp_path


def test_days_are_listed_with_how_far_the_moving_is(data: Path) -> None:
    """Hours, records, and the day at which it is destroyed."""
    ran = kapok("records", "list", "--data", data)
    assert ran.code == 0
    (line,) = [line for line in ran.out.splitlines() if NAME in line.split()]
    assert line.split()[1:4] == ["2", "2", "6"]
    assert line.split()[-1] == "2026-12-27"
    assert "2026-11-25T09" in ran.out


def test_rows_are_counted_by_a_column(data: Path) -> None:
    """The most first, and all of them."""
    ran = kapok("records", "count", NAME, "--by", "place", "--data", data)
    rows = [line.split() for line in ran.out.splitlines() if line.strip()]
    assert [row for row in rows if len(row) == 2][1:] == [
        ["metro-1", "5"], ["hall-1", "1"], ["all", "6"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    "arguments",
    [
        ("count", NAME, "--by", "scan_id"),
        ("count", "2026-11-24"),
        ("count", "yesterday"),
        ("export", NAME, "--fields", "name"),
        ("export", NAME, "--fields", "at,at"),
        ("export", NAME, "--output", "."),
    ],
)
def test_what_there_is_not_is_refused(data: Path, arguments: tuple[str, ...]) -> None:
    """With one sentence and the code of a wrong call."""
    ran = kapok("records", *arguments, "--data", data)
    assert (ran.code, ran.out) == (2, "")
    assert len(ran.err.splitlines()) == 1


def test_a_folder_without_records_says_so(tmp_path: Path) -> None:
    """Not an empty list, which would say that nothing was scanned."""
    assert kapok("records", "list", "--data", tmp_path).code == 2


def test_whole_files_check_and_others_do_not(data: Path) -> None:
    """One byte is enough, and so is a file that is gone or too many."""
    assert kapok("records", "check", "--data", data).code == 0
    part = data / "records" / NAME / "07-1.parquet"
    whole = part.read_bytes()
    part.write_bytes(whole[:100] + bytes((whole[100] ^ 1,)) + whole[101:])
    assert kapok("records", "check", NAME, "--data", data).code == 1
    part.unlink()
    assert kapok("records", "check", "--data", data).code == 1
    part.write_bytes(whole)
    (part.parent / "08-1.parquet").write_bytes(whole)
    assert kapok("records", "check", "--data", data).code == 1
    assert kapok("records", "export", NAME, "--hour", "7", "--data", data).code == 0


def test_a_cut_file_is_not_exported_as_if_it_were_whole(data: Path) -> None:
    """What was written before may stand there; the exit code tells."""
    part = data / "records" / NAME / "09-1.parquet"
    part.write_bytes(part.read_bytes()[:-20])
    assert kapok("records", "export", NAME, "--data", data).code == 1


def test_rows_are_exported_as_json(data: Path) -> None:
    """Every column that has a value but the person's hash; scan_ids as terminals write them."""
    ran = kapok("records", "export", NAME, "--data", data)
    rows = [json.loads(line) for line in ran.out.splitlines()]
    assert len(rows) == 6
    assert set(rows[0]) <= set(COLUMNS) - {"person", "unread"}
    assert rows[-1]["decision_reason"] == Reason.STATUS_RED
    assert uuid.UUID(rows[0]["scan_id"]).bytes[:6] > bytes(6)
    assert rows[0]["stored"] == (DAY * HOURS + 7) * 3_600_000


def test_an_hour_is_exported_as_csv_into_a_new_file(data: Path) -> None:
    """With the columns asked for, the person's hash among them; never over another file."""
    target = data / "out.csv"
    asked = ("records", "export", NAME, "--hour", "9", "--format", "csv", "--data", data)
    named = ("--fields", "stored,place,offline,person", "--output", target)
    assert kapok(*asked, *named).code == 0
    assert target.stat().st_mode & 0o177 == 0
    rows = list(csv.DictReader(io.StringIO(target.read_text())))
    assert [row["place"] for row in rows] == ["metro-1", "metro-1", "hall-1"]
    assert {row["offline"] for row in rows} == {"false"}
    assert {row["person"] for row in rows} == {record(bytes(16)).person.hex()}
    assert kapok(*asked, *named).code == 2
