"""WebP files (Google's WebP Container Specification): walked chunk by chunk. No decoder.

Only the picture and its transparency are kept. An animation is refused: it has no one picture.
"""

import struct

from verifier.barcode.bounds import MAX_PARTS, Cause, PictureRefused, check_size

WEBP_SIGNATURE = b"RIFF"
WEBP_FORM = b"WEBP"
"""Stands after the signature and the length."""
_START = 12
_ANIMATED, _ALPHA = 0x02, 0x10
"""Flags of the extended header."""
_KEY_FRAME = b"\x9d\x01\x2a"
"""Start code of a lossy picture (RFC 6386, section 9.1)."""
_LOSSLESS = 0x2F
_SIDE_BITS = (1 << 14) - 1


def strip_webp(data: bytes) -> bytes:
    """Check a file and keep of it only what draws.

    Raises:
        PictureRefused: too many pixels, cut short, animated, or no WebP.
    """
    if len(data) < _START:
        raise PictureRefused(Cause.TRUNCATED)
    (length,) = struct.unpack_from("<I", data, 4)
    end = 8 + length
    if data[8:_START] != WEBP_FORM or length < 4 or end % 2:
        raise PictureRefused(Cause.UNSUPPORTED)
    if end > len(data):
        raise PictureRefused(Cause.TRUNCATED)
    chunks = _chunks(data, end)
    picture = chunks.get(b"VP8L") or chunks.get(b"VP8 ")
    if picture is None or (b"VP8L" in chunks) == (b"VP8 " in chunks):
        raise PictureRefused(Cause.UNSUPPORTED)
    size = _lossless_size(picture) if b"VP8L" in chunks else _lossy_size(picture)
    check_size(*size)
    kept = _extended(chunks, size) if b"VP8X" in chunks else b""
    for kind in (b"ALPH", b"VP8 ", b"VP8L"):
        if kind in chunks and (kept or kind != b"ALPH"):
            kept += _chunk(kind, chunks[kind])
    return WEBP_SIGNATURE + struct.pack("<I", 4 + len(kept)) + WEBP_FORM + kept


def _chunks(data: bytes, end: int) -> dict[bytes, bytes]:
    """Walk to the file's end; of several chunks of a kind the first counts."""
    found: dict[bytes, bytes] = {}
    position = _START
    for _ in range(MAX_PARTS):
        if position == end:
            return found
        if position + 8 > end:
            raise PictureRefused(Cause.TRUNCATED)
        kind, length = struct.unpack_from("<4sI", data, position)
        after = position + 8 + length + length % 2
        if after > end:
            raise PictureRefused(Cause.TRUNCATED)
        found.setdefault(kind, data[position + 8 : position + 8 + length])
        position = after
    raise PictureRefused(Cause.UNSUPPORTED)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


def _extended(chunks: dict[bytes, bytes], size: tuple[int, int]) -> bytes:
    """Return the extended header, with no flag but transparency."""
    header = chunks[b"VP8X"]
    if len(header) != 10 or header[0] & _ANIMATED:
        raise PictureRefused(Cause.UNSUPPORTED)
    canvas = tuple(1 + int.from_bytes(header[at : at + 3], "little") for at in (4, 7))
    if canvas != size:
        raise PictureRefused(Cause.UNSUPPORTED)
    return _chunk(b"VP8X", bytes((header[0] & _ALPHA, 0, 0, 0)) + header[4:])


def _lossy_size(picture: bytes) -> tuple[int, int]:
    if len(picture) < 10 or picture[3:6] != _KEY_FRAME:
        raise PictureRefused(Cause.UNSUPPORTED)
    width, height = struct.unpack_from("<HH", picture, 6)
    return width & _SIDE_BITS, height & _SIDE_BITS  # the upper two bits are a scale for players


def _lossless_size(picture: bytes) -> tuple[int, int]:
    if len(picture) < 5 or picture[0] != _LOSSLESS:
        raise PictureRefused(Cause.UNSUPPORTED)
    (bits,) = struct.unpack_from("<I", picture, 1)
    return 1 + (bits & _SIDE_BITS), 1 + (bits >> 14 & _SIDE_BITS)
