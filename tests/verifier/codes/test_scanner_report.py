"""What a scanner does, seen by the commissioning code."""

import pytest

from tests.support.city import City
from tests.support.judgements import TYPED
from verifier.codes.scanner_report import COMMISSIONING_TEXT, read_commissioning
from verifier.encoding.base45 import ALPHABET

SHOWN = COMMISSIONING_TEXT


def test_it_holds_every_character_of_every_format() -> None:
    """Of base45, and of `shc:/`; and is as long as a certificate."""
    assert set(ALPHABET.decode() + "shc:/") <= set(SHOWN)
    assert len(SHOWN) > 400


@pytest.mark.parametrize(
    ("typed", "verdict", "changed"),
    [
        (SHOWN, "good", {}),
        (SHOWN.upper(), "cleaned", {"c": "C", "h": "H", "s": "S"}),
        (SHOWN.translate(str.maketrans({"+": "", ":": "Ö"})), "layout", {"+": "", ":": "Ö"}),
        (SHOWN.translate(str.maketrans("KOP", "ЛЩЗ")), "layout", {"K": "Л", "O": "Щ", "P": "З"}),
        (SHOWN + "\u0000", "cleaned", {}),
        (SHOWN + "END", "extra", {}),
        (SHOWN[:-1], "lossy", {}),
        (SHOWN[:50] + SHOWN[60:], "lossy", {}),
        (SHOWN[:50] + SHOWN[49:], "lossy", {}),
    ],
)
def test_what_scanners_do(typed: str, verdict: str, changed: dict[str, str]) -> None:
    """Each fault by its name, each changed character by what came."""
    found = read_commissioning(typed)
    assert found is not None
    assert (found.verdict, found.changed) == (verdict, changed)


@pytest.mark.parametrize("text", ["", "HC1:", "KOKOP", "A" * 500, City().text(), *TYPED.values()])
def test_other_texts_are_none(text: str) -> None:
    """No code of a visitor, and nothing that repeats itself."""
    assert read_commissioning(text) is None


def test_what_was_added_is_spelled() -> None:
    """No screen obeys it."""
    found = read_commissioning(f"]Q1{SHOWN}\x1b[2J")
    assert found is not None
    assert found.document()["after"] == "\\x1b[2J"
