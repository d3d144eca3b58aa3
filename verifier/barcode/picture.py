"""Picture files from strangers: bounded, checked and stripped before anything decodes them.

Rules of this file and of `png`, `jpeg` and `webp`. Pure bytes, no decoder. A file is walked part by
part; its size in pixels is read from its header and refused there; only the parts that draw are
kept, so that text, colour profiles, Exif, animations and thumbnails, where decoders inflate, warn
and fail in many ways, never reach one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from verifier.barcode.bounds import MAX_PICTURE_BYTES, Cause, PictureRefused
from verifier.barcode.jpeg import JPEG_SIGNATURE, strip_jpeg
from verifier.barcode.png import PNG_SIGNATURE, strip_png
from verifier.barcode.webp import WEBP_SIGNATURE, strip_webp


class PictureKind(Enum):
    """The kinds of file that are taken."""

    PNG = "image/png"
    JPEG = "image/jpeg"
    WEBP = "image/webp"


PICTURE_TYPES: Final = tuple(kind.value for kind in PictureKind)
"""Media types of the kinds that are taken."""
_READERS: Final[tuple[tuple[bytes, PictureKind, Callable[[bytes], bytes]], ...]] = (
    (PNG_SIGNATURE, PictureKind.PNG, strip_png),
    (JPEG_SIGNATURE, PictureKind.JPEG, strip_jpeg),
    (WEBP_SIGNATURE, PictureKind.WEBP, strip_webp),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stripped:
    """A file of which only the parts that draw are left."""

    kind: PictureKind
    data: bytes


def looks_like_picture(start: bytes) -> bool:
    """Say whether a file that begins so is a picture of a kind that is taken."""
    return any(start.startswith(signature[:4]) for signature, _, _ in _READERS)


def strip(data: bytes) -> Stripped:
    """Check a file and keep of it only what draws.

    Raises:
        PictureRefused: too large, too many pixels, cut short, or not a plain picture.
    """
    if len(data) > MAX_PICTURE_BYTES:
        raise PictureRefused(Cause.TOO_LARGE)
    for signature, kind, strip_kind in _READERS:
        if data.startswith(signature):
            return Stripped(kind=kind, data=strip_kind(data))
    cut = any(signature.startswith(data) for signature, _, _ in _READERS)
    raise PictureRefused(Cause.TRUNCATED if cut else Cause.UNSUPPORTED)
