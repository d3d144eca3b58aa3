"""Rows in and out of Parquet, typed as docs/records.md says. The only file that knows pyarrow.

Parquet is written to and read from files that the caller opened.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import IO, Any, Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from verifier.archive.manifest import Contents
from verifier.archive.row import COLUMNS, StreamEntry, row_of
from verifier.contract.errors import MalformedError
from verifier.steps.use import PERSON_BYTES

GROUP_ROWS: Final = 32_768
"""Rows of a row group: some 10 MB while it is built, and enough to pack well."""
ZSTD_LEVEL: Final = 6
"""Past it a part gets 1 % smaller and twice as slow."""
SCAN_ID_BYTES: Final = 16
CONTENTS: Final = b"kapok.part"

_WORD: Final = pa.string()
_TIME: Final = pa.timestamp("ms", tz="UTC")
_TYPES: Final[dict[str, pa.DataType]] = {
    "stored": _TIME,
    "number": pa.uint32(),
    "tag": pa.uint8(),
    "scan_id": pa.binary(SCAN_ID_BYTES),
    "terminal": _WORD,
    "place": _WORD,
    "gate": _WORD,
    "direction": _WORD,
    "at": _TIME,
    "decision": _WORD,
    "decision_reason": _WORD,
    "answer": _WORD,
    "outcome": _WORD,
    "reason": _WORD,
    "steps": _WORD,
    "format": _WORD,
    "kind": pa.uint8(),
    "colour": pa.uint8(),
    "sector_class": pa.uint16(),
    "rule": _WORD,
    "person": pa.binary(PERSON_BYTES),
    "members": pa.uint16(),
    "open_stance": pa.bool_(),
    "unsure": _WORD,
    "status_age": pa.int32(),
    "trust_version": pa.uint64(),
    "status_version": pa.uint64(),
    "profile_version": pa.uint64(),
    "milliseconds": pa.float32(),
    "offline": pa.bool_(),
    "final": _WORD,
    "final_reason": _WORD,
    "incident": _WORD,
    "manual": pa.bool_(),
    "group_green": pa.uint16(),
    "group_yellow": pa.uint16(),
    "group_red": pa.uint16(),
    "group_none": pa.uint16(),
    "group_exceptions": pa.list_(pa.uint16()),
    "amended": _WORD,
    "amended_by": _WORD,
    "amended_at": _TIME,
    "amended_decision": _WORD,
    "amended_reason": _WORD,
    "unread": pa.binary(),
}
SCHEMA: Final = pa.schema([pa.field(name, _TYPES[name]) for name in COLUMNS])
_DELTA: Final = ("stored", "at", "amended_at")
_PLAIN: Final = ("scan_id", "person", "unread", *_DELTA)
"""Columns whose values hardly repeat, or have an encoding of their own: no dictionary."""


class PartWriter:
    """Writes one part to an open file; closes nothing but the Parquet in it."""

    def __init__(self, sink: IO[bytes], hour: int, number: int) -> None:
        self._hour, self._number = hour, number
        self._rows: list[StreamEntry] = []
        self._last: dict[str, str] = {}
        self._written = self._unread = 0
        self._writer = pq.ParquetWriter(
            sink,
            SCHEMA,
            compression="zstd",
            compression_level=ZSTD_LEVEL,
            use_dictionary=[name for name in COLUMNS if name not in _PLAIN],
            column_encoding=dict.fromkeys(_DELTA, "DELTA_BINARY_PACKED"),
        )

    def add(self, entries: Iterable[StreamEntry]) -> None:
        """Add entries, in their order."""
        for entry in entries:
            self._rows.append(entry)
            self._last[f"{entry.tag:02x}"] = str(entry.id)
            if len(self._rows) == GROUP_ROWS:
                self._flush()

    def close(self) -> Contents:
        """Finish the Parquet; returns what the part holds."""
        self._flush()
        contents = Contents(
            hour=self._hour,
            number=self._number,
            rows=self._written,
            unread=self._unread,
            last=self._last,
        )
        self._writer.add_key_value_metadata({CONTENTS: msgspec.json.encode(contents)})
        self._writer.close()
        return contents

    def _flush(self) -> None:
        if not self._rows:
            return
        try:
            batch = _batch(self._rows)
        except (pa.ArrowException, OverflowError, TypeError):
            self._rows = [entry if _fits(entry) else _octets_alone(entry) for entry in self._rows]
            batch = _batch(self._rows)
        self._writer.write_batch(batch, row_group_size=GROUP_ROWS)
        self._written += len(self._rows)
        self._unread += sum(entry.record is None for entry in self._rows)
        self._rows.clear()


def read_contents(source: IO[bytes]) -> Contents:
    """Read what a part says of itself.

    Raises:
        MalformedError: it is no part, or is not whole.
    """
    try:
        found = pq.read_metadata(source).metadata or {}
        return msgspec.json.decode(found[CONTENTS], type=Contents)
    except (pa.ArrowException, OSError, KeyError, msgspec.DecodeError) as error:
        raise MalformedError("not a part of a day file") from error


def read_rows(
    source: IO[bytes],
    columns: Sequence[str] | None = None,
    *,
    persons: frozenset[bytes] = frozenset(),
) -> Iterator[dict[str, Any]]:
    """Yield the rows of a part as they stand; with `persons`, only those of these keyed hashes.

    Times come as datetime in UTC, ids as bytes.

    Raises:
        MalformedError: it is no part, or is not whole.
    """
    wanted = None if columns is None else list(columns)
    try:
        file = pq.ParquetFile(source)
        for group in range(file.num_row_groups):
            mask = _of_persons(file, group, persons) if persons else None
            if persons and mask is None:
                continue
            table = file.read_row_group(group, columns=wanted)
            for batch in (table if mask is None else table.filter(mask)).to_batches():
                yield from batch.to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise MalformedError("not a part of a day file") from error


def _of_persons(file: pq.ParquetFile, group: int, persons: frozenset[bytes]) -> pa.Array | None:
    """Mark the rows of these persons by their column alone; None: there are none, as in most."""
    column = file.read_row_group(group, columns=["person"]).column(0)
    mask = pc.is_in(column, value_set=pa.array(sorted(persons), type=_TYPES["person"]))
    return mask if pc.any(mask).as_py() else None


def _fits(entry: StreamEntry) -> bool:
    try:
        _batch((entry,))
    except (pa.ArrowException, OverflowError, TypeError):
        return False
    return True


def _octets_alone(entry: StreamEntry) -> StreamEntry:
    return StreamEntry(entry.tag, entry.id, entry.octets)


def _batch(entries: Sequence[StreamEntry]) -> pa.RecordBatch:
    columns = zip(*map(row_of, entries), strict=True)
    arrays = [
        pa.array(values, type=kind) for values, kind in zip(columns, SCHEMA.types, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)
