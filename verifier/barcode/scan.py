"""Frame to texts: find every QR code in it and read it exactly.

Rules of this file. The only owner of `zxingcpp`. Only QR codes; a text is what the
symbol's bytes say, read strictly: no guess at a character set, no trimming, no interpretation.
zxing-cpp looks first, with one cheap pass that reads nearly every frame, and with thorough passes
only when that finds nothing wanted; then at a large frame in full, tile by tile; zbar is the second
opinion on what zxing-cpp misses altogether, and on codes that are split over several symbols.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import zxingcpp
from PIL import Image, ImageFilter

from verifier.barcode import zbar
from verifier.barcode.bounds import Cause, PictureRefused, check_size
from verifier.barcode.decoded import Frame

SMOOTHING: Final = ImageFilter.BoxBlur(1)
"""Mean of 3 x 3 pixels: takes the sensor's noise away that hides modules of 3 pixels and more."""

SCANNED_PIXELS: Final = 2_100_000
"""Pixels looked at in one piece, Full HD; larger frames are reduced first. The time that a frame of
nothing but finder patterns takes grows with their square: 5 s at this size, 1 s at 1280 x 720."""
TILE_PIXELS: Final = 1_280
"""Pixels a side of a tile of a large frame."""
OVERLAP_PIXELS: Final = 640
"""Pixels that tiles share: a code that only shows in full has modules of at most 6 pixels, and with
85 of them and the quiet zone (a health card) no more than this."""
LOOK_S: Final = 1.0
"""Seconds that callers give: after them no further tile of a large frame is looked at."""

_SYMBOLS: Final = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCodeModel2)
_PLAIN: Final = "]Q1"
"""Symbology identifier (ISO/IEC 15424) of plain data; others are trade identifiers (FNC1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finds:
    """What a frame shows."""

    texts: tuple[str, ...] = ()
    """Distinct, in the order found."""
    others: bool = False
    """There is a symbol that holds no text: other bytes than UTF-8, or a trade code."""
    part: bool = False
    """There is a part of a split code whose other parts are not in view."""


def anything(_: str) -> bool:
    """Want whatever is read."""
    return True


def patient() -> bool:
    """Say that there is always time left."""
    return True


def scan(frame: Frame) -> tuple[str, ...]:
    """Read every QR code in a frame; distinct texts, in the order found, empty when none.

    Raises:
        PictureRefused: not a grayscale frame within the bounds of pictures.
    """
    return find(frame).texts


def find(
    frame: Frame,
    wanted: Callable[[str], bool] = anything,
    time_left: Callable[[], bool] = patient,
) -> Finds:
    """Look for a wanted text until one is found; what else was read on the way is told too.

    Args:
        frame: grayscale.
        wanted: says whether a text ends the search.
        time_left: is asked before each tile of a large frame.

    Raises:
        PictureRefused: not a grayscale frame within the bounds of pictures.
    """
    if frame.ndim != 2 or frame.dtype != np.uint8:
        raise PictureRefused(Cause.UNSUPPORTED)
    check_size(frame.shape[1], frame.shape[0])
    texts: dict[str, None] = {}
    others = False
    small = _reduced(Image.fromarray(np.ascontiguousarray(frame)))
    for found in _looks(frame, small, time_left):
        read = [_text(code) for code in found]
        others = others or None in read
        texts.update(dict.fromkeys(text for text in read if text))
        if any(map(wanted, texts)):
            return Finds(texts=tuple(texts), others=others)
    if others:  # a trade code or another character set, which zbar would read as if it were ours
        return Finds(texts=tuple(texts), others=True)
    second = zbar.look(np.asarray(small))
    whole = [text for text in texts if not any(text in other for other in second.texts)]
    return Finds(texts=tuple(dict.fromkeys((*whole, *second.texts))), part=second.part)


def _reduced(image: Image.Image) -> Image.Image:
    """Reduce a large image by the exact ratio to what is looked at in one piece."""
    ratio = math.sqrt(SCANNED_PIXELS / (image.width * image.height))
    if ratio >= 1:
        return image
    size = max(1, int(image.width * ratio)), max(1, int(image.height * ratio))
    return image.resize(size, Image.Resampling.BILINEAR)


def _looks(
    frame: Frame, small: Image.Image, time_left: Callable[[], bool]
) -> Iterator[list[zxingcpp.Barcode]]:
    """Look in one way after the other, the cheapest first."""
    plain = np.asarray(small)
    yield _zxing(plain, thorough=False)
    yield _zxing(np.asarray(small.filter(SMOOTHING)), thorough=True)
    yield _zxing(plain, thorough=True)
    if plain.shape == frame.shape:
        return
    for tile in _tiles(frame):
        if not time_left():
            return
        yield _zxing(tile, thorough=False)


def _tiles(frame: Frame) -> Iterator[Frame]:
    """Cut a large frame into tiles that overlap; those in its middle come first."""
    height, width = frame.shape
    corners = [(y, x) for y in _starts(height) for x in _starts(width)]
    half = TILE_PIXELS / 2
    corners.sort(key=lambda at: math.hypot(at[0] + half - height / 2, at[1] + half - width / 2))
    for y, x in corners:
        yield np.ascontiguousarray(frame[y : y + TILE_PIXELS, x : x + TILE_PIXELS])


def _starts(length: int) -> tuple[int, ...]:
    last = max(0, length - TILE_PIXELS)
    return (*range(0, last, TILE_PIXELS - OVERLAP_PIXELS), last)


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


def _text(code: zxingcpp.Barcode) -> str | None:
    """Read a symbol's bytes as UTF-8; None when they are not, or when the symbol says otherwise.

    `code.text` follows the character set that a symbol names, and guesses when it names none: the
    bytes count only where both readings agree.
    """
    if code.symbology_identifier != _PLAIN:
        return None
    try:
        text, text_by_its_word = code.bytes.decode(), code.text
    except UnicodeDecodeError:
        return None
    return text if text == text_by_its_word else None
