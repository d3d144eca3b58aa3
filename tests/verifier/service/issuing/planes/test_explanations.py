"""Which changes of a plane are explained: what a seal covers, and what it does not."""

import asyncio
from typing import Final

import pytest

from tests.support.changes import SEAL
from verifier.contract.status import PlaneName
from verifier.contract.vocabulary import Plane
from verifier.issuing.change_seal import SealedChange, nonce_of
from verifier.service.issuing.planes.explanations import Explanations
from verifier.service.store.deltas import PendingEntry

NAME: Final = PlaneName(1, Plane.HEALTH)
GREEN: Final = b"\0\0\0\x05\x01"
NONCE: Final = nonce_of(1_000, bytes(8))


async def none(_: str) -> None:
    """Find no proposal."""


def explained(why: str, asked: bytes, *, whole: bool) -> bool:
    """Say whether an entry with a seal of the issuing process's own is explained."""
    seal = SEAL.seal(NAME, why, NONCE, asked)
    sealed = SealedChange(why=why, nonce=NONCE, seal=seal, asked=asked)
    entry = PendingEntry("1-0", b"" if whole else asked, whole=whole, sealed=sealed)
    found, refused = asyncio.run(Explanations(NAME, SEAL, none).judge([entry]))
    assert not (found and refused)
    return found == [entry]


def test_a_sealed_change_and_a_sealed_load_are_explained() -> None:
    """The one says what it changes, the other that the whole plane was filled."""
    assert explained("issue:7", GREEN, whole=False)
    assert explained("load:city", b"", whole=True)


@pytest.mark.parametrize(("why", "asked"), [("issue:7", GREEN), ("load:city", GREEN)])
def test_a_seal_of_one_change_marks_no_whole_plane(why: str, asked: bytes) -> None:
    """The mark is no part of what is sealed: put beside a change's seal, it opens nothing."""
    assert not explained(why, asked, whole=True)
