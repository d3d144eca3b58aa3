"""Frames to texts: several codes, none, strict bytes, and the second opinion."""

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
from verifier.barcode.picture import MAX_PIXELS, Cause, PictureRefused
from verifier.barcode.render import symbol, to_png
from verifier.barcode.scan import SCANNED_PIXELS, Frame, read_picture, scan

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
    """Bytes that are not UTF-8 are no text: nobody guesses a character set for them."""
    assert scan(_frame_of((0b0100, 4), (3, 8), (0xE9, 8), (0x41, 8), (0x42, 8))) == ()


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
    assert scanning._zbar(frame) != []
    assert scan(frame) == ()


def test_a_part_of_a_split_code() -> None:
    """Structured append: a part is read as the text it holds, and neither decoder fails on it."""
    split = ((0b0011, 4), (0, 4), (1, 4), (7, 8), (0b0100, 4), (2, 8))
    assert scan(_frame_of(*split, (0x41, 8), (0x42, 8))) == ("AB",)
    assert scan(_frame_of(*split, (0xE9, 8), (0xE9, 8))) == ()
    assert scanning._zbar(_frame_of(*split, (0x41, 8), (0x42, 8))) == []


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
