"""The lens: from a frame to the one code in it, or to what a person must do differently.

Which of the texts in view is the code, `verifier.codes.shown` says.
"""

from dataclasses import dataclass
from typing import Final

from runtime.clock import time_left
from verifier.barcode.decoded import Frame, read_picture
from verifier.barcode.scan import LOOK_S, find
from verifier.codes.hcert import carries_link
from verifier.codes.scanned import CONTROLS, clean, fault_of
from verifier.codes.scanner_report import ScannerReport, read_commissioning
from verifier.codes.shown import code_in_sight, opens
from verifier.contract.reasons import Reason
from verifier.contract.scan import MAX_TEXT_CHARS


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What was read: a text, or a card's symbols, or the reason why there is nothing."""

    texts: tuple[str, ...] = ()
    reason: Reason | None = None
    scanner: ScannerReport | None = None
    """What was typed is the commissioning code: what the scanner does, and no scan."""

    def __repr__(self) -> str:
        return f"Reading({self.reason or '…'})"


NO_CODE: Final = Reading(reason=Reason.PICTURE_NONE)


def look(frame: Frame) -> Reading:
    """Read a grayscale frame of shape (height, width)."""
    found = code_in_sight(find(frame, opens, time_left(LOOK_S)))
    return Reading(reason=found) if isinstance(found, Reason) else check(*found)


def look_at_file(data: bytes) -> Reading:
    """Read a PNG, JPEG or WebP file.

    Raises:
        verifier.barcode.bounds.PictureRefused: it cannot be looked at.
    """
    return look(read_picture(data))


def check(*texts: str) -> Reading:
    """Refuse what no door would take in; everything else is for `assess` to judge.

    A link ends here too: its key opens somebody's documents, and a scan is written down.
    """
    if sum(map(len, texts)) > MAX_TEXT_CHARS:
        return Reading(reason=Reason.FORMAT_TOO_LONG)
    if any(map(carries_link, texts)):
        return Reading(reason=Reason.PLACE_LINK)
    return Reading(texts=texts)


def typed(data: bytes) -> Reading:
    """Read what a keyboard-wedge scanner sent: UTF-8; what scanners add is taken off."""
    try:
        text, foreign = data.decode(), False
    except UnicodeDecodeError:  # another character set; only ASCII can be a code
        text, foreign = data.decode("latin-1"), True
    scanner = read_commissioning(text)
    if scanner is not None:
        return Reading(scanner=scanner)
    if foreign:
        return Reading(reason=fault_of(text) or Reason.FORMAT_UNKNOWN)
    return check(clean(text)) if text.strip(CONTROLS) else NO_CODE
