"""Lines of a file as the issuing process takes them, from CSV or NDJSON, one at a time.

    CSV     a header with some of reference, kind, colour, hours, sectors; UTF-8, with or without
            a byte order mark; a record is one line, its kind paper if it does not say; sectors as
            `hall=0;transit=1`, or `hall;transit` for class 0
    NDJSON  one object per line with the same members; sectors as an object

Whatever is wrong with a line is that line's problem, named by its number and a member, never by
what it says. Everything that was read is also hashed, so that whoever goes on later knows that it
is the same file.
"""

import csv
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import IO, Any, Final

import msgspec

from deploy.character_sets import advice, other_character_set
from deploy.local.errors import UsageError
from runtime.json_depth import check_depth
from verifier.contract.bulk import BulkRefused

MAX_LINE_BYTES: Final = 4096
"""Bytes of a line of the file; more is one that lost its end."""
COLUMNS: Final = ("reference", "kind", "colour", "hours", "sectors")
_NO_HEADER: Final = f"the first line must name columns: {', '.join(COLUMNS)}"


class FileKind(StrEnum):
    """How a file is written."""

    CSV = "csv"
    NDJSON = "ndjson"


@dataclass(frozen=True, slots=True)
class FileLine:
    """A line to be sent, or why it cannot be."""

    number: int
    """In the file, from 1."""
    body: bytes = b""
    refused: BulkRefused | None = None


class LineFile:
    """A file that is read once, from its beginning."""

    def __init__(self, file: IO[bytes], kind: FileKind) -> None:
        self.octets = 0
        """Read so far."""
        self._file = file
        self._kind = kind
        self._digest = hashlib.sha256()
        self._numbers = 0
        self.others = 0
        """Lines that were read and are not UTF-8."""
        self.other = ""
        """The character set of the first of them."""

    @property
    def digest(self) -> str:
        """SHA-256 of what was read so far."""
        return self._digest.hexdigest()

    def lines(self) -> Iterator[FileLine]:
        """Yield the lines; empty ones are left out.

        Raises:
            UsageError: the header of a CSV is missing or names other columns.
        """
        yield from self._ndjson() if self._kind is FileKind.NDJSON else self._csv()

    def _raw(self) -> Iterator[bytes]:
        """Yield lines as they are; of one that is too long only the beginning."""
        while data := self._file.readline(MAX_LINE_BYTES + 1):
            self._numbers += 1
            self._count(data)
            rest = data
            while len(rest) > MAX_LINE_BYTES and not rest.endswith(b"\n"):
                rest = self._file.readline(MAX_LINE_BYTES + 1)
                self._count(rest)
            yield data

    def _is_utf8(self, data: bytes) -> bool:
        # Of a line that is too long only a part is here, which may end inside a character.
        other = other_character_set(data) if len(data) <= MAX_LINE_BYTES else None
        if other is not None:
            self.others += 1
            self.other = self.other or other
        return other is None

    def _count(self, data: bytes) -> None:
        self.octets += len(data)
        self._digest.update(data)

    def _ndjson(self) -> Iterator[FileLine]:
        for data in self._raw():
            if data.strip() and not self._is_utf8(data):
                yield _refused(self._numbers, "line.encoding", None)
            elif data.strip():
                yield _line_of(self._numbers, data)

    def _csv(self) -> Iterator[FileLine]:
        header: list[str] | None = None
        for data in self._raw():
            if header is None:
                header = _header(data)
            elif data.strip() and not self._is_utf8(data):
                yield _refused(self._numbers, "line.encoding", None)
            elif data.strip():
                yield _row_of(self._numbers, header, data)
        if header is None:
            raise UsageError(_NO_HEADER)


def _header(data: bytes) -> list[str]:
    other = other_character_set(data)
    if other is not None:
        raise UsageError(f"the first line cannot be read; {advice(other)}")
    try:
        header = [name.strip().lower() for name in _cells(data)]
    except ValueError as error:
        raise UsageError(_NO_HEADER) from error
    known = set(header) <= set(COLUMNS)
    if not known or len(set(header)) < len(header) or "reference" not in header:
        # Without a quotation: a file without a header would be quoted with somebody's number.
        raise UsageError(_NO_HEADER)
    return header


def _cells(data: bytes) -> list[str]:
    """Split a line of CSV; a cell does not go on in the next line."""
    try:
        return next(csv.reader([data.decode("utf-8-sig")], strict=True), [])
    except csv.Error as error:
        raise ValueError("no line of CSV") from error


def _line_of(number: int, data: bytes) -> FileLine:
    if len(data) > MAX_LINE_BYTES:
        return _refused(number, "line.large", None)
    try:
        check_depth(data)
        found: Any = msgspec.json.decode(data)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return _refused(number, "line.json", None)
    if not isinstance(found, dict):
        return _refused(number, "line.json", None)
    if "line" in found:
        return _refused(number, "line.field", "line")
    return FileLine(number, msgspec.json.encode({"line": number} | found))


def _row_of(number: int, header: list[str], data: bytes) -> FileLine:
    if len(data) > MAX_LINE_BYTES:
        return _refused(number, "line.large", None)
    try:
        row = _cells(data)
    except ValueError:
        return _refused(number, "line.csv", None)
    if len(row) != len(header):
        return _refused(number, "line.columns", None)
    found: dict[str, Any] = {"line": number, "kind": "paper"}
    for name, text in zip(header, row, strict=True):
        value = text.strip()
        if not value:
            continue
        try:
            found[name] = _READ.get(name, str)(value)
        except ValueError:
            return _refused(number, "line.field", name)
    return FileLine(number, msgspec.json.encode(found))


def _hours(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError("no whole number")
    return int(text)


def _sectors(text: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for part in text.split(";"):
        name, given, number = part.strip().partition("=")
        if not name or name in found:
            raise ValueError("no sector, or one twice")
        found[name] = _hours(number.strip()) if given else 0
    return found


_READ: Final[dict[str, Callable[[str], Any]]] = {"hours": _hours, "sectors": _sectors}


def _refused(number: int, code: str, field: str | None) -> FileLine:
    return FileLine(number, refused=BulkRefused(line=number, code=code, field=field))
