"""Files from strangers: bounds, cut and damaged files, kinds that are not taken."""

import io
import random
import struct
import warnings
import zlib
from contextlib import suppress
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.support.codes import cc1_text
from verifier.barcode import bounds, jpeg
from verifier.barcode.bounds import Cause, PictureRefused
from verifier.barcode.decoded import read_picture
from verifier.barcode.png import PNG_SIGNATURE
from verifier.barcode.render import symbol, to_png
from verifier.barcode.scan import scan

TEXT = cc1_text(40)


@cache
def image() -> Image.Image:
    """Draw the symbol that every picture here shows, grey."""
    return Image.open(io.BytesIO(to_png(symbol(TEXT), scale=4))).convert("L")


def written(kind: str, drawn: Image.Image | None = None, **options: Any) -> bytes:
    """Write a picture to a file of a kind."""
    out = io.BytesIO()
    (drawn or image()).save(out, kind, **options)
    return out.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    """Write a PNG chunk."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, *, depth: int = 8, colour: int = 0, body: bytes = b"") -> bytes:
    """Write a PNG by hand."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(body)), chunk(b"IEND", b""))
    return PNG_SIGNATURE + b"".join(parts)


def cause(data: bytes) -> Cause:
    """Read a picture that must be refused; no warning may escape."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        with pytest.raises(PictureRefused) as refused:
            read_picture(data)
    assert not seen
    return refused.value.cause


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_png_of_every_mode(mode: str) -> None:
    """Every mode that screens and cameras write shows the same code."""
    assert scan(read_picture(written("PNG", image().convert(mode)))) == (TEXT,)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"optimize": True}])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_jpeg_of_every_mode(mode: str, options: dict[str, Any]) -> None:
    """Grey and colour, baseline and progressive."""
    assert scan(read_picture(written("JPEG", image().convert(mode), **options))) == (TEXT,)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
@pytest.mark.parametrize("level", [0, 255])
@pytest.mark.parametrize("seen", [1.0, 0.4])
def test_modules_on_a_transparent_ground(kind: str, level: int, seen: float) -> None:
    """Dark or light modules drawn on nothing, or half so: the ground is what they are not."""
    alpha = image().point(lambda it: int(seen * (255 - it)))
    drawn = Image.merge("LA", (Image.new("L", alpha.size, level), alpha)).convert("RGBA")
    assert scan(read_picture(written(kind, drawn, lossless=True))) == (TEXT,)


@pytest.mark.parametrize("options", [{}, {"lossless": True}, {"exif": b"Exif\x00\x00II*\x00"}])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_webp_of_every_mode(mode: str, options: dict[str, Any]) -> None:
    """Lossy and lossless, plain and extended: what messengers make of a screenshot."""
    assert scan(read_picture(written("WEBP", image().convert(mode), **options))) == (TEXT,)


@pytest.mark.parametrize(("colour", "channels"), [(0, 1), (2, 3), (4, 2), (6, 4)])
def test_png_of_16_bits(colour: int, channels: int) -> None:
    """What scanners write: the upper eight bits are the picture."""
    level = np.asarray(image()).astype(np.uint16) * 256 + 7
    planes = [level] * min(channels, 3 if colour in (2, 6) else 1)
    if colour in (4, 6):
        planes.append(np.full_like(level, 65_535))
    rows = np.stack(planes, axis=-1).astype(">u2")
    body = b"".join(b"\x00" + row.tobytes() for row in rows)
    data = png(level.shape[1], level.shape[0], depth=16, colour=colour, body=body)
    assert scan(read_picture(data)) == (TEXT,)


def test_what_does_not_draw_is_dropped() -> None:
    """Exif, comments, profiles and texts change nothing, not even when they are bombs."""
    info = PngInfo()
    info.add_text("bomb", "0" * 50_000_000, zip=True)
    noted = written("PNG", pnginfo=info, icc_profile=b"nonsense")
    exif = written("JPEG", exif=b"Exif\x00\x00II*\x00nonsense", comment=b"\xff\xd9" * 50)
    assert len(noted) > 40_000
    for data, plain in ((noted, written("PNG")), (exif, written("JPEG"))):
        assert (read_picture(data) == read_picture(plain)).all()


def test_animation_is_its_first_picture() -> None:
    """An animated PNG raises no warning and shows what a simple reader shows."""
    data = written("PNG", save_all=True, append_images=[Image.new("L", image().size)])
    assert b"acTL" in data
    assert scan(read_picture(data)) == (TEXT,)


def test_bytes_after_the_end_are_not_looked_at() -> None:
    """Phones append films to pictures."""
    for kind in ("PNG", "JPEG"):
        assert scan(read_picture(written(kind) + written("JPEG"))) == (TEXT,)


def test_too_many_bytes() -> None:
    """The length is judged before the content."""
    assert cause(PNG_SIGNATURE + bytes(bounds.MAX_PICTURE_BYTES)) is Cause.TOO_LARGE


@pytest.mark.parametrize(
    ("width", "height"),
    [(8660, 5774), (5774, 8660), (100_000, 500), (2**31 - 1, 2**31 - 1), (8192, 3052), (8193, 1)],
)
def test_too_many_pixels(width: int, height: int) -> None:
    """50 megapixels and worse are refused by the header: the body here is not even a picture."""
    assert cause(png(width, height)) is Cause.TOO_MANY_PIXELS
    assert cause(png(width, height, depth=1, body=bytes(1000))) is Cause.TOO_MANY_PIXELS


def test_a_jpeg_of_too_many_pixels() -> None:
    """The same by a JPEG's frame header."""
    data = bytearray(written("JPEG"))
    at = data.index(b"\xff\xc0")
    struct.pack_into(">HH", data, at + 5, 5774, 8660)
    assert cause(bytes(data)) is Cause.TOO_MANY_PIXELS


def test_a_phones_largest_photograph_is_taken() -> None:
    """24 megapixels, with the code somewhere in it."""
    sheet = Image.new("L", (5712, 4284), 128)
    sheet.paste(image().resize((1000, 1000)), (3000, 2000))
    assert scan(read_picture(written("JPEG", sheet))) == (TEXT,)


def test_a_body_larger_than_its_header_says() -> None:
    """An inflate bomb behind a small header fills the small picture and no more."""
    data = png(8, 8, body=bytes(50_000_000))
    assert read_picture(data).shape == (8, 8)


@pytest.mark.parametrize(
    "data",
    [
        b"no picture",
        b"GIF89a" + bytes(100),
        b"BM" + bytes(100),
        b"\x00" * 64,
        written("GIF"),
        written("BMP"),
        written("TIFF"),
        written("PPM"),
        written("JPEG", Image.new("CMYK", (8, 8))),
        png(8, 8, depth=16, colour=3, body=bytes(200)),
        written("WEBP", save_all=True, append_images=[Image.new("L", image().size)]),
        b"RIFF\x04\x00\x00\x00WAVE",
        png(8, 8, depth=3, body=bytes(200)),
        png(8, 8, colour=5, body=bytes(200)),
        png(0, 8),
        png(8, 0),
        png(8, 8).replace(b"IDAT", b"IDOT"),
        PNG_SIGNATURE + chunk(b"IDAT", b"") + chunk(b"IEND", b""),
        PNG_SIGNATURE + chunk(b"IHDR", bytes(12)) + chunk(b"IEND", b""),
        PNG_SIGNATURE + 2 * chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)),
        png(8, 8)[:-12] + chunk(b"tIME", b"") * bounds.MAX_PARTS,
        b"\xff\xd8" + b"\xff\xe1\x00\x02" * (bounds.MAX_PARTS + 1),
        b"\xff\xd8" + b"\xff" * 10_000_000,
        b"\xff\xd8\xff\xda\x00\x02\xff\xd9",
    ],
)
def test_unsupported(data: bytes) -> None:
    """Other formats, other depths, other orders: one cause."""
    assert cause(data) is Cause.UNSUPPORTED


@pytest.mark.parametrize("marker", [0xC3, 0xC5, 0xC9, 0xCA, 0xCF, 0xD8])
def test_other_kinds_of_jpeg(marker: int) -> None:
    """Lossless, hierarchical and arithmetic frames, and a second start of image."""
    data = written("JPEG").replace(b"\xff\xc0", bytes((0xFF, marker)))
    assert cause(data) is Cause.UNSUPPORTED


def test_a_jpeg_of_nothing_but_scans() -> None:
    """Each pass costs the whole picture's time; a file with too many is refused unlooked."""
    data = written("JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    bomb = data[:-2] + data[last:-2] * jpeg.MAX_SCANS + data[-2:]
    assert cause(bomb) is Cause.UNSUPPORTED


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_cut_anywhere(kind: str) -> None:
    """A file cut at any byte is refused as cut."""
    data = written(kind)
    for length in range(len(data)):
        assert cause(data[:length]) is Cause.TRUNCATED, length


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_any_byte_damaged(kind: str) -> None:
    """A file with any byte changed is read or refused; nothing else is raised, nothing warned."""
    data = written(kind, image().resize((40, 40)))
    change = random.Random(0)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        for at in range(len(data)):
            for damage in (0xFF, 1 << change.randrange(8)):
                read_or_refused(data[:at] + bytes((data[at] ^ damage,)) + data[at + 1 :])
    assert not seen


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_damaged_files_with_right_checksums(kind: str) -> None:
    """Damage behind valid checksums reaches the decoder, and still only one error comes out."""
    change = random.Random(1)
    drawn = image().resize((40, 40)).convert("RGB" if kind == "JPEG" else "P")
    data = written(kind, drawn, **({"progressive": True} if kind == "JPEG" else {}))
    for _ in range(300):
        damaged = bytearray(data)
        for _ in range(change.randint(1, 4)):
            damaged[change.randrange(len(data))] = change.randrange(256)
        read_or_refused(with_checksums(bytes(damaged)) if kind == "PNG" else bytes(damaged))


@settings(max_examples=200, derandomize=True, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=200),
        st.binary(max_size=200).map(lambda tail: PNG_SIGNATURE + tail),
        st.binary(max_size=200).map(lambda tail: b"\xff\xd8\xff" + tail),
        st.binary(max_size=200).map(lambda tail: b"RIFF\xff\x00\x00\x00WEBPVP8L" + tail),
        st.binary(max_size=200).map(lambda body: png(3, 3, colour=3, body=body)),
    )
)
def test_any_bytes(data: bytes) -> None:
    """Whatever the bytes are: a frame or the one error."""
    read_or_refused(data)


def read_or_refused(data: bytes) -> None:
    """Read a picture; the one error is fine, any other fails the test."""
    with suppress(PictureRefused):
        frame = read_picture(data)
        assert (frame.ndim, frame.dtype) == (2, np.dtype(np.uint8))


def with_checksums(data: bytes) -> bytes:
    """Correct the checksums of a PNG's chunks as far as its lengths lead."""
    out, position = bytearray(data), len(PNG_SIGNATURE)
    while position + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, position)
        end = position + 12 + length
        if end > len(data):
            break
        struct.pack_into(">I", out, end - 4, zlib.crc32(data[position + 4 : end - 4]))
        position = end
    return bytes(out)
