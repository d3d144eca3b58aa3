"""Deterministic CBOR (RFC 8949 section 4.2.1): write it, and read it strictly.

Rules of this file. Bytes are first walked once by a linear scan that refuses what a general decoder
would swallow (tags such as shared references, indefinite or over-long forms, duplicate keys, deep
nesting, trailing bytes); only then are they decoded. Unverified bytes do not come here at all:
envelopes are read by fixed templates, payloads only after their signature holds.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import cbor2

from verifier.contract.errors import MalformedError

MAX_DEPTH = 16
"""Nesting levels; the deepest document we sign has seven."""

_UINT, _NINT, _BYTES, _TEXT, _ARRAY, _MAP, _TAG, _SIMPLE = range(8)
_FALSE, _TRUE, _NULL = 20, 21, 22
_FLOATS = {25: 2, 26: 4, 27: 8}


@dataclass(frozen=True, slots=True, kw_only=True)
class Grammar:
    """What a scan lets through."""

    max_items: int
    """Data items in all, the bound on the work."""
    tags: frozenset[int] = field(default_factory=frozenset)
    floats: bool = False
    ordered_keys: bool = True
    shortest_heads: bool = True
    """Lengths and integers must take the fewest bytes that hold them."""


SIGNED_DOCUMENT = Grammar(max_items=2_000_000)
"""Trust bundles, profiles, grants, snapshots: ours, deterministic, without tags and floats."""


def encode(value: Any) -> bytes:
    """Write a value (int, bytes, str, bool, None, list, dict of these) as deterministic CBOR."""
    return cbor2.dumps(_in_order(value))


def _in_order(value: Any) -> Any:
    """Put the keys of maps into the order of their encoded bytes; cbor2 sorts by length first."""
    if isinstance(value, Mapping):
        keys = sorted(value, key=cbor2.dumps)
        return {key: _in_order(value[key]) for key in keys}
    if isinstance(value, list | tuple):
        return [_in_order(item) for item in value]
    return value


def decode(data: bytes, grammar: Grammar = SIGNED_DOCUMENT) -> Any:
    """Read bytes whose signature already holds.

    Raises:
        MalformedError: they break the grammar.
    """
    scan(data, grammar)
    stream = io.BytesIO(data)
    try:
        return cbor2.load(stream)
    except (cbor2.CBORDecodeError, ValueError, OverflowError) as error:
        raise MalformedError("not decodable as CBOR") from error


def scan(data: bytes, grammar: Grammar) -> None:
    """Walk one data item that must fill `data` exactly.

    Raises:
        MalformedError: anything the grammar does not let through.
    """
    end = _Scan(data, grammar).item(0, 0)
    if end != len(data):
        raise MalformedError("bytes after the end")


class _Scan:
    """One walk over the bytes; recursion is bounded by MAX_DEPTH, work by max_items."""

    __slots__ = ("data", "grammar", "left")

    def __init__(self, data: bytes, grammar: Grammar) -> None:
        self.data = data
        self.grammar = grammar
        self.left = grammar.max_items

    def item(self, position: int, depth: int) -> int:
        """Walk the item at `position` and return where it ends."""
        if depth > MAX_DEPTH:
            raise MalformedError("nested too deep")
        self.left -= 1
        if self.left < 0:
            raise MalformedError("too many items")
        major, info, argument, position = self._head(position)
        if major in (_UINT, _NINT):
            return position
        if major in (_BYTES, _TEXT):
            return self._string(major, position, argument)
        if major == _ARRAY:
            for _ in range(argument):
                position = self.item(position, depth + 1)
            return position
        if major == _MAP:
            return self._map(position, argument, depth)
        if major == _TAG:
            if argument not in self.grammar.tags:
                raise MalformedError("a tag that is not allowed")
            return self.item(position, depth + 1)
        return self._simple(info, position)

    def _head(self, position: int) -> tuple[int, int, int, int]:
        data = self.data
        if position >= len(data):
            raise MalformedError("cut short")
        major, info = data[position] >> 5, data[position] & 31
        position += 1
        if info < 24 or major == _SIMPLE:
            return major, info, info, position
        if info > 27:
            raise MalformedError("indefinite or reserved length")
        size = 1 << (info - 24)
        argument = int.from_bytes(data[position : position + size], "big")
        position += size
        if position > len(data):
            raise MalformedError("cut short")
        smallest = 24 if size == 1 else 1 << (4 * size)
        if self.grammar.shortest_heads and argument < smallest:
            raise MalformedError("a longer form than needed")
        return major, info, argument, position

    def _string(self, major: int, position: int, length: int) -> int:
        end = position + length
        if end > len(self.data):
            raise MalformedError("cut short")
        if major == _TEXT:
            try:
                self.data[position:end].decode()
            except UnicodeDecodeError as error:
                raise MalformedError("text that is not UTF-8") from error
        return end

    def _map(self, position: int, pairs: int, depth: int) -> int:
        seen: set[bytes] = set()
        previous = b""
        for _ in range(pairs):
            start = position
            position = self.item(position, depth + 1)
            key = self.data[start:position]
            if key in seen:
                raise MalformedError("a key that stands twice")
            if self.grammar.ordered_keys and key <= previous:
                raise MalformedError("keys out of order")
            seen.add(key)
            previous = key
            position = self.item(position, depth + 1)
        return position

    def _simple(self, info: int, position: int) -> int:
        if info in (_FALSE, _TRUE, _NULL):
            return position
        if self.grammar.floats and info in _FLOATS:
            end = position + _FLOATS[info]
            if end <= len(self.data):
                return end
        raise MalformedError("a simple value or float that is not allowed")
