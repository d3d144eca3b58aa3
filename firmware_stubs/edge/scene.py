"""The camera before the gate, simulated: a QR picture becomes a frame as a lens would see it.

Rules of this file. A code's picture is laid on a phone or a sheet of paper, held at an angle before
a cluttered room, lit unevenly and seen by a small noisy sensor; what comes out is the only thing a
reference terminal may decode. Same picture, scene and seed give the same frame. It knows nothing
of what the code says, never decodes, and nothing outside `firmware_stubs`, tests and demos uses it.
"""

import io
import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

Frame: TypeAlias = npt.NDArray[np.uint8]
"""Grayscale, shape (height, width), 0 black to 255 white."""

_Matrix: TypeAlias = npt.NDArray[np.float64]

FOCAL_LENGTH_WIDTHS = 0.9
"""Focal length in frame widths: a horizontal view of 58 degrees, usual for a gate's camera."""
SOURCE_OVERSIZE = 1.25
"""Carrier pixels a frame pixel: enough that tilting enlarges no pixel visibly."""
EDGE_MARGIN_PIXELS = 6
"""The code's picture keeps this far from the frame's border when it fits at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """How badly a code is held, lit and seen; the defaults are an ordinary day at a gate."""

    width: int = 1280
    height: int = 720
    code_size: float = 0.58
    """Side of the code's picture, quiet zone included, in frame heights."""
    size_spread: float = 0.12
    """The side varies by this fraction both ways: people stand nearer or farther."""
    tilt_degrees: float = 22.0
    """Largest lean of the carrier, sideways and back, each; this makes the perspective."""
    turn_degrees: float = 180.0
    """Largest turn within the picture's plane; 180 is any way up."""
    blur_pixels: float = 0.9
    """Sigma of the lens blur."""
    noise_levels: float = 5.0
    """Sigma of the sensor noise at white, in grey levels of 256; shadows have half of it."""
    gradient: float = 0.35
    """Light lost from one side of the frame to the other, as a fraction."""
    vignette: float = 0.3
    """Light lost in the corners, as a fraction."""
    contrast: float = 0.75
    """Distance between the carrier's black and white, in full scale."""
    clutter: int = 60
    """Shapes in the background."""


HARD = Scene(
    code_size=0.45,
    size_spread=0.15,
    tilt_degrees=38.0,
    blur_pixels=1.3,
    noise_levels=12.0,
    gradient=0.6,
    vignette=0.5,
    contrast=0.55,
    clutter=120,
)
"""Dusk, a shaking hand, too far away: 167 of 200 frames of version 12 could be read, each frame
alone; of version 8 all 200."""


def photograph(png: bytes, scene: Scene, *, seed: int) -> Frame:
    """Take a picture of a code's picture.

    Returns a frame of shape (scene.height, scene.width); deterministic for one set of arguments.

    Raises:
        OSError: `png` is not a picture.
    """
    random = np.random.default_rng(seed)
    with Image.open(io.BytesIO(png)) as opened:
        code = opened.convert("L")
    side = scene.code_size * scene.height
    side *= 1 + random.uniform(-scene.size_spread, scene.size_spread)
    carrier, corner, code_pixels = _carrier(code, round(side * SOURCE_OVERSIZE), random)
    room = _room(scene, random)
    to_frame = _projection(scene, side, random) @ _onto_plane(corner, code_pixels)
    view = _blended(room, carrier, to_frame, scene.contrast)
    view = view.filter(ImageFilter.GaussianBlur(scene.blur_pixels))
    light = np.asarray(view, dtype=np.float32) * _light(scene, random)
    return _sensed(light, scene.noise_levels, random)


def to_png(frame: Frame) -> bytes:
    """Write a frame as a grayscale PNG."""
    out = io.BytesIO()
    Image.fromarray(frame).save(out, "PNG", compress_level=1)
    return out.getvalue()


def _carrier(
    code: Image.Image, side: int, random: np.random.Generator
) -> tuple[Image.Image, tuple[int, int], int]:
    """Draw the phone or paper that shows the code.

    Returns it with an alpha band, the code's upper left corner on it and the code's side.
    """
    code = code.resize((side, side), Image.Resampling.LANCZOS)
    phone = bool(random.integers(2))
    width, height = round(side * (1.12 if phone else 1.45)), round(side * (2.0 if phone else 1.9))
    sheet = Image.new("LA", (width, height), (0, 0))
    draw = ImageDraw.Draw(sheet)
    if phone:
        draw.rounded_rectangle((0, 0, width - 1, height - 1), radius=side // 9, fill=(18, 255))
        rim = max(2, side // 40)
        inside = (rim, rim, width - 1 - rim, height - 1 - rim)
        draw.rounded_rectangle(
            inside, radius=side // 11, fill=(int(random.integers(190, 256)), 255)
        )
    else:
        draw.rectangle((0, 0, width - 1, height - 1), fill=(int(random.integers(215, 250)), 255))
    left = (width - side) // 2
    top = round(height * random.uniform(0.22, 0.3))
    _lines_of_text(draw, (left, height // 14, left + side, top - side // 20), side, random)
    _lines_of_text(
        draw, (left, top + side + side // 20, left + side, height - side // 7), side, random
    )
    sheet.paste(Image.merge("LA", (code, Image.new("L", code.size, 255))), (left, top))
    return sheet, (left, top), side


def _lines_of_text(
    draw: ImageDraw.ImageDraw,
    area: tuple[int, int, int, int],
    side: int,
    random: np.random.Generator,
) -> None:
    """Fill an area with what looks like lines of print from afar."""
    left, top, right, bottom = area
    step = max(6, side // 16)
    for line in range(top, bottom - step, step):
        position = left + side // 30
        end = right - int(random.integers(side // 10, side // 2))
        while position < end:
            glyph = int(random.integers(2, max(3, step // 2)))
            ink = int(random.integers(40, 130))
            low = line + int(random.integers(0, max(1, step // 4)))
            draw.rectangle((position, low, position + glyph, line + step // 2), fill=(ink, 255))
            position += glyph + int(random.integers(2, max(3, step // 3)))


def _room(scene: Scene, random: np.random.Generator) -> Image.Image:
    """Draw what stands behind the carrier, out of focus: furniture, people, stripes, grids."""
    room = Image.new("L", (scene.width, scene.height), int(random.integers(60, 170)))
    draw = ImageDraw.Draw(room)
    for _ in range(scene.clutter):
        x, y = int(random.integers(scene.width)), int(random.integers(scene.height))
        reach = int(random.integers(10, max(11, scene.height // 3)))
        box = (x - reach, y - int(reach * random.uniform(0.2, 1)), x + reach, y + reach)
        tone = int(random.integers(10, 245))
        shape = int(random.integers(4))
        if shape == 0:
            draw.rectangle(box, fill=tone)
        elif shape == 1:
            draw.ellipse(box, fill=tone)
        elif shape == 2:
            draw.line((x, y, x + reach * 2, y - reach), fill=tone, width=1 + reach // 20)
        else:
            for stripe in range(0, reach, max(4, reach // 6)):
                draw.rectangle((x, y + stripe, x + reach, y + stripe + reach // 12), fill=tone)
    return room.filter(ImageFilter.GaussianBlur(1.5))


def _onto_plane(corner: tuple[int, int], code_pixels: int) -> _Matrix:
    """Map carrier pixels to plane units: the code's centre is the origin, its side is one."""
    scale = 1 / code_pixels
    return np.array(
        [[scale, 0, -corner[0] * scale - 0.5], [0, scale, -corner[1] * scale - 0.5], [0, 0, 1]]
    )


def _projection(scene: Scene, side: float, random: np.random.Generator) -> _Matrix:
    """Map the tilted, turned plane into the frame (a pinhole camera), code within the frame."""
    pitch, yaw = np.radians(random.uniform(-scene.tilt_degrees, scene.tilt_degrees, 2))
    turn = math.radians(random.uniform(-scene.turn_degrees, scene.turn_degrees))
    focal = FOCAL_LENGTH_WIDTHS * scene.width
    plane = (_about_x(pitch) @ _about_y(yaw) @ _about_z(turn))[:, :2] * side
    pose = np.column_stack([plane, [0.0, 0.0, focal]])
    centred = np.diag([focal, focal, 1.0]) @ pose
    corners = centred @ np.array([[x, y, 1] for x in (-0.5, 0.5) for y in (-0.5, 0.5)]).T
    spots = corners[:2] / corners[2]
    low, high = spots.min(axis=1), spots.max(axis=1)
    frame_size = np.array([scene.width, scene.height])
    first, last = EDGE_MARGIN_PIXELS - low, frame_size - EDGE_MARGIN_PIXELS - high
    middle = (first + last) / 2
    shift = np.where(first < last, random.uniform(np.minimum(first, last), last), middle)
    framed: _Matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]], [0, 0, 1]]) @ centred
    return framed


def _about_x(angle: float) -> _Matrix:
    cos, sin = math.cos(angle), math.sin(angle)
    return np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])


def _about_y(angle: float) -> _Matrix:
    cos, sin = math.cos(angle), math.sin(angle)
    return np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])


def _about_z(angle: float) -> _Matrix:
    cos, sin = math.cos(angle), math.sin(angle)
    return np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])


def _blended(
    room: Image.Image, carrier: Image.Image, to_frame: _Matrix, contrast: float
) -> Image.Image:
    """Lay the carrier over the room; Pillow asks for the way back, from frame to carrier."""
    back = np.linalg.inv(to_frame)
    coefficients = [float(value) for value in (back / back[2, 2]).ravel()[:8]]
    seen = carrier.transform(
        room.size,
        Image.Transform.PERSPECTIVE,
        coefficients,
        Image.Resampling.BICUBIC,
    )
    tones, alpha = seen.split()
    black = (0.9 - contrast) * 255
    return Image.composite(
        tones.point([round(black + contrast * v) for v in range(256)]), room, alpha
    )


def _light(scene: Scene, random: np.random.Generator) -> npt.NDArray[np.float32]:
    """Brightness factor of each pixel: a gradient from one side, and darker corners."""
    y = np.linspace(-1, 1, scene.height, dtype=np.float32)[:, np.newaxis]
    x = np.linspace(-1, 1, scene.width, dtype=np.float32)
    angle = random.uniform(0, 2 * math.pi)
    across = (x * math.cos(angle) + y * math.sin(angle)) / math.sqrt(2)
    slope = 1 - scene.gradient * (across + 1) / 2
    corners = 1 - scene.vignette * (x * x + y * y) / 2
    return np.asarray(slope * corners, dtype=np.float32)


def _sensed(
    light: npt.NDArray[np.float32], noise_levels: float, random: np.random.Generator
) -> Frame:
    """Add the sensor's noise: a floor, and a part that grows with the square root of light."""
    sigma = noise_levels * (0.5 + 0.5 * np.sqrt(np.clip(light, 0, 255) / 255))
    noise = random.standard_normal(light.shape, dtype=np.float32)
    return np.clip(light + noise * sigma + 0.5, 0, 255).astype(np.uint8)
