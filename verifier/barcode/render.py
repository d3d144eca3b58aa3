"""Text to picture: QR symbols as PNG, SVG and terminal text.

Rules of this file. The only owner of `qrcode`. Text goes in exactly as it must be read back: in
alphanumeric mode when every character allows it (CC1 and HC1 are made for that), digits of a SMART
Health Card as a numeric segment, anything else as UTF-8 bytes; never re-encoded, never padded.
Symbols follow ISO/IEC 18004; dark modules on a light ground with the quiet zone drawn.
"""

import io
import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import qrcode
from PIL import Image
from qrcode.constants import ERROR_CORRECT_M, ERROR_CORRECT_Q
from qrcode.exceptions import DataOverflowError
from qrcode.util import MODE_8BIT_BYTE, MODE_NUMBER, QRData

ErrorCorrection: TypeAlias = Literal["M", "Q"]
"""M restores 15 % of a symbol, Q 25 % (worn paper)."""

QUIET_ZONE_MODULES = 4
"""Light border that ISO/IEC 18004 asks for."""
MAX_TEXT_BYTES = 5_596
"""Bytes of text: the digits that fit version 40 at M, the most any text can have."""
MAX_SCALE_PIXELS = 64
"""Pixels per module: at version 40 a PNG of 12,000 pixels a side, the largest anyone prints."""
MAX_QUIET_ZONE_MODULES = 32
"""Modules of border; more is layout, which is not this room's."""

_LEVELS = {"M": ERROR_CORRECT_M, "Q": ERROR_CORRECT_Q}
_SMART_HEALTH_CARD = re.compile(rb"(shc:/(?:[0-9]+/[0-9]+/)?)([0-9]+)")
_DARK_ON_LIGHT = "\x1b[38;5;16;48;5;231m"
_PLAIN = "\x1b[0m"
_HALVES = (" ", "▄", "▀", "█")


class SymbolError(ValueError):
    """A symbol cannot be drawn: the text is empty or too long, or a size is out of bounds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Symbol:
    """One QR symbol without its quiet zone."""

    version: int
    """1 to 40."""
    size: int
    """Modules a side: 17 + 4 · version."""
    error_correction: ErrorCorrection
    matrix: tuple[bytes, ...]
    """Rows from the top; one byte per module, 1 dark, 0 light."""


def symbol(text: str, *, error_correction: ErrorCorrection = "M") -> Symbol:
    """Encode text as the smallest QR symbol that holds it.

    Raises:
        SymbolError: empty or too long for version 40, or an unknown error correction level.
    """
    level = _LEVELS.get(error_correction)
    if level is None:
        raise SymbolError("error correction is M or Q")
    try:
        data = text.encode()
    except UnicodeEncodeError as error:
        raise SymbolError("text that UTF-8 cannot write") from error
    if not data:
        raise SymbolError("no text")
    if len(data) > MAX_TEXT_BYTES:
        raise SymbolError("text too long for a QR symbol")
    code = qrcode.QRCode(error_correction=level, border=0)
    for segment in _segments(data):
        code.add_data(segment)
    try:
        code.make(fit=True)
    except (DataOverflowError, ValueError) as error:
        raise SymbolError("text too long for a QR symbol") from error
    return Symbol(
        version=code.version,
        size=code.modules_count,
        error_correction=error_correction,
        matrix=tuple(bytes(map(bool, row)) for row in code.modules),
    )


def _segments(data: bytes) -> tuple[QRData, ...]:
    card = _SMART_HEALTH_CARD.fullmatch(data)
    if card is None:
        return (QRData(data),)
    return QRData(card[1], mode=MODE_8BIT_BYTE), QRData(card[2], mode=MODE_NUMBER)


def to_png(drawn: Symbol, *, scale: int = 8, quiet_zone: int = QUIET_ZONE_MODULES) -> bytes:
    """Draw a symbol as a one-bit PNG, `scale` pixels a module, `quiet_zone` modules of border.

    Raises:
        SymbolError: a parameter out of bounds.
    """
    if not 1 <= scale <= MAX_SCALE_PIXELS:
        raise SymbolError("scale out of bounds")
    light = _with_quiet_zone(drawn, quiet_zone) == 0
    pixels = light.repeat(scale, axis=0).repeat(scale, axis=1)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG", optimize=True)
    return out.getvalue()


def to_svg(drawn: Symbol, *, quiet_zone: int = QUIET_ZONE_MODULES) -> str:
    """Draw a symbol as an SVG document: a light ground and one path, one unit per module.

    Raises:
        SymbolError: a parameter out of bounds.
    """
    side = drawn.size + 2 * _checked_quiet_zone(quiet_zone)
    path = []
    for y, row in enumerate(drawn.matrix, quiet_zone):
        for run in re.finditer(rb"\x01+", row):
            left, width = run.start() + quiet_zone, run.end() - run.start()
            path.append(f"M{left} {y}h{width}v1h-{width}z")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" '
        f'shape-rendering="crispEdges"><rect width="{side}" height="{side}" fill="#fff"/>'
        f'<path d="{"".join(path)}"/></svg>\n'
    )


def to_screen(drawn: Symbol, *, quiet_zone: int = QUIET_ZONE_MODULES) -> str:
    """Draw a symbol for a terminal: half blocks, two modules a character cell.

    Both colours are set on every line, so that dark and light terminals show the same picture.

    Raises:
        SymbolError: a parameter out of bounds.
    """
    modules = _with_quiet_zone(drawn, quiet_zone)
    modules = np.pad(modules, ((0, len(modules) % 2), (0, 0)))
    cells = 2 * modules[0::2] + modules[1::2]
    lines = ("".join(_HALVES[cell] for cell in row) for row in cells.tolist())
    return "".join(f"{_DARK_ON_LIGHT}{line}{_PLAIN}\n" for line in lines)


def _with_quiet_zone(
    drawn: Symbol, quiet_zone: int
) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    modules = np.frombuffer(b"".join(drawn.matrix), np.uint8).reshape(drawn.size, drawn.size)
    return np.pad(modules, _checked_quiet_zone(quiet_zone))


def _checked_quiet_zone(quiet_zone: int) -> int:
    if not 0 <= quiet_zone <= MAX_QUIET_ZONE_MODULES:
        raise SymbolError("quiet zone out of bounds")
    return quiet_zone
