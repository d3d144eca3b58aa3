"""JPEG files (ITU-T T.81): walked segment by segment. No decoder.

Only what draws is kept.
"""

import struct
from collections.abc import Iterator

from verifier.barcode.bounds import MAX_PARTS, Cause, PictureRefused, check_size

JPEG_SIGNATURE = b"\xff\xd8\xff"
MAX_SCANS = 24
"""Passes over a progressive JPEG: writers make about ten; a file of nothing but passes stalls."""

_START_OF_SCAN, _END_OF_IMAGE = b"\xff\xda", b"\xff\xd9"
_FRAMES = frozenset({0xC0, 0xC1, 0xC2})
"""Baseline, extended and progressive Huffman; no lossless, hierarchical or arithmetic ones."""
_DRAWN = frozenset({0xC4, 0xDB, 0xDD, 0xE0, 0xEE}) | _FRAMES
"""Tables, restart interval, JFIF and Adobe (which say how colours are stored), frame."""
_SKIPPED = frozenset({*range(0xE1, 0xEE), 0xEF, 0xFE})
"""Application data and comments."""


def strip_jpeg(data: bytes) -> bytes:
    """Check a file and keep of it only what draws.

    Raises:
        PictureRefused: too many pixels, cut short, or no plain JPEG.
    """
    kept = [JPEG_SIGNATURE[:2]]
    framed = False
    for marker, start, end in _segments(data):
        if marker in _FRAMES:
            _check_frame(data[start + 4 : end], again=framed)
            framed = True
        if marker == _START_OF_SCAN[1]:
            kept.append(_scans(data, start))
            break
        if marker in _DRAWN:
            kept.append(data[start:end])
        elif marker not in _SKIPPED:
            raise PictureRefused(Cause.UNSUPPORTED)
    if not framed:
        raise PictureRefused(Cause.UNSUPPORTED)
    return b"".join(kept)


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Walk a JPEG's segments: marker, where it starts, where it ends."""
    position = 2
    for _ in range(MAX_PARTS):
        if data.startswith(b"\xff\xff", position):  # a fill byte before a marker
            position += 1
            continue
        if position + 4 > len(data):
            raise PictureRefused(Cause.TRUNCATED)
        lead, marker, length = struct.unpack_from(">BBH", data, position)
        end = position + 2 + length
        if lead != 0xFF or length < 2 or end > len(data):
            raise PictureRefused(Cause.TRUNCATED)
        yield marker, position, end
        position = end
    raise PictureRefused(Cause.UNSUPPORTED)


def _check_frame(frame: bytes, *, again: bool) -> None:
    if again or len(frame) < 6:
        raise PictureRefused(Cause.UNSUPPORTED)
    depth, height, width, components = struct.unpack_from(">BHHB", frame)
    check_size(width, height)
    if depth != 8 or components not in (1, 3):
        raise PictureRefused(Cause.UNSUPPORTED)


def _scans(data: bytes, start: int) -> bytes:
    """Cut out everything from the first scan to the end of the image."""
    end = data.find(_END_OF_IMAGE, start)
    if end < 0:
        raise PictureRefused(Cause.TRUNCATED)
    if data.count(_START_OF_SCAN, start, end) > MAX_SCANS:
        raise PictureRefused(Cause.UNSUPPORTED)
    return data[start : end + 2]
