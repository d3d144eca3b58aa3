"""Which of the texts in view is the code, and what is said where there is none."""

import pytest

from tests.support.city import City
from tests.support.health import chunks
from verifier.barcode.scan import Finds
from verifier.codes.shown import code_in_sight, opens
from verifier.contract.reasons import Reason

CODE = City().text()
POSTER = "https://example.org/menu"


@pytest.mark.parametrize(
    ("finds", "answer"),
    [
        (Finds(), Reason.PICTURE_NONE),
        (Finds(others=True), Reason.FORMAT_UNKNOWN),
        (Finds(texts=(POSTER,)), Reason.FORMAT_UNKNOWN),
        (Finds(texts=(POSTER, CODE), others=True), (CODE,)),
        (Finds(texts=(CODE, CODE[:-3])), Reason.PICTURE_SEVERAL),
        (Finds(texts=(CODE[:40],), part=True), Reason.PICTURE_PART),
        (Finds(part=True), Reason.PICTURE_PART),
        (Finds(texts=(CODE,), part=True), (CODE,)),
        (Finds(texts=(CODE[:40],)), (CODE[:40],)),
    ],
)
def test_one_code_or_a_reason(finds: Finds, answer: tuple[str, ...] | Reason) -> None:
    """Other kinds do not disturb; two codes do; a part of a split code is named."""
    assert code_in_sight(finds) == answer


def test_the_symbols_of_one_card_are_one_code() -> None:
    """In any order; one of another card beside them makes several."""
    own = tuple(chunks(3))
    assert code_in_sight(Finds(texts=own[::-1])) == own[::-1]
    assert code_in_sight(Finds(texts=(*own, CODE))) is Reason.PICTURE_SEVERAL
    assert all(map(opens, own))


@pytest.mark.parametrize("text", [POSTER, CODE[:40], CODE + "A", "CC1:", "shc:/12", "HC1:AAAAA"])
def test_what_does_not_open(text: str) -> None:
    """Texts of other kinds, and codes of ours that are cut or damaged."""
    assert not opens(text)
    assert opens(CODE)
