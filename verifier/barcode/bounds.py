"""What a picture from strangers may be: its bounds, and why one is refused."""

from enum import StrEnum

MAX_PICTURE_BYTES = 16 * 1024 * 1024
"""Bytes of a file: a noisy 16-megapixel grey PNG just fits, a 24-megapixel JPEG takes half."""
MAX_PIXELS = 25_000_000
"""Pixels: what phones call 24 megapixels; decoding them takes under 0.5 s."""
MAX_SIDE_PIXELS = 8_192
"""Pixels a side: no camera makes longer strips, and decoders work by rows and columns."""
MAX_PARTS = 16_384
"""PNG or WebP chunks, JPEG segments: writers cut 16 MiB into 2,048; bounds the walk's time."""


class Cause(StrEnum):
    """Why a picture was refused; closed."""

    TOO_LARGE = "too_large"
    TOO_MANY_PIXELS = "too_many_pixels"
    TRUNCATED = "truncated"
    """Bytes are missing or damaged."""
    UNSUPPORTED = "unsupported"
    """Not a PNG, JPEG or WebP, or of a kind that cameras and screens do not make."""


class PictureRefused(ValueError):  # noqa: N818 - named for what happened, as callers catch it
    """A picture cannot be looked at; `cause` says why, the message never quotes the picture."""

    def __init__(self, cause: Cause) -> None:
        super().__init__(cause.value)
        self.cause = cause


def check_size(width: int, height: int) -> None:
    """Refuse a picture by its sides in pixels.

    Raises:
        PictureRefused: too many pixels, or none.
    """
    if width < 1 or height < 1:
        raise PictureRefused(Cause.UNSUPPORTED)
    if width > MAX_SIDE_PIXELS or height > MAX_SIDE_PIXELS or width * height > MAX_PIXELS:
        raise PictureRefused(Cause.TOO_MANY_PIXELS)
