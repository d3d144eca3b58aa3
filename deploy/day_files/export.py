"""A day's rows as lines of JSON or CSV, with the columns that were asked for.

Times are Unix milliseconds, a scan_id is written as terminals write it, other bytes in hex. The
keyed hash of a person is written only when asked for by name: with it, whoever gets the file can
put one person's ways of that day together.
"""

import csv
import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import IO, Any, Final

import msgspec

from deploy.local.errors import UsageError
from verifier.archive.row import COLUMNS

NOT_UNLESS_ASKED: Final = frozenset({"person", "unread"})
DEFAULT: Final = tuple(name for name in COLUMNS if name not in NOT_UNLESS_ASKED)


class ExportForm(StrEnum):
    """How rows are written."""

    NDJSON = "ndjson"
    CSV = "csv"


def fields(text: str | None) -> tuple[str, ...]:
    """Read the list of columns; None: all but the person's hash.

    Raises:
        UsageError: a column that there is not, or one twice.
    """
    if text is None:
        return DEFAULT
    asked = tuple(name.strip() for name in text.split(","))
    unknown = [name for name in asked if name not in COLUMNS]
    if unknown:
        raise UsageError(f"no column {unknown[0]!r}; there are {', '.join(COLUMNS)}")
    if len(set(asked)) < len(asked):
        raise UsageError("a column is named twice; name each once")
    return asked


def write(
    rows: Iterable[dict[str, Any]], columns: Sequence[str], form: ExportForm, target: IO[bytes]
) -> int:
    """Write rows; returns how many."""
    written = 0
    put = _json_lines(target) if form is ExportForm.NDJSON else _csv_lines(columns, target)
    for row in rows:
        put({name: _plain(name, row[name]) for name in columns})
        written += 1
    return written


def _json_lines(target: IO[bytes]) -> Callable[[dict[str, Any]], None]:
    encoder = msgspec.json.Encoder()

    def put(row: dict[str, Any]) -> None:
        there = {name: value for name, value in row.items() if value is not None}
        target.write(encoder.encode(there) + b"\n")

    return put


def _csv_lines(columns: Sequence[str], target: IO[bytes]) -> Callable[[dict[str, Any]], None]:
    lines = _Encoded(target)
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(columns)

    def put(row: dict[str, Any]) -> None:
        writer.writerow(_cell(row[name]) for name in columns)

    return put


class _Encoded:
    """Lets csv write into bytes."""

    def __init__(self, target: IO[bytes]) -> None:
        self._target = target

    def write(self, text: str) -> int:
        """Write one line."""
        return self._target.write(text.encode())


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return " ".join(map(str, value)) if isinstance(value, list) else value


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, datetime):
        return round(value.timestamp() * 1000)
    if isinstance(value, bytes):
        return str(uuid.UUID(bytes=value)) if name == "scan_id" else value.hex()
    if isinstance(value, float):
        return round(value, 2)
    return value
