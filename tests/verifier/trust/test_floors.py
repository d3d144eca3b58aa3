"""A stolen key signs the highest version; rotating it resets what it alone signed, nothing else.

Walks the table of kinds, so that a new kind is rehearsed by itself.
"""

from dataclasses import replace

import pytest

from firmware_stubs.bundles import Bundles
from tests.support.keys import ROOTS, STATUS, key
from tests.support.publisher import EDITION, ISSUER_ENTRY, NOW, OTHER_ENTRIES, entry
from tests.support.recovery import (
    NEW,
    OLD,
    STEALABLE,
    TAKERS,
    TOP,
    Taker,
    made,
    name_of_kind,
    rotated,
    worker,
)
from verifier.contract.vocabulary import Plane
from verifier.errors import BundleRefused
from verifier.issuing.signing_key import SigningKey
from verifier.trust.bundle_kind import BundleKind
from verifier.trust.kinds import TRUST


class Borrowed:
    """A key that signs under the kid of the status key."""

    def __init__(self, own: SigningKey) -> None:
        self.kid, self.algorithm, self.sign = STATUS.kid, own.algorithm, own.sign


KIND = pytest.mark.parametrize("kind", STEALABLE, ids=lambda kind: kind.word)


@pytest.fixture(params=sorted(TAKERS))
def taker(request: pytest.FixtureRequest) -> Taker:
    """Return a worker's set and a terminal's."""
    return TAKERS[request.param]()


@KIND
def test_whoever_stole_a_key_has_nothing_once_it_is_rotated(taker: Taker, kind: BundleKind) -> None:
    """Its highest version was taken; the next honest one is, and the stolen key's is not again."""
    name, stolen = name_of_kind(kind), OLD[kind.key_use]
    assert taker.offer("trust", EDITION.trust()) == ""
    assert taker.offer(name, made(kind, 2, stolen)) == ""
    for version in (1 << 28, 2 << 28, 3 << 28):
        assert taker.offer(name, made(kind, version, stolen)) == ""
    rotated(taker, kind, trust_version=5)
    assert taker.offer(name, made(kind, 3, NEW)) == ""
    assert taker.offer(name, made(kind, 2, NEW)) == "rollback"
    for version in (2, 4, TOP):
        assert taker.offer(name, made(kind, version, stolen)) == "unknown_key"


@KIND
def test_versions_have_an_end_and_a_longest_step(kind: BundleKind) -> None:
    """Above the highest, and too far above the last, nothing is taken, whoever signed it."""
    taker, name, signer = worker(), name_of_kind(kind), OLD[kind.key_use]
    assert taker.offer("trust", EDITION.trust()) == ""
    assert taker.offer(name, made(kind, 2**53 - 1, signer)) == "leap"
    assert taker.offer(name, made(kind, TOP + 1, signer)) == "leap"
    assert taker.offer(name, made(kind, 3, signer)) == ""
    assert taker.offer(name, made(kind, 4 + (1 << 31), signer)) == "leap"


def test_a_root_moves_by_one_alone() -> None:
    """Whoever has root keys cannot jump either."""
    taker = worker()
    far = replace(EDITION, root_version=TOP, root_signers=ROOTS)
    assert taker.offer("root", far.root()) == "order"


@KIND
def test_the_floor_of_keys_that_stay_holds(taker: Taker, kind: BundleKind) -> None:
    """Two keys may sign; one is stolen and goes: what the other had signed is not older now."""
    name, stolen = name_of_kind(kind), key("stolen")
    stays = OLD[kind.key_use]
    if kind.key_use is None:
        both = replace(EDITION, root_version=2, bundle_keys=(stays, stolen))
        assert taker.offer("root", both.root()) == ""
        assert taker.offer("trust", EDITION.trust()) == ""
    else:
        named = (entry(stolen, kind.key_use, lists=(1,)),)
        both = replace(EDITION, keys=(ISSUER_ENTRY, *OTHER_ENTRIES, *named))
        assert taker.offer("trust", both.trust()) == ""
    assert taker.offer(name, made(kind, 7, stays)) == ""
    assert taker.offer(name, made(kind, 1 << 28, stolen)) == ""
    if kind.key_use is None:
        alone = replace(EDITION, root_version=3, bundle_keys=(stays,))
        assert taker.offer("root", alone.root()) == ""
    else:
        assert taker.offer("trust", replace(EDITION, version=2).trust()) == ""
    assert taker.offer(name, made(kind, 6, stays)) == "rollback"
    assert taker.offer(name, made(kind, 8, stays)) == ""


def test_what_a_rotation_does_not_touch_stays() -> None:
    """The status key goes: profiles, signed by a bundle key, stay where they are."""
    taker = worker()
    for name, kind in (("trust", TRUST), ("profiles", STEALABLE[1])):
        assert taker.offer(name, made(kind, 9, OLD[None])) == ""
    status = next(kind for kind in STEALABLE if kind.key_use == "status")
    rotated(taker, status, trust_version=10)
    assert taker.offer("profiles", made(STEALABLE[1], 8, OLD[None])) == "rollback"
    assert taker.offer("trust", made(TRUST, 9, OLD[None])) == "rollback"


def test_a_key_named_again_brings_its_floor_back() -> None:
    """Who can sign trust bundles cannot roll planes back by leaving their key out for a while."""
    taker = worker()
    status = next(kind for kind in STEALABLE if kind.word == "status")
    name = name_of_kind(status)
    assert taker.offer("trust", EDITION.trust()) == ""
    assert taker.offer(name, made(status, 9, STATUS)) == ""
    rotated(taker, status, trust_version=2)
    assert taker.offer("trust", replace(EDITION, version=3).trust()) == ""
    assert taker.offer(name, made(status, 8, STATUS)) == "rollback"


def test_a_wiped_terminal_takes_nothing_by_the_root_it_came_with() -> None:
    """That root names the stolen key; until the newer one is there again, nothing else counts."""
    newer = replace(EDITION, root_version=2, bundle_keys=(NEW,))
    before = Bundles(EDITION.root(), floors={}, slots={})
    before.adopt(before.offer("root", newer.root(), NOW))
    wiped = Bundles(EDITION.root(), floors=before.floors, slots={})
    with pytest.raises(BundleRefused) as refused:
        wiped.offer("trust", EDITION.trust(), NOW)
    assert refused.value.cause == "order"
    wiped.adopt(wiped.offer("root", newer.root(), NOW))
    wiped.adopt(wiped.offer("trust", replace(EDITION, signer=NEW).trust(), NOW))
    assert wiped.sound


def test_a_thief_of_the_bundle_key_cannot_borrow_a_kid() -> None:
    """It names a key of its own by the honest status key's kid; that one's floor stays its own."""
    taker = worker()
    status = next(kind for kind in STEALABLE if kind.word == "status")
    name, own = name_of_kind(status), key("the thief's own")
    borrowed = entry(own, "status", lists=(1,), kid=STATUS.kid)
    assert taker.offer("trust", EDITION.trust()) == ""
    assert taker.offer(name, made(status, 3, STATUS)) == ""
    assert taker.offer("trust", replace(EDITION, version=2, keys=(borrowed,)).trust()) == ""
    forged = replace(EDITION, version=1 << 30, signer=Borrowed(own))
    assert taker.offer(name, forged.status(Plane.HEALTH, 8, {})) == ""
    root = replace(EDITION, root_version=2, bundle_keys=(NEW,))
    assert taker.offer("root", root.root()) == ""
    assert taker.offer("trust", replace(EDITION, signer=NEW).trust()) == ""
    assert taker.offer(name, made(status, 2, STATUS)) == "rollback"
    assert taker.offer(name, made(status, 4, STATUS)) == ""
