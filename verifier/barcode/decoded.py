"""Picture file to frame: Pillow decodes what `picture` has left of it.

Rules of this file. The only owner of Pillow's readers, and of their own classes: no guess at the
format, no process-wide limits. Whatever a decoder raises comes out as one error.
"""

import io
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from verifier.barcode.bounds import Cause, PictureRefused, check_size
from verifier.barcode.picture import PictureKind, Stripped, strip

Frame: TypeAlias = npt.NDArray[np.uint8]
"""Grayscale, shape (height, width), 0 black to 255 white."""

WHITE, BLACK = 255, 0
MIDDLE: Final = 128
FEW: Final = 0.05
"""Part of what is drawn: with less of it dark, light modules were drawn on nothing."""
_FILES: Final[dict[PictureKind, type[ImageFile]]] = {
    PictureKind.PNG: PngImageFile,
    PictureKind.JPEG: JpegImageFile,
    PictureKind.WEBP: WebPImageFile,
}


def read_picture(data: bytes) -> Frame:
    """Decode a PNG, JPEG or WebP file into a grayscale frame.

    What is transparent lies on white, or on black where what is drawn is light.

    Raises:
        PictureRefused: and nothing else, whatever the bytes are.
    """
    stripped = strip(data)
    try:
        return _decoded(stripped)
    except Exception as error:  # Pillow raises a dozen kinds on damaged data
        raise PictureRefused(Cause.TRUNCATED) from error


def _decoded(stripped: Stripped) -> Frame:
    with _FILES[stripped.kind](io.BytesIO(stripped.data)) as image:
        check_size(*image.size)
        image.draft("L", None)  # a JPEG holds its brightness apart: skip the colours
        hidden = image.info.get("transparency")
        if image.mode.startswith("I;16"):
            return _of_16_bits(np.asarray(image), hidden)
        if "A" in image.mode or hidden is not None:
            level, alpha = image.convert("RGBA").convert("LA").split()
            return _on_paper(np.asarray(level), np.asarray(alpha))
        return np.asarray(image.convert("L"))


def _of_16_bits(deep: npt.NDArray[np.uint16], hidden: object) -> Frame:
    """Keep the upper 8 of 16 bits; the level `hidden` is transparent."""
    level = (deep >> 8).astype(np.uint8)
    if not isinstance(hidden, int):
        return level
    return _on_paper(level, np.where(deep == hidden, 0, 255).astype(np.uint8))


def _on_paper(level: Frame, alpha: Frame) -> Frame:
    # By how much of it is seen: what is drawn may be half transparent everywhere.
    drawn, dark = alpha.sum(dtype=np.int64), alpha[level < MIDDLE].sum(dtype=np.int64)
    light = drawn > 0 and dark < FEW * drawn
    paper = BLACK if light else WHITE
    mixed = level.astype(np.uint16) * alpha + np.uint16(paper) * (255 - alpha.astype(np.uint16))
    return (mixed // 255).astype(np.uint8)
