"""Frame to texts: find every QR code in it and read it exactly.

Rules of this file. The only owner of `zxingcpp`. Only QR codes; a text is what the
symbol's bytes say, read strictly: no guess at a character set, no trimming, no interpretation.
zxing-cpp looks first, with one cheap pass that reads nearly every frame, and with thorough passes
only when that finds nothing wanted; then at a large frame in full, tile by tile; zbar is the second
opinion on what zxing-cpp misses altogether, and joins codes that are split over several symbols:
those of the frame, and those that zxing-cpp has read, drawn anew.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

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

_PART: Final = (False, False, True, True)
"""Structured append, as the first four bits of a symbol."""
_LEVELS: Final = {"L": 1, "M": 0, "Q": 3, "H": 2}
_FORM_MASK: Final = 0b10101
"""What a symbol's word of its level and mask is turned over with; five bits of it."""
_MASKS: Final[tuple[Callable[[int, int], bool], ...]] = (
    lambda y, x: (y + x) % 2 == 0,
    lambda y, _: y % 2 == 0,
    lambda _, x: x % 3 == 0,
    lambda y, x: (y + x) % 3 == 0,
    lambda y, x: (y // 2 + x // 3) % 2 == 0,
    lambda y, x: y * x % 2 + y * x % 3 == 0,
    lambda y, x: (y * x % 2 + y * x % 3) % 2 == 0,
    lambda y, x: ((y + x) % 2 + y * x % 3) % 2 == 0,
)
"""Which modules a mask turns over (ISO/IEC 18004, table 10)."""
MAX_SYMBOLS: Final = 16
"""Symbols over which a code can be split."""
DRAWN_PIXELS: Final = 3
"""Pixels of a module that is drawn again."""
DARK: Final = 128


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
    parts: dict[str, Frame] = {}
    others = False
    small = _reduced(Image.fromarray(np.ascontiguousarray(frame)))
    for found in _looks(frame, small, time_left):
        read = [_text(code) for code in found]
        others = others or None in read
        texts.update(dict.fromkeys(text for text in read if text))
        if any(map(wanted, texts)):
            return Finds(texts=tuple(texts), others=others)
        parts |= {code.text: _drawn(code) for code in found if _text(code) and _is_part(code)}
    joined = _joined(parts)
    # A trade code or another character set zbar would read as if it were ours.
    second = zbar.Seen((), part=False) if others else zbar.look(np.asarray(small))
    more = (*joined.texts, *second.texts)
    whole = [text for text in texts if not any(text in other for other in more)]
    return Finds(
        texts=tuple(dict.fromkeys((*whole, *more))),
        others=others,
        part=second.part or bool(parts and not joined.texts),
    )


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


def _is_part(code: zxingcpp.Barcode) -> bool:
    """Say whether a symbol is one of several: its bits begin with that (ISO/IEC 18004, 7.4).

    zxing-cpp does not say so. The first four bits stand in the corner without a finder pattern.
    """
    modules = np.asarray(code.to_image(scale=1, add_quiet_zones=False)) < DARK
    said: Any = code.extra
    level, mask = _LEVELS[said["ECLevel"]], int(said["DataMask"])
    form = np.array([bool(((level << 3 | mask) ^ _FORM_MASK) & bit) for bit in (16, 8, 4, 2, 1)])
    if np.count_nonzero(modules[8, :5] ^ form) > np.count_nonzero(modules[:5, 8] ^ form):
        modules = modules.T  # it was seen in a mirror
    end, flips = len(modules) - 1, _MASKS[mask]
    corner = ((end, end), (end, end - 1), (end - 1, end), (end - 1, end - 1))
    return tuple(bool(modules[at]) != flips(*at) for at in corner) == _PART


def _drawn(code: zxingcpp.Barcode) -> Frame:
    """Draw a symbol that was read, upright and dark on light, however it stood in the frame."""
    return np.asarray(code.to_image(scale=DRAWN_PIXELS, add_quiet_zones=True))


def _joined(parts: Mapping[str, Frame]) -> zbar.Seen:
    """Join the parts of a split code that were read; a frame may hold them in any way."""
    drawn = tuple(parts.values())[:MAX_SYMBOLS]
    if not drawn:
        return zbar.Seen((), part=False)
    height = max(map(len, drawn))
    below = (((0, height - len(part)), (0, 0)) for part in drawn)
    padded = [np.pad(p, pad, constant_values=255) for p, pad in zip(drawn, below, strict=True)]
    return zbar.look(np.hstack(padded))


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
