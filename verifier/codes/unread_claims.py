"""Claims that hold no EU certificate and are written in ways that the reader of claims refuses.

Other documents stand under -260 and beside it: with tags of dates and identifiers, in indefinite
forms, of more items. They are genuine and not read, never damaged. So what they are is not decoded:
their ends are found by the heads alone, in time that their bytes bound, and null stands for each.
"""

from collections.abc import Iterator
from typing import Final

from verifier.contract.errors import MalformedError

_BYTES, _TEXT, _ARRAY, _MAP, _TAG, _ = range(2, 8)
_BREAK: Final = 0xFF
_NULL: Final = b"\xf6"
_INDEFINITE: Final = -1
_MAX_CLAIMS: Final = 23
"""What the head of a map holds in one byte; real codes have four."""
_HEAD: Final = frozenset((b"\x01", b"\x04", b"\x05", b"\x06"))
"""iss, exp, nbf, iat: small numbers, which have no longer form than one byte here."""
_HCERT: Final = b"\x39\x01\x03"
"""-260."""
_DCC: Final = b"\x01"


def head_of(payload: bytes) -> bytes | None:
    """Return claims with null for what is not read; None: an EU certificate, or no such claims."""
    try:
        parts = list(_pairs(payload, 0, len(payload)))
        if any(key == _HCERT and _is_certificate(payload, *value) for key, value in parts):
            return None
    except MalformedError:
        return None
    if len(parts) > _MAX_CLAIMS:
        return None
    kept = (key + (payload[slice(*value)] if key in _HEAD else _NULL) for key, value in parts)
    return bytes((_MAP << 5 | len(parts),)) + b"".join(kept)


def _is_certificate(data: bytes, start: int, end: int) -> bool:
    if data[start] >> 5 != _MAP:
        return False
    return any(key == _DCC for key, _ in _pairs(data, start, end))


def _pairs(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, tuple[int, int]]]:
    """Walk a map that fills `start` to `end`: each key, and where its value stands.

    Raises:
        MalformedError: it is none, or is cut short.
    """
    major, pairs, position = _read_head(data, start)
    if major != _MAP:
        raise MalformedError("not a map")
    while pairs != 0 and not (pairs < 0 and data[position : position + 1] == bytes((_BREAK,))):
        value = _end(data, position)
        after = _end(data, value)
        yield data[position:value], (value, after)
        position, pairs = after, pairs - 1
    if position + (pairs < 0) != end:
        raise MalformedError("bytes after the end")


def _end(data: bytes, position: int) -> int:
    """Return where an item ends; what is inside it is walked, not read."""
    left = [1]
    while left:
        if left[-1] == 0:
            left.pop()
            continue
        if left[-1] < 0 and data[position : position + 1] == bytes((_BREAK,)):
            left.pop()
            position += 1
            continue
        left[-1] -= 1
        major, argument, position = _read_head(data, position)
        if major in (_BYTES, _TEXT) and argument >= 0:
            position += argument
        elif major in (_BYTES, _TEXT, _ARRAY):
            left.append(argument)
        elif major == _MAP:
            left.append(2 * argument)
        elif major == _TAG:
            left.append(1)
        if position > len(data):
            raise MalformedError("cut short")
    return position


def _read_head(data: bytes, position: int) -> tuple[int, int, int]:
    """Read major type and argument, -1 where the length is open; and where the head ends."""
    if position >= len(data):
        raise MalformedError("cut short")
    major, info = data[position] >> 5, data[position] & 31
    position += 1
    if info < 24:
        return major, info, position
    if info == 31 and _BYTES <= major <= _MAP:
        return major, _INDEFINITE, position
    if info > 27:
        raise MalformedError("a reserved form")
    after = position + (1 << (info - 24))
    if after > len(data):
        raise MalformedError("cut short")
    return major, int.from_bytes(data[position:after], "big"), after
