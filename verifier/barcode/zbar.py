"""zbar, the second opinion: what zxing-cpp misses altogether, and codes split over several symbols.

Rules of this file. The only owner of `pyzbar`, by its calls into the library: its own reader has no
name for the turn of a split code, and raises. Split is ISO/IEC 18004's structured append: zbar
joins the parts that it sees in one frame, and says which symbol is a part of more.
"""

from collections.abc import Iterator
from ctypes import c_char_p, c_void_p, cast, string_at
from typing import Any, Final, NamedTuple

from pyzbar import wrapper
from pyzbar.wrapper import ZBarConfig, ZBarSymbol

from verifier.barcode.decoded import Frame

_GREY: Final = int.from_bytes(b"Y800", "little")
"""The library's word for eight bits of brightness a pixel."""


class Seen(NamedTuple):
    """What zbar reads in a frame."""

    texts: tuple[str, ...]
    """Of ASCII alone: zbar guesses character sets, and only that is the same in all of them."""
    part: bool
    """There is a part of a split code whose others are not in view."""


def look(frame: Frame) -> Seen:
    """Read the QR codes of a frame."""
    texts, part = [], False
    for kind, data in _symbols(frame):
        if kind == ZBarSymbol.PARTIAL:
            part = True
        elif kind == ZBarSymbol.QRCODE and data.isascii():
            texts.append(data.decode())
    return Seen(tuple(texts), part)


def _symbols(frame: Frame) -> Iterator[tuple[int, bytes]]:
    height, width = frame.shape
    pixels = frame.tobytes()
    scanner, image = wrapper.zbar_image_scanner_create(), wrapper.zbar_image_create()
    try:
        for kind, on in ((0, 0), (ZBarSymbol.QRCODE, 1)):  # 0: all kinds
            wrapper.zbar_image_scanner_set_config(scanner, kind, ZBarConfig.CFG_ENABLE, on)
        wrapper.zbar_image_set_format(image, _GREY)
        wrapper.zbar_image_set_size(image, width, height)
        wrapper.zbar_image_set_data(image, cast(c_char_p(pixels), c_void_p), len(pixels), None)
        wrapper.zbar_scan_image(scanner, image)
        symbol: Any = wrapper.zbar_image_first_symbol(image)
        while symbol:
            length = wrapper.zbar_symbol_get_data_length(symbol)
            data = string_at(wrapper.zbar_symbol_get_data(symbol), length) if length else b""
            yield symbol.contents.type, data
            symbol = wrapper.zbar_symbol_next(symbol)
    finally:
        wrapper.zbar_image_destroy(image)
        wrapper.zbar_image_scanner_destroy(scanner)
