"""CBOR written down as people read it (RFC 8949 section 8), of bytes that nobody has verified.

A reader of its own, not a general decoder: nothing is shared, built or interpreted, each byte is
walked once, and items, depth and length of what is written are bounded. What is not CBOR is written
up to where it stops, and why. Never raises for what the bytes are.
"""

import struct
from collections.abc import Iterator
from typing import Final

from deploy.inspection.words import printable
from verifier.contract.errors import MalformedError

MAX_ITEMS: Final = 4096
"""Data items written; the largest certificate has 512."""
MAX_DEPTH: Final = 32
"""Nesting levels; codes are refused past 16, and it shall be seen that they are."""
MAX_STRING_CHARS: Final = 2048
"""Characters written of one string."""

_UINT, _NINT, _BYTES, _TEXT, _ARRAY, _MAP, _TAG, _SIMPLE = range(8)
_INDEFINITE: Final = -1
_SIMPLE_WORDS: Final = {20: "false", 21: "true", 22: "null", 23: "undefined"}
_FLOATS: Final = {25: ">e", 26: ">f", 27: ">d"}


def diagnose(data: bytes) -> str:
    """Write one data item; what follows it, or why it cannot be read, is said behind it."""
    walk = _Walk(data)
    try:
        end = walk.item(0, 0)
    except MalformedError as error:
        return f"{''.join(walk.written)} ← {error}"
    rest = len(data) - end
    return "".join(walk.written) + (f" ← then {rest} more bytes" if rest else "")


def members(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield label (written) and value (encoded) of each member of a map of definite length.

    Raises:
        MalformedError: the bytes are not exactly one such map.
    """
    walk = _Walk(data)
    major, pairs, position = walk.head(0)
    if major != _MAP or pairs == _INDEFINITE:
        raise MalformedError("not a map of definite length")
    for _ in range(pairs):
        walk.written.clear()
        start = walk.item(position, 1)
        label = "".join(walk.written)
        position = walk.item(start, 1)
        yield label, data[start:position]
    if position != len(data):
        raise MalformedError("bytes after the end")


class _Walk:
    """One walk over the bytes; `written` is what has been read so far."""

    __slots__ = ("data", "left", "written")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.left = MAX_ITEMS
        self.written: list[str] = []

    def head(self, position: int) -> tuple[int, int, int]:
        """Read a head: major type, argument (_INDEFINITE where there is none), where it ends."""
        if position >= len(self.data):
            raise MalformedError("cut short")
        major, info = self.data[position] >> 5, self.data[position] & 31
        position += 1
        if info < 24:
            return major, info, position
        if info == 31:
            return major, _INDEFINITE, position
        if info > 27:
            raise MalformedError("a head that is reserved")
        size = 1 << (info - 24)
        encoded = self.data[position : position + size]
        if len(encoded) < size:
            raise MalformedError("cut short")
        return major, int.from_bytes(encoded, "big"), position + size

    def item(self, position: int, depth: int) -> int:
        """Write the item at a position; return where it ends."""
        self.left -= 1
        if self.left < 0 or depth > MAX_DEPTH:
            raise MalformedError("more than is written down here")
        start = position
        major, argument, position = self.head(position)
        if major in (_UINT, _NINT):
            if argument == _INDEFINITE:
                raise MalformedError("a head that is reserved")
            self.written.append(str(argument if major == _UINT else -1 - argument))
            return position
        if major in (_BYTES, _TEXT):
            return self._string(major, argument, position, depth)
        if major in (_ARRAY, _MAP):
            return self._many(major, argument, position, depth)
        if major == _TAG:
            self.written.append(f"{argument}(")
            position = self.item(position, depth + 1)
            self.written.append(")")
            return position
        return self._simple(start, argument, position)

    def _string(self, major: int, length: int, position: int, depth: int) -> int:
        if length == _INDEFINITE:
            return self._many(major, length, position, depth)
        found = self.data[position : position + length]
        if len(found) < length:
            raise MalformedError("a string that is cut short")
        if major == _BYTES:
            shown = found[: MAX_STRING_CHARS // 2].hex()
            self.written.append(f"h'{shown}{'…' if len(found) > MAX_STRING_CHARS // 2 else ''}'")
        else:
            text = printable(found.decode("utf-8", "replace"), MAX_STRING_CHARS)
            self.written.append('"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"')
        return position + length

    def _many(self, major: int, argument: int, position: int, depth: int) -> int:
        opening, closing = "{}" if major == _MAP else "[]" if major == _ARRAY else "()"
        self.written.append(opening + ("_ " if argument == _INDEFINITE else ""))
        number = 0
        while number != argument:
            if argument == _INDEFINITE and self.data[position : position + 1] == b"\xff":
                position += 1
                break
            self.written.append(", " if number else "")
            position = self.item(position, depth + 1)
            if major == _MAP:
                self.written.append(": ")
                position = self.item(position, depth + 1)
            number += 1
        self.written.append(closing)
        return position

    def _simple(self, start: int, argument: int, position: int) -> int:
        info = self.data[start] & 31
        if info == 31:
            raise MalformedError("a break that ends nothing")
        if info in _FLOATS:
            (number,) = struct.unpack(_FLOATS[info], self.data[start + 1 : position])
            self.written.append(repr(number))
        else:
            self.written.append(_SIMPLE_WORDS.get(argument, f"simple({argument})"))
        return position
