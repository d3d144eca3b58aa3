"""Time has an upper bound: nothing that says it was issued later than it is now is taken."""

from dataclasses import replace

import pytest

from firmware_stubs.bundles import Bundles
from tests.support.publisher import EDITION, NOW, YEAR
from tests.support.recovery import NEW, OLD, STEALABLE, TAKERS, Taker, made, name_of_kind
from verifier.contract.bundle import Roster, RosterMember
from verifier.contract.vocabulary import Plane
from verifier.errors import BundleRefused
from verifier.status.plane import NO_STATUS
from verifier.trust.bundle import TrustedSet
from verifier.trust.bundle_kind import BundleKind
from verifier.trust.kinds import take

AHEAD = replace(EDITION, iat=NOW + YEAR, exp=NOW + 2 * YEAR)
MINUTES = 300


@pytest.fixture(params=sorted(TAKERS))
def taker(request: pytest.FixtureRequest) -> Taker:
    """Return a worker's set and a terminal's, with a trust bundle."""
    taker = TAKERS[request.param]()
    assert taker.offer("trust", EDITION.trust()) == ""
    return taker


@pytest.mark.parametrize("kind", STEALABLE, ids=lambda kind: kind.word)
def test_a_clock_a_year_ahead_signs_nothing_that_is_taken(taker: Taker, kind: BundleKind) -> None:
    """The right key signed, the right version: refused, and the next honest one is taken."""
    name, signer = name_of_kind(kind), OLD[kind.key_use]
    assert taker.offer(name, made(kind, 2, signer, AHEAD)) == "future"
    assert taker.offer(name, made(kind, 2, signer)) == ""
    late = replace(EDITION, iat=NOW + MINUTES + 1)
    assert taker.offer(name, made(kind, 3, signer, late)) == "future"
    assert taker.offer(name, made(kind, 3, signer, replace(EDITION, iat=NOW + MINUTES))) == ""


def test_deltas_roots_and_rosters_are_asked_too() -> None:
    """What stands inside a document, and what leads on from it."""
    trusted = EDITION.trusted()
    view = trusted.take_status(EDITION.status(Plane.HEALTH, 8, {}), NOW).value
    status = NO_STATUS.replaced(1, Plane.HEALTH, view)
    delta = replace(AHEAD, version=2).delta(view, Plane.HEALTH, {})
    root = replace(EDITION, root_version=2, extra={"iat": NOW + YEAR, "exp": NOW + 2 * YEAR})
    member = RosterMember(person=1, masked_name="陈*")
    roster = Roster(group=bytes(8), version=1, iat=NOW + YEAR, list=1, members=(member,))
    for offer in (
        lambda: trusted.take_delta(delta, status, NOW),
        lambda: trusted.take_status(EDITION.status(Plane.HEALTH, 8, {}), NOW, deltas=[delta]),
        lambda: trusted.take_root(root.root(), NOW),
        lambda: take(trusted, "rosters-hall-1", EDITION.rosters(roster), NOW),
    ):
        with pytest.raises(BundleRefused) as refused:
            offer()
        assert refused.value.cause == "future"


def test_what_stands_in_a_slot_is_held_by_a_clock_that_is_not_set() -> None:
    """A terminal without a battery starts in 1970: what it accepted before it keeps."""
    bundles = Bundles(EDITION.root(), floors={}, slots={})
    bundles.adopt(bundles.offer("trust", EDITION.trust(), NOW))
    again = Bundles(EDITION.root(), floors=bundles.floors, slots=bundles.slots())
    assert again.load({"trust": EDITION.trust()}, 0.0) == ()
    assert again.known.trust.version == 1


def test_what_was_never_accepted_is_not_held() -> None:
    """A worker counts what lies in the store as held at its start; not what is ahead of it."""
    trusted = TrustedSet(EDITION.root())
    with pytest.raises(BundleRefused) as refused:
        take(trusted, "trust", AHEAD.trust(), NOW, held=True)
    assert refused.value.cause == "future"


def stepped(version: int, epoch: int, floor: int) -> bytes:
    """Return a trust bundle with a clock step."""
    step = {"clock": {"epoch": epoch, "floor": floor}}
    return replace(EDITION, version=version, iat=NOW, extra=step).trust()


def test_a_clock_step_lowers_a_floor_once() -> None:
    """It is judged by the lowered floor; an epoch that was there does nothing again."""
    bundles = Bundles(EDITION.root(), floors={}, slots={})
    ahead = float(NOW + 10 * YEAR)
    with pytest.raises(BundleRefused) as refused:
        bundles.offer("trust", EDITION.trust(), NOW, time_floor=ahead)
    assert refused.value.cause == "expired"
    for version, epoch, lowered in ((1, 3, NOW - 5), (2, 4, NOW - 4)):
        accepted = bundles.offer(
            "trust", stepped(version, epoch, NOW - 8 + epoch), NOW, time_floor=ahead
        )
        assert accepted.time_floor == lowered
        bundles.adopt(accepted)
    for epoch in (3, 4):
        with pytest.raises(BundleRefused) as refused:
            bundles.offer("trust", stepped(3, epoch, NOW - 1), NOW, time_floor=ahead)
        assert refused.value.cause == "expired"
    higher = bundles.offer("trust", stepped(3, 5, NOW), NOW, time_floor=NOW - 100.0)
    assert higher.time_floor is None
    with pytest.raises(BundleRefused) as refused:
        bundles.offer("trust", stepped(3, 5, NOW + 1), NOW, time_floor=ahead)
    assert refused.value.cause == "malformed"


def test_a_thief_uses_up_no_epochs() -> None:
    """Epochs have a floor by key, as versions have."""
    bundles = Bundles(EDITION.root(), floors={}, slots={})
    bundles.adopt(bundles.offer("trust", stepped(1, 1 << 31, NOW - 5), NOW))
    root = replace(EDITION, root_version=2, bundle_keys=(NEW,))
    bundles.adopt(bundles.offer("root", root.root(), NOW))
    step = {"clock": {"epoch": 1, "floor": NOW - 9}}
    honest = replace(EDITION, iat=NOW, extra=step, signer=NEW).trust()
    assert bundles.offer("trust", honest, NOW, time_floor=float(NOW + YEAR)).time_floor == NOW - 9
