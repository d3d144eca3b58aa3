"""Inflating what strangers sent: bounded output, one stream, nothing after it."""

import zlib
from typing import Final

from verifier.contract.errors import MalformedError

ZLIB: Final = zlib.MAX_WBITS
"""A zlib stream with header and checksum (RFC 1950)."""
RAW: Final = -zlib.MAX_WBITS
"""A bare DEFLATE stream (RFC 1951)."""


def inflate(data: bytes, *, limit: int, framing: int = ZLIB) -> bytes:
    """Inflate one stream to at most `limit` bytes.

    Raises:
        MalformedError: not such a stream, cut short, longer than `limit`, or followed by anything.
    """
    stream = zlib.decompressobj(framing)
    try:
        inflated = stream.decompress(data, limit + 1)
    except zlib.error as error:
        raise MalformedError("not a compressed stream") from error
    if len(inflated) > limit:
        raise MalformedError("inflates past the bound")
    if not stream.eof or stream.unused_data:
        raise MalformedError("a compressed stream cut short or followed by bytes")
    return inflated
