"""Symbols: version, exactness, and the three ways to draw them."""

import re
import string
from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from tests.support.codes import PRESENTATION_BYTES, STATIC_BYTES, cc1_text
from verifier.barcode.decoded import read_picture
from verifier.barcode.render import (
    MAX_SCALE_PIXELS,
    QUIET_ZONE_MODULES,
    Symbol,
    SymbolError,
    symbol,
    to_png,
    to_screen,
    to_svg,
)
from verifier.barcode.scan import scan

# Alphanumeric characters that fill versions 1 to 25 at M (ISO/IEC 18004, table 7).
CAPACITY_M = (
    *(20, 38, 61, 90, 122, 154, 178, 221, 262, 311, 366, 419, 483),
    *(528, 600, 656, 734, 816, 909, 970, 1035, 1134, 1248, 1326, 1451),
)
HALVES = {" ": (0, 0), "▄": (0, 1), "▀": (1, 0), "█": (1, 1)}


@pytest.mark.parametrize("version", range(1, 26))
def test_round_trip_of_every_version(version: int) -> None:
    """A text that fills a version gives that version and is read back exactly, spaces included."""
    text = cc1_text(2 * CAPACITY_M[version - 1], seed=version)[: CAPACITY_M[version - 1] - 1] + " "
    drawn = symbol(text)
    assert (drawn.version, drawn.size) == (version, 17 + 4 * version)
    assert scan(read_picture(to_png(drawn, scale=3))) == (text,)


def test_one_more_character_takes_the_next_version() -> None:
    """Alphanumeric mode is used: the table's capacities are met exactly."""
    for version, characters in enumerate(CAPACITY_M, 1):
        assert symbol("A" * (characters + 1)).version == version + 1


@pytest.mark.parametrize(("size", "version"), [(PRESENTATION_BYTES, 12), (STATIC_BYTES, 8)])
def test_size_is_a_feature(size: int, version: int) -> None:
    """The largest presentation fits version 12 at M, the largest static code version 8."""
    assert symbol(cc1_text(size)).version <= version


def test_more_correction_takes_a_larger_symbol() -> None:
    """Q costs modules and reads the same."""
    text = cc1_text()
    drawn = symbol(text, error_correction="Q")
    assert drawn.version > symbol(text).version
    assert drawn.error_correction == "Q"
    assert scan(read_picture(to_png(drawn))) == (text,)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("shc:/" + "5676290952432060346029243740446031222959" * 10, 10),
        ("shc:/2/3/" + "5676290952432060346029243740446031222959" * 10, 10),
    ],
)
def test_card_digits_are_a_numeric_segment(text: str, version: int) -> None:
    """A SMART Health Card's digits take 3.3 bits each, not 8, and read back exactly."""
    drawn = symbol(text)
    assert drawn.version <= version < symbol(text.replace("0", "a")).version
    assert scan(read_picture(to_png(drawn))) == (text,)


@pytest.mark.parametrize(
    "text",
    [
        "0",
        "1234567890",
        "  A  ",
        "lower case",
        string.printable,
        "木棉 红棉",
        "é",
        "\x00\x01",
        "a\\b",
    ],
)
def test_any_text_reads_back_exactly(text: str) -> None:
    """Nothing is trimmed, folded or re-encoded on the way through a picture."""
    assert scan(read_picture(to_png(symbol(text)))) == (text,)


def test_symbol_is_a_value() -> None:
    """A symbol is frozen, and the same text gives the same one."""
    drawn = symbol("A")
    assert drawn == symbol("A")
    with pytest.raises(FrozenInstanceError):
        drawn.version = 2  # type: ignore[misc]


@pytest.mark.parametrize("text", ["", "A" * 3392, "a" * 2332, "9" * 5597, "\ud800", "木" * 10**6])
def test_text_that_no_symbol_holds(text: str) -> None:
    """Empty, too long by one in each mode, not writable, far too long: one error."""
    with pytest.raises(SymbolError):
        symbol(text)


@pytest.mark.parametrize("text", ["A" * 3391, "a" * 2331, "9" * 5596])
def test_text_that_just_fits(text: str) -> None:
    """The bounds are the standard's."""
    assert symbol(text).version == 40


def test_unknown_error_correction() -> None:
    """Only M and Q are offered."""
    with pytest.raises(SymbolError):
        symbol("A", error_correction="L")  # type: ignore[arg-type]


@pytest.mark.parametrize("scale", [0, -1, MAX_SCALE_PIXELS + 1])
def test_scale_is_bounded(scale: int) -> None:
    """A scale out of bounds is refused before anything is drawn."""
    with pytest.raises(SymbolError):
        to_png(symbol("A"), scale=scale)


@pytest.mark.parametrize("quiet_zone", [-1, 33])
def test_quiet_zone_is_bounded(quiet_zone: int) -> None:
    """In all three forms."""
    drawn = symbol("A")
    with pytest.raises(SymbolError):
        to_png(drawn, quiet_zone=quiet_zone)
    with pytest.raises(SymbolError):
        to_svg(drawn, quiet_zone=quiet_zone)
    with pytest.raises(SymbolError):
        to_screen(drawn, quiet_zone=quiet_zone)


@pytest.mark.parametrize(("scale", "quiet_zone"), [(1, 4), (5, 0), (8, 4), (3, 32)])
def test_png_is_the_matrix(scale: int, quiet_zone: int) -> None:
    """Every module is `scale` pixels a side, black on white, with the border asked for."""
    drawn = symbol(cc1_text())
    frame = read_picture(to_png(drawn, scale=scale, quiet_zone=quiet_zone))
    assert frame.shape == 2 * ((drawn.size + 2 * quiet_zone) * scale,)
    modules = frame[::scale, ::scale]
    assert (modules.repeat(scale, 0).repeat(scale, 1) == frame).all()
    assert (np.where(_padded(drawn, quiet_zone), 0, 255) == modules).all()


def test_svg_is_the_matrix() -> None:
    """One path draws exactly the dark modules, within a view box that holds the quiet zone."""
    drawn = symbol(cc1_text())
    svg = to_svg(drawn)
    side = drawn.size + 2 * QUIET_ZONE_MODULES
    assert f'viewBox="0 0 {side} {side}"' in svg
    (path,) = re.findall(r' d="([^"]+)"', svg)
    modules = np.zeros((side, side), np.uint8)
    for left, top, width, back in re.findall(r"M(\d+) (\d+)h(\d+)v1h-(\d+)z", path):
        assert width == back
        modules[int(top), int(left) : int(left) + int(width)] += 1
    assert re.sub(r"M\d+ \d+h\d+v1h-\d+z", "", path) == ""
    assert (modules == _padded(drawn, QUIET_ZONE_MODULES)).all()


@pytest.mark.parametrize("size", [1, 50, 140, 276])
def test_screen_form_scans(size: int) -> None:
    """The half blocks of a terminal, read back as pixels, are the symbol and scan."""
    text = cc1_text(size)
    lines = to_screen(symbol(text)).splitlines()
    rows: list[list[int]] = []
    for line in lines:
        cells = re.fullmatch(r"\x1b\[38;5;16;48;5;231m([ ▄▀█]+)\x1b\[0m", line)
        assert cells is not None
        rows.extend([HALVES[cell][half] for cell in cells[1]] for half in (0, 1))
    modules = np.array(rows, np.uint8)
    expected = _padded(symbol(text), QUIET_ZONE_MODULES)
    assert (modules[: len(expected)] == expected).all()
    assert not modules[len(expected) :].any()
    assert scan(np.where(modules, 0, 255).astype(np.uint8).repeat(4, 0).repeat(4, 1)) == (text,)


def _padded(drawn: Symbol, quiet_zone: int) -> np.ndarray:
    rows = [list(row) for row in drawn.matrix]
    assert all(len(row) == drawn.size for row in rows)
    return np.pad(np.array(rows, np.uint8), quiet_zone)
