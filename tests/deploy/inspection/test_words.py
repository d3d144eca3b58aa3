"""Words for a screen: nothing that a terminal obeys; moments and spans."""

import pytest

from deploy.inspection.words import printable, span, utc


@pytest.mark.parametrize("character", ["\x1b", "\n", "\x7f", "\x9b", "\u202e", "\u2028", "\ufeff"])
def test_nothing_that_a_terminal_obeys(character: str) -> None:
    """Controls, bidirectional marks and line separators are spelled out."""
    assert printable(f"a{character}b", 9) == f"a\\u{ord(character):04x}b"


def test_harmless_text_stays() -> None:
    """Names of people, too; what is too long is cut, and said to be."""
    assert printable("Đặng 林 <b>[red]", 99) == "Đặng 林 <b>[red]"
    assert printable("abcdef", 3) == "abc… (6 characters)"


def test_moments_and_spans() -> None:
    """UTC; a number that is no moment stays one."""
    assert utc(0) == "1970-01-01 00:00:00Z"
    assert utc(1e30) == "1e+30"
    assert [span(s) for s in (0, 59, -119, 7200, 200_000)] == [
        "0 s", "59 s", "119 s", "2 h", "2 d",
    ]  # fmt: skip
