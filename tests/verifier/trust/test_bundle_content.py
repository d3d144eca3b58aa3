"""What bundles hold: a wrong content refuses the whole, a copy is a copy, held outlives its key."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.support.city import PROFILE
from tests.support.keys import ISSUER, STATUS
from tests.support.publisher import DAY, EDITION, NOW, Edition, entry
from verifier.contract.envelope import SignedUse
from verifier.contract.vocabulary import Plane
from verifier.errors import BundleCause, BundleRefused
from verifier.trust.kinds import take


def cause_of(take: Callable[[], object]) -> BundleCause:
    """Return the cause of a refusal."""
    with pytest.raises(BundleRefused) as refused:
        take()
    return refused.value.cause


def test_what_was_held_outlives_its_keys_window() -> None:
    """It was accepted while the key might sign; a restart afterwards does not lose it."""
    ended = entry(STATUS, "status", lists=(1,), nbf=NOW - DAY, exp=NOW - 1)
    taken = replace(EDITION, keys=(ended,)).trusted()
    status = EDITION.status(Plane.HEALTH, 4, {})
    assert taken.take_status(status, NOW, held=True).document.size == 4


def test_a_refused_content_leaves_the_floor() -> None:
    """A signed document with a wrong content is refused; the corrected one of its version taken."""
    taken = EDITION.trusted()
    for wrong in (
        EDITION.profiles(dict(PROFILE) | {"stance": "ajar"}),
        EDITION.profiles(PROFILE, PROFILE),
        replace(EDITION, extra={"rules": ["{}"]}).profiles(PROFILE),
    ):
        assert cause_of(lambda w=wrong: take(taken, "profiles", w, NOW)) is BundleCause.MALFORMED
    assert take(taken, "profiles", EDITION.profiles(PROFILE), NOW).value.version == 1
    short = replace(EDITION, extra={"size": 5000}).status(Plane.HEALTH, 4, {})
    assert cause_of(lambda: taken.take_status(short, NOW)) is BundleCause.MALFORMED
    assert taken.take_status(EDITION.status(Plane.HEALTH, 4, {}), NOW).value.version == 1


def test_a_credential_key_names_its_issuer() -> None:
    """Without one it might speak for any: refused, not taken for any."""
    nobodys = entry(ISSUER, "credential", lists=(1,))
    assert nobodys.issuer is None
    assert cause_of(replace(EDITION, keys=(nobodys,)).trusted) is BundleCause.MALFORMED


def test_a_copy_goes_its_own_way() -> None:
    """What is tried on a copy does not change the set it was copied from."""
    taken = EDITION.trusted()
    copy = taken.copy()
    copy.take_trust(replace(EDITION, version=2).trust(), NOW)
    assert (copy.trust.version, taken.trust.version) == (2, 1)
    assert (copy.floors["trust"].version, taken.floors["trust"].version) == (2, 1)


def test_a_root_on_the_way_may_have_ended() -> None:
    """Only the last root must be valid now; one that is passed through need not be."""
    ended = replace(EDITION, root_version=2, root_exp=NOW - 1).root()
    taken = EDITION.trusted()
    assert cause_of(lambda: taken.take_root(ended, NOW)) is BundleCause.EXPIRED
    taken.take_root(ended, NOW, passing=True)
    taken.take_root(replace(EDITION, root_version=3).root(), NOW)
    assert taken.root_version == 3


def test_a_destroyed_plane_never_comes_back() -> None:
    """No snapshot and no delta is taken, of before or later; the certificate may come again."""
    taken = EDITION.trusted()
    snapshot = EDITION.status(Plane.HEALTH, 4, {}, fill=1)
    taken.take_status(snapshot, NOW)
    ended = replace(EDITION, version=7).destruction(Plane.HEALTH, last=6)
    for _ in range(2):
        document = taken.take_destruction(ended, NOW)
        assert (document.plane, document.last) == (Plane.HEALTH, 6)
    for late in (
        snapshot,
        replace(EDITION, version=6).status(Plane.HEALTH, 4, {}, fill=1),
        replace(EDITION, version=8).status(Plane.HEALTH, 4, {}, fill=1),
    ):
        assert cause_of(lambda late=late: taken.take_status(late, NOW)) is BundleCause.ROLLBACK
    assert taken.take_status(EDITION.status(Plane.REVOCATION, 4, {}), NOW).document.size == 4


@pytest.mark.parametrize(
    ("edition", "cause"),
    [
        (replace(EDITION, signer=ISSUER), BundleCause.WRONG_USE),
        (replace(EDITION, use=SignedUse.STATUS), BundleCause.SIGNATURE),
        (replace(EDITION, extra={"list": 2}), BundleCause.WRONG_USE),
        (replace(EDITION, extra={"counts": {0: 3}}), BundleCause.MALFORMED),
        (replace(EDITION, extra={"by": []}), BundleCause.MALFORMED),
    ],
)
def test_a_certificate_that_does_not_hold_ends_nothing(
    edition: Edition, cause: BundleCause
) -> None:
    """Of another key, use or list, or with figures that contradict each other."""
    taken = EDITION.trusted()
    wrong = replace(edition, version=7).destruction(Plane.HEALTH)
    assert cause_of(lambda: taken.take_destruction(wrong, NOW)) is cause
    assert taken.take_status(EDITION.status(Plane.HEALTH, 4, {}), NOW).document.version == 1


def test_a_certificate_is_no_way_back() -> None:
    """One from before the plane's newest version is old, another of the same version a fork."""
    taken = EDITION.trusted()
    taken.take_status(replace(EDITION, version=9).status(Plane.HEALTH, 4, {}), NOW)
    early = replace(EDITION, version=8).destruction(Plane.HEALTH)
    assert cause_of(lambda: taken.take_destruction(early, NOW)) is BundleCause.ROLLBACK
    taken.take_destruction(replace(EDITION, version=10).destruction(Plane.HEALTH), NOW)
    other = replace(EDITION, version=10, extra={"reason": "another"}).destruction(Plane.HEALTH)
    assert cause_of(lambda: taken.take_destruction(other, NOW)) is BundleCause.FORK
