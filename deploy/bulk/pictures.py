"""Pictures of a bulk's results: a PNG or SVG for each code, or a PDF of cards for the printer.

Results are lines as `kapok issue bulk` writes them; lines of phones have no code. Every file holds
codes of people: mode 0600, folders 0700. A picture's name is the number of its line in the file of
people; written again, it is replaced whole.
"""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, BinaryIO, Final

import msgspec

from deploy.bulk.sheets import CardSheet
from deploy.local.account import as_caller, open_named
from deploy.local.data import FOLDER_MODE, write_file
from deploy.local.errors import UsageError
from verifier.barcode.render import Symbol, SymbolError, symbol, to_png, to_svg
from verifier.contract.scan import MAX_TEXT_CHARS

MAX_LINE_BYTES: Final = 64 * 1024
"""Bytes of a line of results; one of ours has some 400."""
MAX_CARDS: Final = 20_000
"""Cards of one PDF, 2,000 pages and some 80 MB: more is a job for several printers and files."""


class PictureFormat(StrEnum):
    """What is drawn."""

    PNG = "png"
    SVG = "svg"
    PDF = "pdf"


class IssuedCode(msgspec.Struct, frozen=True, kw_only=True):
    """A line of results; what else it says is passed over."""

    line: Annotated[int, msgspec.Meta(ge=1)]
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TEXT_CHARS)] | None = None
    expires: int | None = None


def issued_codes(file: BinaryIO) -> Iterator[IssuedCode]:
    """Yield the lines that have a code.

    Raises:
        UsageError: a line that is none of a bulk's results.
    """
    number = 0
    while data := file.readline(MAX_LINE_BYTES):
        number += 1
        if not data.strip():
            continue
        try:
            found = msgspec.json.decode(data, type=IssuedCode)
        except (msgspec.DecodeError, ValueError) as error:
            raise UsageError(
                f"line {number} is no line of the results of `kapok issue bulk`"
            ) from error
        if found.text is not None:
            yield found


def draw_files(codes: Iterator[IssuedCode], folder: Path, form: PictureFormat) -> int:
    """Draw a picture for each code; return how many.

    Raises:
        UsageError: the folder cannot be used.
    """
    drawn = 0
    try:
        with as_caller(folder):
            folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        for code in codes:
            made = _symbol(code)
            picture = to_png(made) if form is PictureFormat.PNG else to_svg(made).encode()
            path = folder / f"{code.line:08}.{form}"
            with as_caller(path):
                write_file(path, picture)
            drawn += 1
    except OSError as error:
        raise UsageError(f"cannot write {error.filename or folder}: {error.strerror}") from error
    return drawn


def draw_sheet(codes: Iterator[IssuedCode], path: Path) -> int:
    """Draw a PDF of cards; return how many. It takes its name once it is whole.

    Raises:
        UsageError: the file cannot be written, or there are more codes than one PDF takes.
    """
    beside, drawn = path.with_name(f".{path.name}.new"), 0
    try:
        with open_named(beside, "wb") as file:
            sheet = CardSheet(file)
            for code in codes:
                drawn += 1
                if drawn > MAX_CARDS:
                    raise UsageError(f"more than {MAX_CARDS} codes: split the results")
                sheet.add(_symbol(code), _lines(code))
            sheet.end()
            file.flush()
            os.fsync(file.fileno())
        with as_caller(path):
            if drawn:
                beside.replace(path)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error
    finally:
        with as_caller(beside):
            beside.unlink(missing_ok=True)
    return drawn


def _symbol(code: IssuedCode) -> Symbol:
    try:
        return symbol(code.text or "")
    except SymbolError as error:
        raise UsageError(f"line {code.line}: {error}") from error


def _lines(code: IssuedCode) -> tuple[str, ...]:
    if code.expires is None:
        return (f"No. {code.line}",)
    try:
        ends = datetime.fromtimestamp(code.expires, UTC)
    except (ValueError, OverflowError, OSError):
        raise UsageError(f"line {code.line}: expires lies outside the calendar") from None
    return (f"No. {code.line}", "until", ends.strftime("%Y-%m-%d"), ends.strftime("%H:%M UTC"))
