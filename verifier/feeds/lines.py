"""The lines of a batch: bytes in, observations and wrong lines out; digest and position beside.

NDJSON, one object per line: {"ref": "…" or "person": 5, "plane": "health", "value": "red", "at": 0}
CSV, the first line one of:  ref,plane,value,at    person,plane,value,at
without quoting: no field of these can hold a comma. `at` is when the source last knew the value to
hold. Memory is bounded by one line, whatever comes; the digest covers also what is thrown away.
"""

import hashlib
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import msgspec

from verifier.contract.feed import MAX_LINE_BYTES, NO_LINES, BatchForm, BatchManifest, next_digest
from verifier.contract.vocabulary import Plane
from verifier.errors import FeedCause, FeedRefused
from verifier.feeds.reports import LineFault, WrongLine
from verifier.feeds.sources import Source, value_of

HORIZON_S: Final = 86_400
"""Seconds: how long times of observation are kept; an older one could not be compared."""
AHEAD_S: Final = 300
"""Seconds that a time of observation may lie ahead of our clock: as far as clocks may differ."""
_HEADERS: Final = {b"ref,plane,value,at": "ref", b"person,plane,value,at": "person"}
_MAX_DIGITS: Final = 10


class Observation(NamedTuple):
    """What a right line says."""

    line: int
    reference: str | None
    """A person by reference, or"""
    person: int | None
    """by index."""
    plane: Plane
    value: int
    at: int


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    plane: str
    value: str | int
    at: int
    ref: str | None = None
    person: int | None = None


_DECODER: Final = msgspec.json.Decoder(_Line)


class Position(NamedTuple):
    """Where reading stands: after a whole line, so that reading can continue here."""

    octets: int = 0
    lines: int = 0
    digest: bytes = NO_LINES
    column: str = ""
    """Of a CSV: how it names persons; empty before its first line."""


class BodyLines:
    """Cuts bytes into lines and keeps their digest."""

    __slots__ = ("_held", "_long", "digest", "lines", "octets")

    def __init__(self, start: Position) -> None:
        self.octets, self.lines, self.digest = start.octets, start.lines, start.digest
        self._held = b""
        self._long: Any = None
        """The hash of a line that is already longer than any, and its bytes."""

    def take(self, data: bytes) -> Iterator[bytes | None]:
        """Yield the lines that `data` completes, None for one that is too long.

        `octets`, `lines` and `digest` stand after the line that was yielded last.
        """
        pieces = data.split(b"\n")
        for piece in pieces[:-1]:
            yield self._end(piece + b"\n")
        self._hold(pieces[-1])

    def last(self) -> Iterator[bytes | None]:
        """Yield the line that ends with the text, without a line feed."""
        if self._held or self._long is not None:
            yield self._end(b"")

    @property
    def held(self) -> int:
        """Return how many bytes wait for the end of their line."""
        return len(self._held) if self._long is None else int(self._long[1])

    def _hold(self, piece: bytes) -> None:
        if self._long is not None:
            self._long[0].update(piece)
            self._long[1] += len(piece)
            return
        self._held += piece
        if len(self._held) > MAX_LINE_BYTES:
            self._long = [hashlib.sha256(self.digest + self._held), len(self._held)]
            self._held = b""

    def _end(self, piece: bytes) -> bytes | None:
        self.lines += 1
        if self._long is not None:
            self._hold(piece)
            self.digest = self._long[0].digest()
            self.octets += self._long[1]
            self._long = None
            return None
        line, self._held = self._held + piece, b""
        self.digest = next_digest(self.digest, line)
        self.octets += len(line)
        return line if len(line) <= MAX_LINE_BYTES else None


class LineReader:
    """Reads the lines of one batch; a wrong one spoils only itself."""

    def __init__(self, manifest: BatchManifest, source: Source, start: Position) -> None:
        self._body = BodyLines(start)
        self._planes = {str(plane): plane for plane in manifest.planes}
        self._values = source.values
        self._csv = manifest.form is BatchForm.CSV
        self._column = start.column
        self._manifest = manifest

    @property
    def position(self) -> Position:
        """Return where reading stands: after the line that was read last."""
        body = self._body
        return Position(body.octets, body.lines, body.digest, self._column)

    @property
    def octets(self) -> int:
        """Return how many bytes of the text have come, an unfinished line's included."""
        return self._body.octets + self._body.held

    def take(self, data: bytes, now: float) -> Iterator[Observation | WrongLine]:
        """Read on.

        Raises:
            FeedRefused: more bytes than the manifest says; a CSV without its first line.
        """
        if self.octets + len(data) > self._manifest.octets:
            raise FeedRefused(FeedCause.PART_LARGE)
        yield from self._read(self._body.take(data), now)
        if self.octets == self._manifest.octets:
            yield from self._read(self._body.last(), now)

    def _read(self, lines: Iterator[bytes | None], now: float) -> Iterator[Observation | WrongLine]:
        for line in lines:
            if self._csv and not self._column:
                self._column = _HEADERS.get(b"" if line is None else line.rstrip(b"\r\n"), "")
                if not self._column:
                    raise FeedRefused(FeedCause.BODY_HEADER)
                continue
            yield self._one(line, now)

    def _one(self, text: bytes | None, now: float) -> Observation | WrongLine:
        number = self._body.lines
        if text is None:
            return WrongLine(line=number, field="", fault=LineFault.LONG)
        try:
            line = _csv_line(text, self._column) if self._csv else _DECODER.decode(text)
        except (msgspec.DecodeError, ValueError, RecursionError):
            return WrongLine(line=number, field="", fault=LineFault.FORM)
        if (line.ref is None) == (line.person is None):
            return WrongLine(line=number, field="ref", fault=LineFault.FORM)
        plane = self._planes.get(line.plane)
        if plane is None:
            return WrongLine(line=number, field="plane", fault=LineFault.PLANE)
        value = value_of(plane, line.value)
        if value is None or value not in self._values[plane]:
            return WrongLine(line=number, field="value", fault=LineFault.VALUE)
        if not now - HORIZON_S <= line.at <= now + AHEAD_S:
            return WrongLine(line=number, field="at", fault=LineFault.TIME)
        return Observation(number, line.ref, line.person, plane, value, line.at)


def complete(manifest: BatchManifest, position: Position) -> None:
    """Check a text that has come to its end against its manifest.

    Raises:
        FeedRefused: another number of lines, or other bytes.
    """
    if position.lines != manifest.lines:
        raise FeedRefused(FeedCause.BODY_LINES, expected=manifest.lines, found=position.lines)
    if position.digest != manifest.digest:
        raise FeedRefused(FeedCause.BODY_DIGEST)


def _csv_line(text: bytes, column: str) -> _Line:
    """Read four plain fields.

    Raises:
        ValueError: another number of them, quotes, or a number that is none.
    """
    fields = text.rstrip(b"\r\n").decode().split(",")
    if len(fields) != 4 or '"' in fields[0]:
        raise ValueError("four fields")
    who, plane, word, moment = fields
    value: str | int = _number(word) if word[:1].isdigit() else word
    if column == "ref":
        return _Line(plane, value, _number(moment), ref=who)
    return _Line(plane, value, _number(moment), person=_number(who))


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > _MAX_DIGITS:
        raise ValueError("not a number")
    return int(text)
