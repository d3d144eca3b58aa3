"""The lens: from a frame to the one code in it, or to what a person must do differently.

Several symbols of one SMART Health Card are one code. Codes of other kinds (posters, payment codes)
do not disturb as long as one code of ours is in view; alone they are told apart from an empty
frame, and what they say is dropped at once.
"""

from dataclasses import dataclass
from typing import Final

from verifier.barcode.scan import Frame, read_picture, scan
from verifier.codes.formats import looks_like_code
from verifier.codes.shc import of_one_card
from verifier.contract.reasons import Reason
from verifier.contract.scan import MAX_TEXT_CHARS


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What was read: a text, or a card's symbols, or the reason why there is nothing."""

    texts: tuple[str, ...] = ()
    reason: Reason | None = None

    def __repr__(self) -> str:
        return f"Reading({self.reason or '…'})"


NO_CODE: Final = Reading(reason=Reason.PICTURE_NONE)


def look(frame: Frame) -> Reading:
    """Read a grayscale frame of shape (height, width)."""
    texts = scan(frame)
    codes = [text for text in texts if looks_like_code(text)]
    if len(codes) > 1 and not of_one_card(codes):
        return Reading(reason=Reason.PICTURE_SEVERAL)
    if codes:
        return check(*codes)
    return Reading(reason=Reason.FORMAT_UNKNOWN) if texts else NO_CODE


def look_at_file(data: bytes) -> Reading:
    """Read a PNG or JPEG file.

    Raises:
        verifier.barcode.scan.PictureRefused: it cannot be looked at.
    """
    return look(read_picture(data))


def check(*texts: str) -> Reading:
    """Refuse what no door would take in; everything else is for `assess` to judge."""
    if sum(map(len, texts)) > MAX_TEXT_CHARS:
        return Reading(reason=Reason.FORMAT_TOO_LONG)
    return Reading(texts=texts)


def typed(data: bytes) -> Reading:
    """Read what a keyboard-wedge scanner sent: UTF-8, one line end (CR, LF, CR LF) is cut."""
    if data.endswith(b"\r\n"):
        data = data[:-2]
    elif data.endswith((b"\r", b"\n")):
        data = data[:-1]
    if not data:
        return NO_CODE
    try:
        return check(data.decode())
    except UnicodeDecodeError:
        return Reading(reason=Reason.FORMAT_UNKNOWN)
