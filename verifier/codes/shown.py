"""What a person shows: the one code among the texts in view, or the reason why there is none.

The symbols of one SMART Health Card are one code. Texts of other kinds (posters, payment codes) do
not disturb beside exactly one code of ours, and what they say is dropped at once.
"""

from typing import Protocol

from verifier.codes.formats import looks_like_code, recognise
from verifier.codes.scanned import clean
from verifier.codes.shc import chunk_of, of_one_card
from verifier.contract.reasons import Reason
from verifier.errors import Refusal


class Sight(Protocol):
    """What was read in a picture."""

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts."""

    @property
    def others(self) -> bool:
        """A symbol was read that holds no text."""

    @property
    def part(self) -> bool:
        """A symbol was read that is a part of more."""


def opens(text: str) -> bool:
    """Say whether a text is a code of ours, whole, or one symbol of a card; nothing is verified."""
    text = clean(text)
    row = recognise(text)
    if row is None or len(text) > row.max_text:
        return False
    if chunk_of(text) is not None:
        return True
    try:
        row.decode(text)
    except Refusal:
        return False
    return True


def texts_in_sight(sight: Sight) -> tuple[str, ...] | Reason:
    """Return as `code_in_sight`; but one text alone that is no code stays, to be explained."""
    found = code_in_sight(sight)
    return sight.texts if found is Reason.FORMAT_UNKNOWN and len(sight.texts) == 1 else found


def code_in_sight(sight: Sight) -> tuple[str, ...] | Reason:
    """Return the one code in view, several texts for a card's symbols; or why there is none."""
    codes = tuple(dict.fromkeys(filter(looks_like_code, map(clean, sight.texts))))
    if sight.part and not any(map(opens, codes)):
        return Reason.PICTURE_PART
    if len(codes) > 1 and not of_one_card(codes):
        return Reason.PICTURE_SEVERAL
    if codes:
        return codes
    return Reason.FORMAT_UNKNOWN if sight.texts or sight.others else Reason.PICTURE_NONE
