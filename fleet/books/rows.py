"""Rows: what a book reads from the store and what it writes there.

Pure. Names here are the part of a key behind the shard's prefix, as docs/store-fleet.md lists them.
Hashes are read whole when a shard is taken; strings are read one by one, by their key.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

import msgspec

Row = TypeVar("Row")
Field = TypeVar("Field", bound=str)
_encode: Final = msgspec.json.Encoder().encode


class RowFamily(Generic[Row]):
    """Rows of one kind, kept as JSON: the fields of one hash, or strings whose keys begin alike."""

    def __init__(self, name: str, kind: type[Row]) -> None:
        self.name: Final = name
        self._decode: Final = msgspec.json.Decoder(kind).decode

    def key(self, row_id: str) -> str:
        """Return the key of a row that is a string of its own."""
        return f"{self.name}:{row_id}"

    def encode(self, row: Row) -> bytes:
        """Write a row."""
        return _encode(row)

    def decode(self, stored: bytes) -> Row:
        """Read a row.

        Raises:
            msgspec.DecodeError: it is none of this kind.
        """
        return self._decode(stored)

    def written(self, rows: Mapping[Field, Row]) -> "Iterator[SetRows]":
        """Yield the write of changed fields of the hash, if there are any."""
        if rows:
            yield SetRows(self.name, {name: _encode(row) for name, row in rows.items()})


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What the store holds, as far as it was read: hashes by name, strings by key."""

    hashes: Mapping[str, Mapping[str, bytes]] = field(default_factory=dict)
    strings: Mapping[str, bytes] = field(default_factory=dict)

    def rows(self, family: RowFamily[Row]) -> Iterator[tuple[str, Row]]:
        """Yield (field, row) of a family's hash."""
        for name, row in self.hashes.get(family.name, {}).items():
            yield name, family.decode(row)


@dataclass(frozen=True, slots=True)
class SetRows:
    """Write fields of a hash."""

    hash: str
    rows: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class DropRow:
    """Delete a field of a hash."""

    hash: str
    field: str


@dataclass(frozen=True, slots=True)
class SetString:
    """Write a string that is forgotten by itself."""

    key: str
    value: bytes
    forget_at: int
    """Milliseconds since 1970-01-01 UTC."""


@dataclass(frozen=True, slots=True)
class Append:
    """Add an entry to a stream."""

    stream: str
    fields: Mapping[str, str | bytes]
    kept: int
    """About how many entries the stream keeps; older ones are dropped first."""


Write = SetRows | DropRow | SetString | Append
