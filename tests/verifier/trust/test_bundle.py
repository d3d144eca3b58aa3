"""The trusted set: order, expiry, rollback, fork, rotation; a refusal changes nothing."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.city import GRANT
from tests.support.health import CARDS, COUNTRY, thumbprint
from tests.support.health import ISSUER as ISSUER_ADDRESS
from tests.support.keys import BUNDLE, ISSUER, NEW_ROOTS, ROOTS, STATUS, STRANGER, key, other_half
from tests.support.publisher import (
    DAY,
    EDITION,
    ISSUER_ENTRY,
    NOW,
    OTHER_ENTRIES,
    YEAR,
    Edition,
    entry,
)
from verifier.contract import cbor
from verifier.contract.bundle import Appointment, Roster, RosterMember
from verifier.contract.envelope import SignedUse
from verifier.contract.vocabulary import Plane
from verifier.errors import BundleCause, BundleRefused
from verifier.trust.bundle import Floor, TrustedSet
from verifier.trust.kinds import take
from verifier.trust.signers import NO_TRUST

Take = Callable[..., object]

ROSTER = Roster(
    group=bytes(8), version=1, iat=NOW, list=1, members=(RosterMember(person=1, masked_name="陈*"),)
)
EXPECTED = Appointment(list=1, person=1, begins=NOW, ends=NOW + 600)
KID = thumbprint()
SIGNED: Mapping[str, Callable[[Edition], bytes]] = {
    "trust": lambda edition: edition.trust(),
    "profiles": lambda edition: edition.profiles(),
    "cards": lambda edition: edition.cards({KID: ["a"]}),
    "appointments-hall-1": lambda edition: edition.appointments(EXPECTED),
    "rosters-hall-1": lambda edition: edition.rosters(ROSTER),
    "status-1-revocation": lambda edition: edition.status(Plane.REVOCATION, 8, {}),
}


def taking(name: str) -> Take:
    """Return what takes an edition's bundle of a name."""
    return lambda taken, edition, **held: take(taken, name, SIGNED[name](edition), NOW, **held)


TAKES: Mapping[str, Take] = {name: taking(name) for name in SIGNED}


def cause_of(take: Callable[[], object]) -> BundleCause:
    """Return what a bundle is refused for."""
    with pytest.raises(BundleRefused) as caught:
        take()
    return caught.value.cause


def state_of(taken: TrustedSet) -> tuple[Any, ...]:
    """Return all that a refusal must leave alone."""
    return (dict(taken.floors), taken.trust, taken.root_version, dict(taken._bundle_keys))


def test_an_empty_set_trusts_nobody() -> None:
    """Before the trust bundle there is a root and no key."""
    taken = TrustedSet(EDITION.root())
    assert taken.trust is NO_TRUST
    assert taken.root_version == 1
    assert cause_of(lambda: TAKES["rosters-hall-1"](taken, EDITION)) is BundleCause.UNKNOWN_KEY
    assert cause_of(lambda: TAKES["status-1-revocation"](taken, EDITION)) is BundleCause.UNKNOWN_KEY


@pytest.mark.parametrize("name", TAKES)
def test_in_order(name: str) -> None:
    """A first edition, the same again, the next; the floor follows."""
    taken = EDITION.trusted()
    for version in (1, 1, 2, 5, 5):
        TAKES[name](taken, replace(EDITION, version=version))
        assert taken.floors[name].version == version


@pytest.mark.parametrize("name", TAKES)
def test_rollback_and_fork(name: str) -> None:
    """An older version, and the same version with other bytes; both change nothing."""
    taken = EDITION.trusted()
    TAKES[name](taken, replace(EDITION, version=3))
    before = state_of(taken)
    older, other = replace(EDITION, version=2), replace(EDITION, version=3, iat=NOW - 1)
    assert cause_of(lambda: TAKES[name](taken, older)) is BundleCause.ROLLBACK
    assert cause_of(lambda: TAKES[name](taken, other)) is BundleCause.FORK
    assert state_of(taken) == before


@pytest.mark.parametrize("name", TAKES)
def test_a_floor_kept_outside_holds_after_a_restart(name: str) -> None:
    """The floors outlive the bundles' slots; a reset slot does not bring an old bundle back."""
    floors = {name: Floor(version=9, digest=bytes(32))}
    taken = TrustedSet(EDITION.root(), floors=floors)
    if name != "trust":
        taken.take_trust(EDITION.trust(), NOW)
    assert cause_of(lambda: TAKES[name](taken, EDITION)) is BundleCause.ROLLBACK
    forked = replace(EDITION, version=9)
    assert cause_of(lambda: TAKES[name](taken, forked)) is BundleCause.FORK
    TAKES[name](taken, replace(EDITION, version=10))


@pytest.mark.parametrize("name", TAKES)
def test_expired_on_arrival_is_refused_and_held_is_kept(name: str) -> None:
    """The second of exp still counts; one later only what we held before is taken."""
    taken = EDITION.trusted()
    TAKES[name](taken, replace(EDITION, version=2, exp=NOW))
    late = replace(EDITION, version=3, exp=NOW - 1)
    before = state_of(taken)
    assert cause_of(lambda: TAKES[name](taken, late)) is BundleCause.EXPIRED
    assert state_of(taken) == before
    TAKES[name](taken, late, held=True)
    assert taken.floors[name].version == 3


@pytest.mark.parametrize("name", TAKES)
def test_keys_of_other_uses_are_refused(name: str) -> None:
    """A stranger's key, the issuer's, a root's: none may sign this."""
    for signer in (STRANGER, ISSUER, ROOTS[0]):
        wrong = replace(EDITION, version=2, signer=signer)
        cause = cause_of(lambda wrong=wrong: TAKES[name](EDITION.trusted(), wrong))  # type: ignore[misc]
        assert cause in (BundleCause.UNKNOWN_KEY, BundleCause.WRONG_USE)


@pytest.mark.parametrize("use", list(SignedUse))
@pytest.mark.parametrize("name", TAKES)
def test_signatures_for_another_use_are_refused(name: str, use: SignedUse) -> None:
    """The right key signed, but for something else: external_aad tells."""
    right = {"rosters-hall-1": SignedUse.ROSTER, "status-1-revocation": SignedUse.STATUS}
    if use is right.get(name, SignedUse.BUNDLE):
        return
    wrong = replace(EDITION, version=2, use=use)
    assert cause_of(lambda: TAKES[name](EDITION.trusted(), wrong)) is BundleCause.SIGNATURE


@pytest.mark.parametrize("name", TAKES)
def test_members_that_do_not_belong(name: str) -> None:
    """A document with a member more is malformed, though its signature holds."""
    wrong = replace(EDITION, version=2, extra={"comment": "x"})
    assert cause_of(lambda: TAKES[name](EDITION.trusted(), wrong)) is BundleCause.MALFORMED


def test_status_keys_publish_only_their_lists() -> None:
    """A status key of list 1 says nothing about list 2."""
    taken = EDITION.trusted()
    other = EDITION.status(Plane.HEALTH, 4, {}, number=2)
    assert cause_of(lambda: taken.take_status(other, NOW)) is BundleCause.WRONG_USE


@pytest.mark.parametrize(("nbf", "exp"), [(NOW + 1, NOW + DAY), (NOW - DAY, NOW - 1)])
def test_keys_outside_their_window_publish_nothing(nbf: int, exp: int) -> None:
    """One second before and one after."""
    outside = entry(STATUS, "status", lists=(1,), nbf=nbf, exp=exp)
    taken = replace(EDITION, keys=(outside,)).trusted()
    status = EDITION.status(Plane.HEALTH, 4, {})
    assert cause_of(lambda: taken.take_status(status, NOW)) is BundleCause.WRONG_USE


def test_all_keys_of_a_shared_kid_are_tried() -> None:
    """Two keys were given the same kid; the one that signed is found."""
    kid = STATUS.kid
    keys = (entry(STRANGER, "status", lists=(1,), kid=kid), entry(STATUS, "status", lists=(1,)))
    taken = replace(EDITION, keys=keys).trusted()
    assert taken.take_status(EDITION.status(Plane.HEALTH, 4, {}), NOW).document.size == 4
    only_other = replace(EDITION, keys=keys[:1]).trusted()
    status = EDITION.status(Plane.HEALTH, 4, {})
    assert cause_of(lambda: only_other.take_status(status, NOW)) is BundleCause.SIGNATURE


BAD_KEYS: Mapping[str, dict[str, Any]] = {
    "not a key": {"spki": b"key"},
    "a key cut short": {"spki": ISSUER.spki[:-1]},
    "of another algorithm": {"algorithm": -8},
    "of an algorithm we do not have": {"algorithm": -257},
}


@pytest.mark.parametrize("name", BAD_KEYS)
def test_a_bad_key_refuses_the_whole_bundle_and_leaves_no_trace(name: str) -> None:
    """The floor stays too: the corrected bundle of the same version is taken."""
    taken = EDITION.trusted()
    before = state_of(taken)
    bad = msgspec.structs.replace(ISSUER_ENTRY, **BAD_KEYS[name])
    wrong = replace(EDITION, version=2, keys=(bad, *OTHER_ENTRIES))
    assert cause_of(lambda: taken.take_trust(wrong.trust(), NOW)) is BundleCause.MALFORMED
    assert state_of(taken) == before
    taken.take_trust(replace(EDITION, version=2).trust(), NOW)


def test_trust_says_what_was_published() -> None:
    """Sectors we do not know are dropped; lists and the ring stand as published."""
    trust = replace(EDITION, sectors_enabled=(1, 3, 99)).trusted().trust
    assert trust.sectors_enabled == {1, 3}
    assert trust.lists == {1: "status:1", 2: "status:2"}
    assert len(trust.ring) == 4


ROTATED = replace(
    EDITION, root_version=2, root_keys=NEW_ROOTS, root_signers=(*ROOTS[:2], *NEW_ROOTS[:2])
)


def test_root_rotation() -> None:
    """The next version, signed by a threshold of the old keys and of the new ones."""
    taken = EDITION.trusted()
    taken.take_root(ROTATED.root(), NOW)
    taken.take_root(ROTATED.root(), NOW)
    assert taken.root_version == 2
    again = replace(
        ROTATED, root_version=3, root_keys=ROOTS, root_signers=(*NEW_ROOTS[:2], *ROOTS[1:])
    )
    taken.take_root(again.root(), NOW)
    assert taken.floors["root"].version == 3


WRONG_ROOTS: Mapping[str, tuple[BundleCause, Edition]] = {
    "signed by the new keys only": (
        BundleCause.SIGNATURE,
        replace(ROTATED, root_signers=NEW_ROOTS),
    ),
    "signed by the old keys only": (BundleCause.SIGNATURE, replace(ROTATED, root_signers=ROOTS)),
    "one old key too few": (
        BundleCause.SIGNATURE,
        replace(ROTATED, root_signers=(ROOTS[0], *NEW_ROOTS)),
    ),
    "one new key too few": (
        BundleCause.SIGNATURE,
        replace(ROTATED, root_signers=(*ROOTS, NEW_ROOTS[0])),
    ),
    "one key twice": (
        BundleCause.SIGNATURE,
        replace(ROTATED, root_signers=(ROOTS[0], ROOTS[0], *NEW_ROOTS)),
    ),
    "signed for another use": (
        BundleCause.SIGNATURE,
        replace(ROTATED, use=SignedUse.CREDENTIAL),
    ),
    "a version skipped": (BundleCause.ORDER, replace(ROTATED, root_version=3)),
    "the same version otherwise": (BundleCause.FORK, replace(ROTATED, root_version=1)),
    "expired": (BundleCause.EXPIRED, replace(ROTATED, root_exp=NOW - 1)),
    "a threshold of none": (BundleCause.MALFORMED, replace(ROTATED, threshold=0)),
    "a member more": (BundleCause.MALFORMED, replace(ROTATED, extra={"comment": "x"})),
    "of another type": (BundleCause.MALFORMED, replace(ROTATED, extra={"type": "trust"})),
    "a bundle key that is none": (
        BundleCause.MALFORMED,
        replace(ROTATED, extra={"bundle_keys": [{"spki": b"key"}]}),
    ),
}


@pytest.mark.parametrize("name", WRONG_ROOTS)
def test_wrong_roots(name: str) -> None:
    """Each is wrong in one thing, and changes nothing."""
    cause, edition = WRONG_ROOTS[name]
    taken = EDITION.trusted()
    before = state_of(taken)
    assert cause_of(lambda: taken.take_root(edition.root(), NOW)) is cause
    assert state_of(taken) == before


def test_an_older_root_is_a_rollback() -> None:
    """At the start below the floor, and later below the root in force."""
    kept = replace(EDITION, root_version=2)
    taken = TrustedSet(kept.root())
    assert cause_of(lambda: taken.take_root(EDITION.root(), NOW)) is BundleCause.ROLLBACK
    floors = {"root": Floor(version=2, digest=bytes(32))}
    assert cause_of(lambda: TrustedSet(EDITION.root(), floors=floors)) is BundleCause.ROLLBACK


def test_a_new_root_ends_the_old_bundle_key() -> None:
    """What the old key signed stays; what it signs from now on is refused."""
    taken = EDITION.trusted()
    fresh = key("bundle 2")
    next_root = replace(EDITION, root_version=2, bundle_keys=(fresh,), root_signers=ROOTS[1:])
    taken.take_root(next_root.root(), NOW)
    assert taken.trust.version == 1
    newer = replace(EDITION, version=2)
    assert cause_of(lambda: taken.take_trust(newer.trust(), NOW)) is BundleCause.UNKNOWN_KEY
    taken.take_trust(replace(newer, signer=fresh).trust(), NOW)


ROOT_SHAPES: Mapping[str, bytes] = {
    "nothing": b"",
    "an empty list": cbor.encode([]),
    "a great number": cbor.encode([10**11]),
    "a list of numbers": cbor.encode([[300]]),
    "a map of envelopes": cbor.encode({EDITION.root(): 0}),
    "a text": cbor.encode(["root"]),
    "a number": cbor.encode(5),
    "an envelope alone": cbor.decode(EDITION.root())[0],
    "two documents": cbor.encode([*cbor.decode(EDITION.root()), cbor.decode(ROTATED.root())[0]]),
    "too many envelopes": cbor.encode(cbor.decode(EDITION.root()) * 9),
    "a byte after": EDITION.root() + b"\x00",
    "shared references": b"\x82\xd8\x1c\x40\xd8\x1d\x00",
}


@pytest.mark.parametrize("name", ROOT_SHAPES)
def test_files_that_are_no_root(name: str) -> None:
    """Bytes of any shape give the refusal and nothing else."""
    assert cause_of(lambda: TrustedSet(ROOT_SHAPES[name])) is BundleCause.MALFORMED


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_as_bundles(data: bytes) -> None:
    """No bytes raise anything but the refusal."""
    taken = SETTLED
    for name in ("root", "root-2", "destroyed-1-health", *SIGNED):
        with pytest.raises(BundleRefused):
            take(taken, name, data, NOW)
    with pytest.raises(BundleRefused):
        taken.read_grant(data, NOW)


SETTLED = EDITION.trusted()


def test_every_flipped_bit_of_a_bundle_is_refused() -> None:
    """One bit anywhere in a trust bundle: refused, and nothing is changed."""
    whole = replace(EDITION, version=2, keys=()).trust()
    before = state_of(SETTLED)
    for bit in range(len(whole) * 8):
        flipped = bytearray(whole)
        flipped[bit >> 3] ^= 1 << (bit & 7)
        with pytest.raises(BundleRefused):
            SETTLED.take_trust(bytes(flipped), NOW)
    assert state_of(SETTLED) == before


def test_the_other_half_of_a_signature_is_a_fork_at_most() -> None:
    """Malleable signatures: the same document with r, n - s has other bytes, so it is a fork."""
    taken = EDITION.trusted()
    whole = replace(EDITION, version=2).trust()
    taken.take_trust(whole, NOW)
    turned = whole[:-64] + other_half(whole[-64:])
    assert cause_of(lambda: taken.take_trust(turned, NOW)) is BundleCause.FORK


def test_grants_are_read_from_the_grant_key_only() -> None:
    """The fleet's key; not a stranger's, not the bundle's, not another use of the right key."""
    taken = EDITION.trusted()
    assert taken.read_grant(EDITION.grant(GRANT), NOW) == GRANT
    for signer, cause in (
        (STRANGER, BundleCause.UNKNOWN_KEY),
        (BUNDLE, BundleCause.UNKNOWN_KEY),
        (STATUS, BundleCause.WRONG_USE),
    ):
        wrong = replace(EDITION, signer=signer).grant(GRANT)
        assert cause_of(lambda wrong=wrong: taken.read_grant(wrong, NOW)) is cause  # type: ignore[misc]


def test_a_root_lives_for_years_in_force_after_its_end() -> None:
    """An expired root that is pinned still verifies bundles; only a new one must be current."""
    old = replace(EDITION, root_exp=NOW - YEAR + 1)
    taken = TrustedSet(old.root())
    assert taken.take_trust(EDITION.trust(), NOW).value.version == 1


def test_foreign_signers_are_found_by_the_kids_their_codes_carry() -> None:
    """HC1: the stated one, of the certificate; health cards: the thumbprint as text."""
    signer = entry(COUNTRY, "credential", "test", formats=("HC1",), kid=b"of cert.", issuer="AT")
    cards = entry(CARDS, "credential", formats=("SHC",), issuer=ISSUER_ADDRESS)
    ring = replace(EDITION, keys=(signer, cards)).trusted().trust.ring
    (found,) = ring.find(b"of cert.")
    assert (found.uses, found.formats) == ({"credential", "test"}, {"HC1"})
    (card,) = ring.find(thumbprint())
    assert (card.issuer, card.formats) == (ISSUER_ADDRESS, {"SHC"})
    assert ring.find(COUNTRY.kid) == ()


def test_revoked_cards_by_kid() -> None:
    """What was taken is what a card is looked up in."""
    revoked = take(EDITION.trusted(), "cards", EDITION.cards({KID: ["a", "b.100"]}), NOW).value
    assert [revoked[KID].revokes(rid, 99) for rid in ("a", "b", "c")] == [True, True, False]
    assert not revoked[KID].revokes("b", 100)


@pytest.mark.parametrize(
    "lists", [{"short": ["a"]}, {KID + "=": ["a"]}, {KID: ["a", "b c"]}, {KID: ["x" * 25]}]
)
def test_a_list_that_is_none_spoils_the_revoked_cards(lists: Mapping[str, list[str]]) -> None:
    """One bad kid or entry refuses the whole document."""
    taken = EDITION.trusted()
    signed = EDITION.cards(lists)
    assert cause_of(lambda: take(taken, "cards", signed, NOW)) is BundleCause.MALFORMED
