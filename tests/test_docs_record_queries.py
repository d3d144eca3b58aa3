"""The queries of records.md run on day files as they are written, and say what is in them.

Here by SQLite, over the columns as pyarrow reads them; by DuckDB itself where that is installed.
"""

import importlib
import re
import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.day_files import records_of, write_hour
from tests.support.store_line import new_scan, record
from verifier.archive.hours import HOURS
from verifier.archive.row import COLUMNS
from verifier.contract.reasons import Reason
from verifier.contract.vocabulary import Outcome

RECORDS: Final = Path(__file__).resolve().parents[1].joinpath("docs/records.md").read_text("utf-8")
QUERIES: Final = re.findall(r"```sql\n(.*?)```", RECORDS, re.DOTALL)
FILES: Final = re.compile(r"read_parquet\('([^']+)', union_by_name = true\)")
DAY: Final = 20_782
AT_MS: Final = DAY * 86_400_000 + 8 * 3_600_000
_WORDS: Final = """
all analyse analyze and anti any array as asc asof asymmetric at authorization binary both by
case cast check collate collation column columns concurrently constraint create cross default
deferrable desc describe distinct do else end except false fetch for foreign freeze from full
generated glob group having ilike in initially inner intersect into is isnull join lambda
lateral leading left like limit map natural not notnull null offset on only or order outer
overlaps pivot pivot_longer pivot_wider placing positional primary qualify references returning
right select semi show similar some struct summarize symmetric table tablesample then to
trailing true try_cast tuple union unique unpack unpivot using variadic verbose when where
window with
"""
NO_NAMES: Final = frozenset(_WORDS.split())
"""Words that DuckDB 2.0 takes for no column: reserved, or of types and functions."""

Ask = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write two hours of a day: six passes, a denial, and a scan of which two rows are kept."""
    again = new_scan()
    denied = {"outcome": Outcome.DENY, "reason": Reason.STATUS_RED, "at": AT_MS}
    uploaded = record(again, final=Outcome.DENY, offline=True, terminal="hall-1", at=AT_MS + 2)
    first = [*records_of(5, at=AT_MS), record(again, terminal="hall-1", at=AT_MS + 1)]
    write_hour(tmp_path, DAY * HOURS + 7, first)
    write_hour(tmp_path, DAY * HOURS + 9, [uploaded, *records_of(1, place="hall-1", **denied)])
    monkeypatch.chdir(tmp_path)
    return tmp_path


def by_sqlite(query: str) -> list[tuple[Any, ...]]:
    """Run a query whose files are laid into tables first."""
    with sqlite3.connect(":memory:") as line:
        for number, files in enumerate(dict.fromkeys(FILES.findall(query))):
            rows = pa.concat_tables(pq.read_table(file) for file in sorted(Path().glob(files)))
            names = ", ".join(f'"{name}"' for name in rows.column_names)
            line.execute(f"CREATE TABLE files_{number} ({names})")
            marks = ", ".join("?" * rows.num_columns)
            line.executemany(f"INSERT INTO files_{number} VALUES ({marks})", _rows(rows))  # noqa: S608
            query = query.replace(
                f"read_parquet('{files}', union_by_name = true)", f"files_{number}"
            )
        return line.execute(query).fetchall()


def _rows(table: pa.Table) -> Iterable[list[Any]]:
    for row in table.to_pylist():
        yield [value if _is_plain(value) else str(value) for value in row.values()]


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, str | int | float | bytes)


def by_duckdb(query: str) -> list[tuple[Any, ...]]:
    """Run a query as it stands."""
    engine: Any = importlib.import_module("duckdb")
    found: list[tuple[Any, ...]] = engine.sql(query).fetchall()
    return found


def engines() -> list[Ask]:
    """Return what there is to ask by."""
    return [by_sqlite] + ([by_duckdb] if importlib.util.find_spec("duckdb") else [])


@pytest.mark.parametrize("ask", engines())
def test_each_query_says_what_the_files_hold(ask: Ask, folder: Path) -> None:
    """Counts, times in their order, and each scan once, by its newest row."""
    assert folder.is_dir()
    assert len(QUERIES) == 4
    places, last, terminals, ended = map(ask, QUERIES)
    assert [row[:3] for row in places] == [
        ("hall-1", "deny", 1), ("metro-1", "deny", 1), ("metro-1", "pass", 6),
    ]  # fmt: skip
    assert [row[2] for row in last] == ["deny", "pass"]
    assert last[0][0] > last[1][0]
    assert [(row[0], row[3]) for row in terminals] == [("hall-1", 2), ("t-1", 6)]
    assert ended == [("deny", None, 2), ("pass", None, 5)]


def test_only_one_column_needs_quotes_and_the_page_says_so() -> None:
    """A new column has a name that can be asked for as it is."""
    assert set(COLUMNS) & NO_NAMES == {"at"}
    assert '`"at"`' in RECORDS
    for query in QUERIES:
        assert not re.search(r"(?<![\"\w])at(?![\"\w])", query), query
