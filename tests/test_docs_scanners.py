"""What the terminal's page says of scanners, to the character: held against what the code does."""

import re
import sys
from pathlib import Path
from typing import Final

import pytest

from verifier.codes import scanned
from verifier.contract.text import REFUSED

DOCS: Final = Path(__file__).parents[1] / "docs"
KEYS: Final = {
    "H": scanned._H,
    "C": scanned._C,
    "S": scanned._S,
    "1": scanned._ONE,
    "colon": scanned._COLON,
    "slash": scanned._SLASH,
}


@pytest.mark.parametrize("key", KEYS)
def test_what_a_key_becomes_under_other_layouts(key: str) -> None:
    """Whoever writes a terminal has no other list of them."""
    page = (DOCS / "terminal.md").read_text(encoding="utf-8")
    row = re.search(rf"^\| {key} \| `([^`]+)` \|$", page, re.MULTILINE)
    assert row is not None
    assert sorted(row[1].split()) == sorted(KEYS[key])


def test_what_a_plain_text_may_not_hold() -> None:
    """Every character of the ranges that the page lists, and no other."""
    page = (DOCS / "operators.md").read_text(encoding="utf-8")
    listed = re.search(r"To the character, refused are\n\n(.*?)\n\n", page, re.DOTALL)
    assert listed is not None
    said: set[int] = set()
    for word in listed[1].split():
        first, _, last = word.partition("-")
        said |= set(range(int(first, 16), int(last or first, 16) + 1))
    refused = re.compile(f"[{REFUSED}]")
    assert said == {c for c in range(sys.maxunicode + 1) if refused.match(chr(c))}
