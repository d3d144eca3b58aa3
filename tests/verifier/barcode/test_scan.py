"""Frames to texts: several codes, none, strict bytes, and the second opinion."""

import functools
import operator
from dataclasses import replace

import numpy as np
import pytest
import qrcode
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from qrcode import base, util
from qrcode.constants import ERROR_CORRECT_M

from firmware_stubs.edge.scene import Scene, photograph
from tests.support.codes import cc1_text
from verifier.barcode import scan as scanning
from verifier.barcode import zbar
from verifier.barcode.bounds import MAX_PIXELS, Cause, PictureRefused
from verifier.barcode.decoded import Frame, read_picture
from verifier.barcode.render import symbol, to_png
from verifier.barcode.scan import SCANNED_PIXELS, Finds, anything, find, scan

FAR_AND_SHARP = Scene(code_size=0.25, noise_levels=1.0, blur_pixels=0.3)
"""Modules of 2.5 pixels: smoothing washes them away, and zxing-cpp's grid slips now and then."""


def test_two_codes_in_a_frame() -> None:
    """Two people hold their phones up at once: both are read."""
    half = Scene(width=640, height=720, code_size=0.5)
    texts = (cc1_text(140, seed=1), cc1_text(140, seed=2))
    frame = np.hstack([photograph(to_png(symbol(t)), half, seed=3) for t in texts])
    assert sorted(scan(frame)) == sorted(texts)


def test_the_same_code_twice_is_one_text() -> None:
    """A code and its reflection in the counter are one code."""
    frame = read_picture(to_png(symbol("CC1:AB C")))
    assert scan(np.hstack([frame, frame])) == ("CC1:AB C",)


@pytest.mark.parametrize("seed", range(4))
def test_a_frame_without_a_code(seed: int) -> None:
    """An empty room has no texts: the code is folded away to a few pixels."""
    assert scan(photograph(to_png(symbol("A")), Scene(code_size=0.02), seed=seed)) == ()


@pytest.mark.parametrize("level", [0, 255])
def test_a_covered_lens(level: int) -> None:
    """All black and all white have no texts."""
    assert scan(np.full((720, 1280), level, np.uint8)) == ()


def test_inverted_and_mirrored() -> None:
    """Light modules on a dark ground, and a front camera's mirror image, are read."""
    text = cc1_text(140)
    frame = read_picture(to_png(symbol(text), scale=2))
    assert scan(255 - frame) == (text,)
    assert scan(frame[:, ::-1]) == (text,)


@pytest.mark.parametrize(
    "frame",
    [
        np.zeros((8, 8, 3), np.uint8),
        np.zeros((8, 8), np.uint16),
        np.zeros((8, 8), np.float32),
        np.zeros(64, np.uint8),
        np.zeros((0, 8), np.uint8),
    ],
)
def test_what_is_no_frame(frame: Frame) -> None:
    """Colour, other depths, no pixels: refused, not converted."""
    with pytest.raises(PictureRefused) as refused:
        scan(frame)
    assert refused.value.cause is Cause.UNSUPPORTED


def test_a_frame_beyond_the_bound() -> None:
    """A camera's frame has the same bound as a picture."""
    with pytest.raises(PictureRefused) as refused:
        scan(np.zeros((MAX_PIXELS // 4000 + 1, 4000), np.uint8))
    assert refused.value.cause is Cause.TOO_MANY_PIXELS


def test_a_large_frame_is_reduced() -> None:
    """A photograph larger than what is looked at still shows its codes."""
    text = cc1_text()
    frame = np.full((3000, 4000), 200, np.uint8)
    code = read_picture(to_png(symbol(text), scale=9))
    frame[100 : 100 + len(code), 900 : 900 + len(code)] = code
    assert frame.size > SCANNED_PIXELS
    assert scan(frame) == (text,)


@settings(max_examples=60, derandomize=True, deadline=None)
@given(arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40))))
def test_any_small_frame(frame: Frame) -> None:
    """Frames of any shape and content come back with texts or none."""
    assert isinstance(scan(frame), tuple)


def test_bytes_that_are_not_text() -> None:
    """Bytes that are not UTF-8 are another kind: nobody guesses a character set for them."""
    frame = _frame_of((0b0100, 4), (3, 8), (0xE9, 8), (0x41, 8), (0x42, 8))
    assert find(frame, anything) == Finds(others=True)


@pytest.mark.parametrize(
    ("number", "body", "texts"),
    [
        (26, b"AB", ("AB",)),
        (26, "é".encode(), ("é",)),
        (3, b"AB", ("AB",)),
        (3, "é".encode(), ()),
        (20, "é".encode(), ()),
        (26, b"\xe9A", ()),
    ],
)
def test_a_named_character_set(number: int, body: bytes, texts: tuple[str, ...]) -> None:
    """Text that is not UTF-8 by the symbol's own word is not read as if it were."""
    named = ((0b0111, 4), (number, 8), (0b0100, 4), (2, 8))
    assert scan(_frame_of(*named, (body[0], 8), (body[1], 8))) == texts


def test_kanji_mode_is_not_utf8() -> None:
    """A Shift JIS segment holds no text of ours."""
    assert scan(_frame_of((0b1000, 4), (1, 8), (0x0D9F, 13))) == ()


@pytest.mark.parametrize("fnc1", [((0b0101, 4),), ((0b1001, 4), (13, 8))])
def test_a_trade_symbol_is_no_text(fnc1: tuple[tuple[int, int], ...]) -> None:
    """FNC1 gives '%' another meaning; zbar, which would read the digits, is not asked."""
    frame = _frame_of(*fnc1, (0b0100, 4), (2, 8), (0x30, 8), (0x31, 8))
    assert zbar.look(frame).texts != ()
    assert scan(frame) == ()


def _part(number: int, total: int, text: bytes, part: bytes) -> Frame:
    """Draw one symbol of a split code (structured append)."""
    parity = functools.reduce(operator.xor, text)
    split = ((0b0011, 4), (number, 4), (total - 1, 4), (parity, 8))
    return _frame_of(*split, (0b0100, 4), (len(part), 8), *((byte, 8) for byte in part))


def test_a_part_of_a_split_code() -> None:
    """It is told from a whole code, whatever it holds, where nothing wanted was read."""
    part = _part(0, 2, b"CC1:AB CD", b"CC1:A")
    found = find(part, wanted=lambda text: text == "CC1:AB CD")
    assert found == Finds(texts=("CC1:A",), part=True)
    assert find(_part(0, 2, b"CC1:AB CD", b"\xe9"), anything).others


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_a_split_code_in_one_frame(order: tuple[int, ...]) -> None:
    """All parts in view are one text, in the order that they state."""
    text = b"CC1:AB CD EF"
    parts = [_part(n, 3, text, text[4 * n : 4 * n + 4]) for n in range(3)]
    frame = np.hstack([parts[n] for n in order])
    assert find(frame, wanted=lambda it: it == text.decode()).texts == (text.decode(),)


def test_the_last_part_of_a_split_code_in_capital_letters() -> None:
    """Which zbar does not see alone: the symbol's own beginning names it, in a mirror too."""
    split = ((0b0011, 4), (1, 4), (1, 4), (0, 8))
    letters = ((0b0010, 4), (2, 9), (10 * 45 + 11, 11))
    part = _frame_of(*split, *letters)
    assert zbar.look(part).part is False
    for frame in (part, part[:, ::-1], 255 - part):
        assert find(frame, wanted=lambda _: False) == Finds(texts=("AB",), part=True)
    whole = _frame_of(*letters)
    for frame in (whole, whole[:, ::-1]):
        assert find(frame, wanted=lambda _: False) == Finds(texts=("AB",))


@pytest.mark.parametrize("where", ["dark", "beside another kind", "large"])
def test_parts_that_zbar_does_not_find_are_joined(where: str) -> None:
    """On a dark screen, beside a poster in another character set, small in a large frame."""
    text = b"CC1:AB CD"
    frame = np.hstack([_part(n, 2, text, text[5 * n : 5 * n + 5]) for n in range(2)])
    if where == "dark":
        frame = 255 - frame
    elif where == "large":
        large = np.full((3000, 4000), 255, np.uint8)
        small = frame[::2, ::2]
        large[500 : 500 + len(small), 500 : 500 + small.shape[1]] = small
        frame = large
    else:
        poster = _frame_of((0b0100, 4), (3, 8), (0xE9, 8), (0x41, 8), (0x42, 8))
        frame = np.hstack([frame, poster])
    assert find(frame, wanted=lambda it: it == text.decode()).texts == (text.decode(),)


def test_a_find_that_is_not_wanted_does_not_end_the_search() -> None:
    """A poster that the first look reads, beside a dark screen that only a later one reads."""
    poster = read_picture(to_png(symbol("https://example.org/menu"), scale=4))
    dark = 255 - read_picture(to_png(symbol("CC1:AB C"), scale=4))
    height = max(len(poster), len(dark))
    frame = np.hstack([_padded(poster, height, 255), _padded(dark, height, 0)])
    assert scan(frame) == ("https://example.org/menu",)
    assert "CC1:AB C" in find(frame, wanted=lambda text: text.startswith("CC1:")).texts


def _padded(frame: Frame, height: int, level: int) -> Frame:
    below = ((0, height - len(frame)), (0, 0))
    return np.pad(frame, below, constant_values=level)


@pytest.mark.parametrize("size", [(1920, 1200), (2048, 1536), (2560, 1440), (4000, 3000)])
@pytest.mark.parametrize("modules", [2.5, 3.0])
def test_a_small_code_in_a_large_frame(size: tuple[int, int], modules: float) -> None:
    """What is read in a frame of Full HD is read in every larger one, at modules of one size."""
    text = cc1_text(140, seed=5)
    drawn = symbol(text)
    side = (drawn.size + 8) * modules
    scene = Scene(
        width=size[0],
        height=size[1],
        code_size=side / min(size),
        noise_levels=1.0,
        blur_pixels=0.5,
    )
    frame = photograph(to_png(drawn), scene, seed=5)
    assert find(frame, wanted=lambda it: it == text).texts == (text,)


@pytest.mark.parametrize("at", [(0, 0), (3300, 4900), (1700, 2500), (600, 700)])
def test_tiles_leave_no_gap(at: tuple[int, int]) -> None:
    """A health card of small modules is read wherever it lies in a photograph of 24 megapixels."""
    text = "shc:/" + "0123456789" * 110
    code = read_picture(to_png(symbol(text), scale=3, quiet_zone=6))
    frame = np.full((4000, 6000), 230, np.uint8)
    frame[at[0] : at[0] + len(code), at[1] : at[1] + len(code)] = code
    assert scan(frame) == (text,)


@pytest.mark.parametrize(("code_size", "seed"), [(0.23, 88), (0.25, 17)])
def test_second_opinion(code_size: float, seed: int) -> None:
    """Real frames that every pass of zxing-cpp misses and zbar reads, found by searching 300."""
    text = cc1_text(seed=7)
    scene = replace(FAR_AND_SHARP, code_size=code_size)
    frame = photograph(to_png(symbol(text)), scene, seed=seed)
    assert scanning._zxing(frame, thorough=False) == []
    assert scanning._zxing(frame, thorough=True) == []
    assert scan(frame) == (text,)


def _frame_of(*fields: tuple[int, int]) -> Frame:
    """Draw a version 1 symbol from (value, bits) fields, modes included."""
    buffer = util.BitBuffer()
    for value, bits in fields:
        buffer.put(value, bits)
    buffer.put(0, 4)
    buffer.put(0, -len(buffer) % 8)
    blocks = base.rs_blocks(1, ERROR_CORRECT_M)
    while len(buffer) < 8 * blocks[0].data_count:
        buffer.put(0xEC, 8)
    code = qrcode.QRCode(version=1, error_correction=ERROR_CORRECT_M)
    code.data_cache = util.create_bytes(buffer, blocks)
    code.makeImpl(False, 2)
    modules = np.pad(np.array(code.modules, dtype=bool), 4)
    return np.where(modules, 0, 255).astype(np.uint8).repeat(6, 0).repeat(6, 1)


def test_no_tile_is_looked_at_when_time_is_up() -> None:
    """A small code in a large frame is then missed; with time it is found."""
    code = read_picture(to_png(symbol(cc1_text(140)), scale=3))
    frame = np.full((4000, 6000), 230, np.uint8)
    frame[1000 : 1000 + len(code), 1000 : 1000 + len(code)] = code
    assert find(frame, time_left=lambda: False) == Finds()
    assert find(frame).texts == (cc1_text(140),)
