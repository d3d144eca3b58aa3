"""PNG files (W3C PNG, third edition): walked chunk by chunk. No decoder.

Only what draws is kept.
"""

import struct

from verifier.barcode.bounds import MAX_PARTS, Cause, PictureRefused, check_size

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_DRAWN = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
"""Colour type to the bit depths that it may have."""


def strip_png(data: bytes) -> bytes:
    """Check a file and keep of it only what draws.

    Raises:
        PictureRefused: too many pixels, cut short, or no plain PNG.
    """
    kept = [PNG_SIGNATURE]
    position = len(PNG_SIGNATURE)
    for number in range(MAX_PARTS):
        if position + 12 > len(data):
            raise PictureRefused(Cause.TRUNCATED)
        length, kind = struct.unpack_from(">I4s", data, position)
        end = position + 12 + length
        if (number == 0) != (kind == b"IHDR"):
            raise PictureRefused(Cause.UNSUPPORTED)
        if end > len(data):
            raise PictureRefused(Cause.TRUNCATED)
        if number == 0:
            _check_header(data[position + 8 : end - 4])
        if kind in _DRAWN:
            kept.append(data[position:end])
        elif kind[0] & 0x20 == 0:  # a capital first letter: nobody may skip this chunk
            raise PictureRefused(Cause.UNSUPPORTED)
        if kind == b"IEND":
            return b"".join(kept)
        position = end
    raise PictureRefused(Cause.UNSUPPORTED)


def _check_header(header: bytes) -> None:
    if len(header) != 13:
        raise PictureRefused(Cause.UNSUPPORTED)
    width, height, depth, colour = struct.unpack_from(">IIBB", header)
    check_size(width, height)
    if depth not in _DEPTHS.get(colour, ()):
        raise PictureRefused(Cause.UNSUPPORTED)
