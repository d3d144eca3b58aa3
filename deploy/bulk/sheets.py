"""A printable PDF of cards: A4 pages of ten, each with a code, its line and until when it counts.

Written as it is made: of a large file only the places of its parts are held. Codes are drawn as
vectors, so that any printer makes sharp modules. ISO 32000-1; fonts are the standard ones.
"""

import re
import zlib
from typing import IO, Final

from verifier.barcode.render import QUIET_ZONE_MODULES, Symbol

MM: Final = 72 / 25.4
"""Points in a millimetre."""
PAGE_MM: Final = (210.0, 297.0)
CARD_MM: Final = (85.6, 54.0)
"""ID-1 (ISO/IEC 7810): a card's size, two side by side and five below one another on a page."""
COLUMNS: Final = 2
ROWS: Final = 5
CODE_MM: Final = 50.0
"""A side of the code with its quiet zone: version 8 has modules of 0.88 mm, version 17 of 0.54."""


class CardSheet:
    """A PDF that grows by one card at a time."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._at: list[int] = []
        """Where each object begins; object 1 is the list of pages, 2 the font, both written last.
        """
        self._pages: list[int] = []
        self._drawn: list[str] = []
        self._write(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
        self._at += [0, 0]

    def add(self, drawn: Symbol, lines: tuple[str, ...]) -> None:
        """Draw a card: its code, and lines of ASCII beside it."""
        if len(self._drawn) == COLUMNS * ROWS:
            self._end_page()
        number = len(self._drawn)
        beside = (PAGE_MM[0] - COLUMNS * CARD_MM[0]) / 2
        below = (PAGE_MM[1] - ROWS * CARD_MM[1]) / 2
        left = beside + number % COLUMNS * CARD_MM[0]
        bottom = below + (ROWS - 1 - number // COLUMNS) * CARD_MM[1]
        self._drawn.append(_card(drawn, lines, left * MM, bottom * MM))

    def end(self) -> None:
        """Write what is left: the last page, and what makes the parts one document."""
        if self._drawn:
            self._end_page()
        kids = " ".join(f"{page} 0 R" for page in self._pages)
        self._object(1, f"<</Type/Pages/Kids[{kids}]/Count {len(self._pages)}>>".encode())
        self._object(2, b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>")
        root = self._object(None, b"<</Type/Catalog/Pages 1 0 R>>")
        start = self._file.tell()
        table = "".join(f"{at:010} 00000 n \n" for at in self._at)
        self._write(f"xref\n0 {len(self._at) + 1}\n0000000000 65535 f \n{table}".encode())
        trailer = f"trailer<</Size {len(self._at) + 1}/Root {root} 0 R>>"
        self._write(f"{trailer}\nstartxref\n{start}\n%%EOF\n".encode())

    def _end_page(self) -> None:
        content = zlib.compress("".join(self._drawn).encode())
        self._drawn = []
        head = f"<</Length {len(content)}/Filter/FlateDecode>>stream\n".encode()
        stream = self._object(None, head + content + b"\nendstream")
        box = " ".join(f"{side * MM:.2f}" for side in PAGE_MM)
        page = (
            f"<</Type/Page/Parent 1 0 R/MediaBox[0 0 {box}]"
            f"/Resources<</Font<</F1 2 0 R>>>>/Contents {stream} 0 R>>"
        )
        self._pages.append(self._object(None, page.encode()))

    def _object(self, number: int | None, body: bytes) -> int:
        if number is None:
            self._at.append(0)
            number = len(self._at)
        self._at[number - 1] = self._file.tell()
        self._write(f"{number} 0 obj\n".encode() + body + b"\nendobj\n")
        return number

    def _write(self, data: bytes) -> None:
        self._file.write(data)


def _card(drawn: Symbol, lines: tuple[str, ...], left: float, bottom: float) -> str:
    """Draw a card whose lower left corner stands at a point."""
    module = CODE_MM * MM / (drawn.size + 2 * QUIET_ZONE_MODULES)
    corner = QUIET_ZONE_MODULES + drawn.size
    inset = (CARD_MM[1] - CODE_MM) / 2 * MM
    modules = "".join(
        f"{run.start() + QUIET_ZONE_MODULES} {corner - y - 1} {run.end() - run.start()} 1 re\n"
        for y, row in enumerate(drawn.matrix)
        for run in re.finditer(rb"\x01+", row)
    )
    frame = f"{left:.2f} {bottom:.2f} {CARD_MM[0] * MM:.2f} {CARD_MM[1] * MM:.2f} re"
    code = f"{module:.4f} 0 0 {module:.4f} {left + inset:.2f} {bottom + inset:.2f} cm"
    first = left + (CODE_MM + 4) * MM, bottom + (CARD_MM[1] - 8) * MM
    text = "".join(f"({_literal(line)})Tj T*\n" for line in lines)
    return (
        f"q 0.3 w 0.7 G {frame} S Q\nq {code}\n{modules}f Q\n"
        f"BT /F1 9 Tf 12 TL {first[0]:.2f} {first[1]:.2f} Td\n{text}ET\n"
    )


def _literal(text: str) -> str:
    return re.sub(r"([\\()])", r"\\\1", text.encode("ascii", "replace").decode())
