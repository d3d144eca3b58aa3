"""The simulated camera: deterministic, what it draws, and how much of it can be read."""

from dataclasses import replace

import numpy as np
import pytest

from firmware_stubs.edge.scene import HARD, Scene, _projection, photograph, to_png
from tests.support.codes import STATIC_BYTES, cc1_text
from verifier.barcode import render
from verifier.barcode.decoded import read_picture
from verifier.barcode.scan import scan

SEEDS = 40
HARD_SEEDS = 24
CLEAN = Scene(blur_pixels=0.0, noise_levels=0.0, gradient=0.0, vignette=0.0, clutter=0)


def code_png(text: str) -> bytes:
    """Draw a text as the phone's screen would."""
    return render.to_png(render.symbol(text))


def test_an_ordinary_day_reads_every_frame() -> None:
    """Version 12 at the default severity: every seed gives exactly the text."""
    for seed in range(SEEDS):
        text = cc1_text(seed=seed)
        assert scan(photograph(code_png(text), Scene(), seed=seed)) == (text,), seed


def test_a_hard_day_reads_most_frames() -> None:
    """At the hard severity most frames of version 12 are read; never is a text wrong."""
    read = 0
    for seed in range(HARD_SEEDS):
        text = cc1_text(seed=seed)
        texts = scan(photograph(code_png(text), HARD, seed=seed))
        assert texts in ((), (text,)), seed
        read += bool(texts)
    assert read >= HARD_SEEDS * 0.7


def test_a_hard_day_reads_nearly_every_paper_code() -> None:
    """Version 8 has larger modules at the same size."""
    read = 0
    for seed in range(8):
        text = cc1_text(STATIC_BYTES, seed=seed)
        read += scan(photograph(code_png(text), HARD, seed=seed)) == (text,)
    assert read >= 7


def test_same_arguments_same_frame() -> None:
    """The seed decides everything that chance decides."""
    png = code_png("A")
    first = photograph(png, Scene(), seed=1)
    assert (first == photograph(png, Scene(), seed=1)).all()
    assert (first != photograph(png, Scene(), seed=2)).any()


def test_shape_of_a_frame() -> None:
    """A frame is what a 1280 x 720 grey camera gives, or another camera's size."""
    frame = photograph(code_png("A"), Scene(), seed=1)
    assert (frame.shape, frame.dtype) == ((720, 1280), np.dtype(np.uint8))
    small = photograph(code_png("A"), Scene(width=320, height=240), seed=1)
    assert small.shape == (240, 320)


def test_png_holds_the_frame() -> None:
    """What goes to a terminal as a file is pixel for pixel what the lens saw."""
    frame = photograph(code_png("A"), Scene(), seed=1)
    assert (read_picture(to_png(frame)) == frame).all()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("blur_pixels", 3.0),
        ("noise_levels", 20.0),
        ("gradient", 0.8),
        ("vignette", 0.8),
        ("contrast", 0.3),
        ("clutter", 80),
    ],
)
def test_each_field_does_its_part(field: str, value: float) -> None:
    """Turning one knob from nothing changes the frame."""
    png = code_png("A")
    changed = photograph(png, replace(CLEAN, **{field: value}), seed=5)
    difference = np.abs(changed.astype(int) - photograph(png, CLEAN, seed=5))
    assert difference.mean() > 1


def test_tilt_is_perspective() -> None:
    """A leaning code's opposite sides differ in length; an upright one's never do."""
    leaning = replace(CLEAN, tilt_degrees=40.0)
    assert max(_unevenness(_corners(leaning, seed)) for seed in range(20)) > 0.15
    assert max(_unevenness(_corners(CLEAN, seed)) for seed in range(20)) > 0.05
    upright = replace(CLEAN, tilt_degrees=0.0)
    assert max(_unevenness(_corners(upright, seed)) for seed in range(20)) < 1e-9


@pytest.mark.parametrize("scene", [Scene(), HARD])
def test_the_code_is_in_the_frame(scene: Scene) -> None:
    """However it is turned, all four corners of the code's picture are before the lens."""
    for seed in range(100):
        x, y = _corners(scene, seed)
        assert (x > 0).all()
        assert (x < scene.width).all()
        assert (y > 0).all()
        assert (y < scene.height).all()


def test_what_is_no_picture() -> None:
    """Bytes that are no picture are an error, not a frame."""
    with pytest.raises(OSError, match="cannot identify"):
        photograph(b"no picture", Scene(), seed=0)


def _corners(scene: Scene, seed: int) -> np.ndarray:
    """Find where the code's corners fall in the frame, in order around it; shape (2, 4)."""
    chance = np.random.default_rng(seed)
    to_frame = _projection(scene, scene.code_size * scene.height, chance)
    x, y, depth = to_frame @ np.array([(-0.5, 0.5, 0.5, -0.5), (-0.5, -0.5, 0.5, 0.5), 4 * (1,)])
    return np.array([x, y]) / depth


def _unevenness(corners: np.ndarray) -> float:
    """Measure by how much opposite sides differ in length, as a fraction."""
    sides = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=0)
    return float(np.abs(sides[:2] / sides[2:] - 1).max())
