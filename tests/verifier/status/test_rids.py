"""Revocation lists of health cards: entries, seconds, and what is no list."""

import pytest

from verifier.contract.errors import MalformedError
from verifier.status.rids import RevokedCards


def test_with_and_without_a_second() -> None:
    """An id revokes all, a second only what began before it; the widest entry counts."""
    listed = RevokedCards(["all", "some.100", "both.100", "both.200", "wide.5", "wide"])
    assert listed.revokes("all", 1e12)
    assert listed.revokes("some", 99.999)
    assert not listed.revokes("some", 100)
    assert listed.revokes("both", 199)
    assert listed.revokes("wide", 1e12)
    assert not listed.revokes("none", 0)


@pytest.mark.parametrize(
    "entry",
    ["", ".", "a.", ".1", "a.-1", "a.1.2", "a.1e3", "a b", "a=", "x" * 25, "a." + "9" * 13, "a\n"],
)
def test_what_is_no_entry(entry: str) -> None:
    """One bad entry, and the list is refused."""
    with pytest.raises(MalformedError):
        RevokedCards(["good", entry])
