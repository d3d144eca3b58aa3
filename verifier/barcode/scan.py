"""Picture to texts: find every QR code in a frame and read it exactly.

Rules of this file. The only owner of `zxingcpp` and `pyzbar`. Only QR codes; a text is what the
symbol's bytes say, read strictly: no guess at a character set, no trimming, no interpretation.
zxing-cpp looks first, with one cheap pass that reads nearly every frame, and with thorough passes
only when that finds nothing; zbar is the second opinion on what zxing-cpp misses altogether.
"""

import io
import math
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import zxingcpp
from PIL import Image, ImageFilter
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from pyzbar import pyzbar

from verifier.barcode.picture import Cause, PictureRefused, Stripped, check_size, strip

__all__ = ["Cause", "Frame", "PictureRefused", "read_picture", "scan"]

Frame: TypeAlias = npt.NDArray[np.uint8]
"""Grayscale, shape (height, width), 0 black to 255 white."""

SMOOTHING = ImageFilter.BoxBlur(1)
"""Mean of 3 x 3 pixels: takes the sensor's noise away that hides modules of 3 pixels and more."""

SCANNED_PIXELS = 2_100_000
"""Pixels looked at, Full HD; larger frames are reduced first. The time that a frame full of nothing
but finder patterns takes grows with their square: 5 s at this size, 1 s at 1280 x 720."""

_SYMBOLS = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCodeModel2)
_PLAIN = "]Q1"
"""Symbology identifier (ISO/IEC 15424) of plain data; others are trade identifiers (FNC1)."""


def read_picture(data: bytes) -> Frame:
    """Decode a PNG or JPEG file into a grayscale frame; what is transparent lies on white.

    Raises:
        PictureRefused: and nothing else, whatever the bytes are.
    """
    stripped = strip(data)
    try:
        return _decoded(stripped)
    except Exception as error:  # Pillow raises a dozen kinds on damaged data
        raise PictureRefused(Cause.TRUNCATED) from error


def _decoded(stripped: Stripped) -> Frame:
    # The file classes themselves, not Image.open: no guess at the format, no process-wide limits.
    source = io.BytesIO(stripped.data)
    with JpegImageFile(source) if stripped.jpeg else PngImageFile(source) as image:
        check_size(*image.size)
        image.draft("L", None)  # a JPEG holds its brightness apart: skip the colours
        if "A" in image.mode or "transparency" in image.info:
            paper = Image.new("RGBA", image.size, "white")
            paper.alpha_composite(image.convert("RGBA"))
            return np.asarray(paper.convert("L"))
        return np.asarray(image.convert("L"))


def scan(frame: Frame) -> tuple[str, ...]:
    """Read every QR code in a frame; distinct texts, in the order found, empty when none.

    Raises:
        PictureRefused: not a grayscale frame within the bounds of pictures.
    """
    if frame.ndim != 2 or frame.dtype != np.uint8:
        raise PictureRefused(Cause.UNSUPPORTED)
    check_size(frame.shape[1], frame.shape[0])
    image = Image.fromarray(np.ascontiguousarray(frame))
    factor = math.ceil(math.sqrt(frame.size / SCANNED_PIXELS))
    if factor > 1:
        image = image.reduce(factor)
    frame = np.asarray(image)
    found = (
        _zxing(frame, thorough=False)
        or _zxing(np.asarray(image.filter(SMOOTHING)), thorough=True)
        or _zxing(frame, thorough=True)
    )
    texts = map(_text, found) if found else _zbar(frame)
    return tuple(dict.fromkeys(filter(None, texts)))


def _zxing(frame: Frame, *, thorough: bool) -> list[zxingcpp.Barcode]:
    """Look with zxing-cpp; thorough also tries smaller scales and light modules on dark ground."""
    return zxingcpp.read_barcodes(
        frame,
        formats=_SYMBOLS,
        try_rotate=False,  # for stripes only: QR codes are found at any turn without it
        try_downscale=thorough,
        try_invert=thorough,
        text_mode=zxingcpp.TextMode.Plain,
        binarizer=zxingcpp.Binarizer.LocalAverage,
    )


def _text(code: zxingcpp.Barcode) -> str:
    """Read a symbol's bytes as UTF-8; empty when they are not, or when the symbol says otherwise.

    `code.text` follows the character set that a symbol names, and guesses when it names none: the
    bytes count only where both readings agree.
    """
    if code.symbology_identifier != _PLAIN:
        return ""
    try:
        text, text_by_its_word = code.bytes.decode(), code.text
    except UnicodeDecodeError:
        return ""
    return text if text == text_by_its_word else ""


def _zbar(frame: Frame) -> list[str]:
    """Look with zbar, which guesses character sets: only what is the same in all of them counts."""
    try:
        found = pyzbar.decode(frame, symbols=[pyzbar.ZBarSymbol.QRCODE])
        return [code.data.decode("ascii") for code in found]
    except ValueError:  # not ASCII, or a part of a split code, which pyzbar cannot name
        return []
