"""What a scanner types behind a code, which cannot be taken off, is named as the scanner's."""

import pytest

from tests.support.codes import cc1_text
from verifier.codes.scanned import clean, fault_of
from verifier.contract.reasons import Reason


@pytest.mark.parametrize("behind", ["\t2026-11-30 12:00", "\x1d0042", "\x00\x00A", "\xa0"])
def test_what_stands_behind_a_code(behind: str) -> None:
    """A time, a number, what no keyboard has a key for: no code has a character of these inside."""
    text = cc1_text() + behind
    assert clean(text) == text
    assert fault_of(text) is Reason.SCANNER_EXTRA


def test_a_code_that_is_cut_short_is_not_the_scanner_s() -> None:
    """Nothing stands in it that a scanner typed."""
    assert fault_of(cc1_text()[:-9]) is None
