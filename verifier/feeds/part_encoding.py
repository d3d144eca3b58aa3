"""A part of a body, plain or gzip (RFC 1952, one member), inflated within bounds.

What is inflated comes out in pieces of at most 64 KiB, so that a small part cannot fill the memory;
how much may come in all is the manifest's to say, and whoever takes the pieces stops there.
"""

import zlib
from collections.abc import Iterator
from typing import Final

from verifier.errors import FeedCause, FeedRefused

PIECE_BYTES: Final = 64 * 1024
"""Bytes of a piece."""
_GZIP: Final = 16 + zlib.MAX_WBITS


class Inflater:
    """Takes the bytes of one part as they come."""

    __slots__ = ("_stream",)

    def __init__(self, *, gzip: bool) -> None:
        self._stream = zlib.decompressobj(_GZIP) if gzip else None

    def take(self, data: bytes) -> Iterator[bytes]:
        """Yield what `data` is, piece by piece.

        Raises:
            FeedRefused: not gzip, or something after its end.
        """
        stream = self._stream
        if stream is None:
            for start in range(0, len(data), PIECE_BYTES):
                yield data[start : start + PIECE_BYTES]
            return
        while data:
            try:
                piece = stream.decompress(data, PIECE_BYTES)
            except zlib.error as error:
                raise FeedRefused(FeedCause.PART_ENCODING) from error
            if stream.unused_data:
                raise FeedRefused(FeedCause.PART_ENCODING)
            data = stream.unconsumed_tail
            if piece:
                yield piece
            elif not data:
                return
