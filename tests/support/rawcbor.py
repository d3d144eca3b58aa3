"""CBOR item by item, also in forms that no honest encoder writes. Knows nothing of codes."""

from collections.abc import Iterable
from typing import Final

UINT: Final = 0
NINT: Final = 1
BYTES: Final = 2
TEXT: Final = 3
ARRAY: Final = 4
MAP: Final = 5
TAG: Final = 6

FALSE: Final = b"\xf4"
TRUE: Final = b"\xf5"
NULL: Final = b"\xf6"
BREAK: Final = b"\xff"


def head(major: int, argument: int, *, width: int | None = None) -> bytes:
    """Write the head of an item; `width` 0, 1, 2, 4 or 8 bytes of argument, None: the fewest."""
    if width is None:
        width = next(w for w in (0, 1, 2, 4, 8) if argument < (24 if w == 0 else 1 << (8 * w)))
    if width == 0:
        return bytes((major << 5 | argument,))
    info = {1: 24, 2: 25, 4: 26, 8: 27}[width]
    return bytes((major << 5 | info,)) + argument.to_bytes(width, "big")


def indefinite(major: int) -> bytes:
    """Write the head of an item of indefinite length."""
    return bytes((major << 5 | 31,))


def integer(value: int, *, width: int | None = None) -> bytes:
    """Write an integer of either sign."""
    return head(UINT, value, width=width) if value >= 0 else head(NINT, -1 - value, width=width)


def data(value: bytes, *, width: int | None = None) -> bytes:
    """Write a byte string."""
    return head(BYTES, len(value), width=width) + value


def text(value: str, *, width: int | None = None) -> bytes:
    """Write a text string."""
    encoded = value.encode()
    return head(TEXT, len(encoded), width=width) + encoded


def array(items: Iterable[bytes], *, count: int | None = None) -> bytes:
    """Write an array of encoded items; `count` where it shall lie."""
    listed = list(items)
    return head(ARRAY, len(listed) if count is None else count) + b"".join(listed)


def mapping(
    pairs: Iterable[tuple[bytes, bytes]], *, count: int | None = None, width: int | None = None
) -> bytes:
    """Write a map of encoded pairs in the order given; `count` where it shall lie."""
    listed = list(pairs)
    number = len(listed) if count is None else count
    return head(MAP, number, width=width) + b"".join(key + value for key, value in listed)
