"""The seal of a change: over everything that it says."""

import pytest

from verifier.contract.status import PlaneName
from verifier.contract.vocabulary import Plane
from verifier.issuing.change_seal import ChangeSeal, SealedChange, nonce_of

SEAL = ChangeSeal(b"k" * 32)
NAME = PlaneName(1, Plane.HEALTH)
WHY, NONCE, ASKED = "proposal:00", nonce_of(1_790_000_000_123, bytes(8)), b"\0\0\0\5\3"
MADE = SealedChange(WHY, NONCE, SEAL.seal(NAME, WHY, NONCE, ASKED), ASKED)


def test_a_seal_holds_for_what_was_sealed() -> None:
    """And says when."""
    assert SEAL.holds(NAME, MADE)
    assert MADE.at_ms == 1_790_000_000_123
    assert "k" * 8 not in repr(SEAL)


@pytest.mark.parametrize(
    "other",
    [
        MADE._replace(why="proposal:01"),
        MADE._replace(nonce=nonce_of(1_790_000_000_124, bytes(8))),
        MADE._replace(asked=b"\0\0\0\5\1"),
        MADE._replace(asked=b""),
        MADE._replace(seal=bytes(16)),
        MADE._replace(seal=b""),
        MADE._replace(nonce=NONCE + ASKED, asked=b""),
    ],
)
def test_nothing_of_it_can_be_another(other: SealedChange) -> None:
    """Reason, time, records, and where one ends and the next begins."""
    assert not SEAL.holds(NAME, other)


def test_a_seal_is_of_one_plane_and_one_key() -> None:
    """Neither another list, nor another plane, nor another house."""
    for name in (PlaneName(2, Plane.HEALTH), PlaneName(1, Plane.DOSES)):
        assert not SEAL.holds(name, MADE)
    assert not ChangeSeal(b"o" * 32).holds(NAME, MADE)
    with pytest.raises(ValueError, match="32 bytes"):
        ChangeSeal(b"short")
