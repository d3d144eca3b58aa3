"""Damage: what a hostile or broken sender does to bytes that once were right. Seeded."""

import random
from collections.abc import Callable, Sequence
from typing import Final

MAX_GROWTH: Final = 64
"""Bytes that one insertion adds at most."""
INTERESTING: Final = (
    0x00,
    0x01,
    0x17,
    0x18,
    0x1B,
    0x40,
    0x5F,
    0x7F,
    0x80,
    0x9F,
    0xBF,
    0xD8,
    0xF9,
    0xFB,
    0xFF,
)
"""Heads of CBOR items, ends of ranges, escapes."""

Mutation = Callable[[random.Random, bytes, Sequence[bytes]], bytes]


def flip(source: random.Random, data: bytes, _others: Sequence[bytes]) -> bytes:
    """Flip one bit."""
    at = source.randrange(len(data))
    return data[:at] + bytes((data[at] ^ 1 << source.randrange(8),)) + data[at + 1 :]


def put(source: random.Random, data: bytes, _others: Sequence[bytes]) -> bytes:
    """Overwrite one byte with an interesting one."""
    at = source.randrange(len(data))
    return data[:at] + bytes((source.choice(INTERESTING),)) + data[at + 1 :]


def cut(source: random.Random, data: bytes, _others: Sequence[bytes]) -> bytes:
    """Cut the end off."""
    return data[: source.randrange(len(data))]


def drop(source: random.Random, data: bytes, _others: Sequence[bytes]) -> bytes:
    """Take a piece out."""
    start = source.randrange(len(data))
    return data[:start] + data[start + source.randrange(1, 9) :]


def double(source: random.Random, data: bytes, _others: Sequence[bytes]) -> bytes:
    """Write a piece twice."""
    start = source.randrange(len(data))
    piece = data[start : start + source.randrange(1, MAX_GROWTH)]
    return data[:start] + piece + data[start:]


def insert(source: random.Random, data: bytes, _others: Sequence[bytes]) -> bytes:
    """Put random bytes in."""
    at = source.randrange(len(data) + 1)
    return data[:at] + source.randbytes(source.randrange(1, 9)) + data[at:]


def splice(source: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Go on with the end of another."""
    other = source.choice(others) or data
    return data[: source.randrange(len(data))] + other[source.randrange(len(other)) :]


MUTATIONS: Final[tuple[Mutation, ...]] = (flip, put, cut, drop, double, insert, splice)


def damaged(source: random.Random, corpus: Sequence[bytes]) -> bytes:
    """Return one of the corpus, damaged one to four times."""
    data = source.choice(corpus)
    for _ in range(source.randrange(1, 5)):
        if not data:
            return data
        data = source.choice(MUTATIONS)(source, data, corpus)
    return data
