"""PNG and JPEG files from strangers: bounded, checked and stripped before anything decodes them.

Rules of this file. Pure bytes, no decoder. A file is walked part by part (PNG: W3C PNG third
edition, JPEG: ITU-T T.81); its size in pixels is read from its header and refused there; only the
parts that draw are kept, so that text, colour profiles, Exif, animations and thumbnails, where
decoders inflate, warn and fail in many ways, never reach one.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

MAX_PICTURE_BYTES = 16 * 1024 * 1024
"""Bytes of a file: a noisy 16-megapixel grey PNG just fits, a JPEG takes a third."""
MAX_PIXELS = 16_800_000
"""Pixels: what phones call 16 megapixels; decoding them takes under 0.3 s."""
MAX_SIDE_PIXELS = 8_192
"""Pixels a side: no camera makes longer strips, and decoders work by rows and columns."""
MAX_PARTS = 16_384
"""PNG chunks or JPEG segments: writers cut 16 MiB into 2,048 chunks; bounds the walk's time."""
MAX_JPEG_SCANS = 24
"""Passes over a progressive JPEG: writers make about ten; a file of nothing but passes stalls."""

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
JPEG_SIGNATURE = b"\xff\xd8\xff"

_PNG_DRAWN = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_PNG_DEPTHS = {0: (1, 2, 4, 8), 2: (8,), 3: (1, 2, 4, 8), 4: (8,), 6: (8,)}
"""Colour type to the bit depths taken; 16 bits per channel is for laboratories."""

_START_OF_SCAN, _END_OF_IMAGE = b"\xff\xda", b"\xff\xd9"
_JPEG_FRAMES = frozenset({0xC0, 0xC1, 0xC2})
"""Baseline, extended and progressive Huffman; no lossless, hierarchical or arithmetic ones."""
_JPEG_DRAWN = frozenset({0xC4, 0xDB, 0xDD, 0xE0, 0xEE}) | _JPEG_FRAMES
"""Tables, restart interval, JFIF and Adobe (which say how colours are stored), frame."""
_JPEG_SKIPPED = frozenset({*range(0xE1, 0xEE), 0xEF, 0xFE})
"""Application data and comments."""


class Cause(StrEnum):
    """Why a picture was refused; closed."""

    TOO_LARGE = "too_large"
    TOO_MANY_PIXELS = "too_many_pixels"
    TRUNCATED = "truncated"
    """Bytes are missing or damaged."""
    UNSUPPORTED = "unsupported"
    """Not a PNG or JPEG, or of a kind that cameras and screens do not make."""


class PictureRefused(ValueError):  # noqa: N818 - named for what happened, as callers catch it
    """A picture cannot be looked at; `cause` says why, the message never quotes the picture."""

    def __init__(self, cause: Cause) -> None:
        super().__init__(cause.value)
        self.cause = cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Stripped:
    """A file of which only the parts that draw are left."""

    jpeg: bool
    data: bytes


def strip(data: bytes) -> Stripped:
    """Check a file and keep of it only what draws.

    Raises:
        PictureRefused: too large, too many pixels, cut short, or not a plain PNG or JPEG.
    """
    if len(data) > MAX_PICTURE_BYTES:
        raise PictureRefused(Cause.TOO_LARGE)
    if data.startswith(PNG_SIGNATURE):
        return Stripped(jpeg=False, data=_strip_png(data))
    if data.startswith(JPEG_SIGNATURE):
        return Stripped(jpeg=True, data=_strip_jpeg(data))
    cut = PNG_SIGNATURE.startswith(data) or JPEG_SIGNATURE.startswith(data)
    raise PictureRefused(Cause.TRUNCATED if cut else Cause.UNSUPPORTED)


def check_size(width: int, height: int) -> None:
    """Refuse a picture by its sides in pixels.

    Raises:
        PictureRefused: too many pixels, or none.
    """
    if width < 1 or height < 1:
        raise PictureRefused(Cause.UNSUPPORTED)
    if width > MAX_SIDE_PIXELS or height > MAX_SIDE_PIXELS or width * height > MAX_PIXELS:
        raise PictureRefused(Cause.TOO_MANY_PIXELS)


def _strip_png(data: bytes) -> bytes:
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
            _check_png_header(data[position + 8 : end - 4])
        if kind in _PNG_DRAWN:
            kept.append(data[position:end])
        elif kind[0] & 0x20 == 0:  # a capital first letter: nobody may skip this chunk
            raise PictureRefused(Cause.UNSUPPORTED)
        if kind == b"IEND":
            return b"".join(kept)
        position = end
    raise PictureRefused(Cause.UNSUPPORTED)


def _check_png_header(header: bytes) -> None:
    if len(header) != 13:
        raise PictureRefused(Cause.UNSUPPORTED)
    width, height, depth, colour = struct.unpack_from(">IIBB", header)
    check_size(width, height)
    if depth not in _PNG_DEPTHS.get(colour, ()):
        raise PictureRefused(Cause.UNSUPPORTED)


def _strip_jpeg(data: bytes) -> bytes:
    kept = [JPEG_SIGNATURE[:2]]
    framed = False
    for marker, start, end in _segments(data):
        if marker in _JPEG_FRAMES:
            _check_jpeg_frame(data[start + 4 : end], again=framed)
            framed = True
        if marker == _START_OF_SCAN[1]:
            kept.append(_scans(data, start))
            break
        if marker in _JPEG_DRAWN:
            kept.append(data[start:end])
        elif marker not in _JPEG_SKIPPED:
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


def _check_jpeg_frame(frame: bytes, *, again: bool) -> None:
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
    if data.count(_START_OF_SCAN, start, end) > MAX_JPEG_SCANS:
        raise PictureRefused(Cause.UNSUPPORTED)
    return data[start : end + 2]
