"""The table of formats: what is recognised, and that prefixes cannot be confused."""

import pytest

from tests.support.city import City
from verifier.codes.formats import FORMATS, looks_like_code, recognise
from verifier.contract.vocabulary import Format


def test_a_text_is_recognised_by_its_prefix() -> None:
    """The row says bound, skew and whether the second of exp still counts."""
    row = recognise(City().text())
    assert row is not None
    assert (row.format, row.max_text, row.skew, row.expires_at_exp) == (Format.CC1, 1200, 60, True)


@pytest.mark.parametrize("text", ["", "CC1", "cc1:AA", "CC2:AA", " CC1:AA", "HTTPS://CC1:"])
def test_other_texts_are_not(text: str) -> None:
    """Neither the prefix cut short nor another case nor anything before it."""
    assert recognise(text) is None
    assert not looks_like_code(text)


def test_no_prefix_begins_another() -> None:
    """The order of the table does not matter."""
    prefixes = [row.prefix for row in FORMATS]
    assert not [a for a in prefixes for b in prefixes if a != b and b.startswith(a)]
    assert len({row.format for row in FORMATS}) == len(FORMATS)
