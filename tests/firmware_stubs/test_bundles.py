from dataclasses import replace
from hashlib import sha256

import pytest

from firmware_stubs.bundles import Bundles, in_order
from firmware_stubs.slots import Accepted, Slot, SlotContent
from tests.support.city import asks
from tests.support.foreign import taking
from tests.support.health import thumbprint
from tests.support.judgements import BY_APPOINTMENT, booked
from tests.support.keys import BUNDLE, NEW_ROOTS, ROOTS, STRANGER
from tests.support.publisher import DAY, EDITION, NOW, Edition
from verifier.contract.bundle import BundleVersion
from verifier.contract.vocabulary import Plane
from verifier.errors import BundleCause, BundleRefused

PLACE = "hall-1"
SECOND = replace(EDITION, version=2)


def empty() -> Bundles:
    """Make a terminal's bundles at its first start."""
    return Bundles(EDITION.root(), floors={}, slots={})


def take(bundles: Bundles, name: str, data: bytes, now: float = NOW) -> Accepted:
    """Offer and adopt a bundle, as the edge does once its slot is on disk."""
    accepted = bundles.offer(name, data, now)
    bundles.adopt(accepted)
    return accepted


def equipped(edition: Edition = EDITION) -> tuple[Bundles, dict[str, bytes]]:
    """Take what a terminal needs; also return the bytes."""
    bundles = empty()
    contents = {
        "root": edition.root(),
        "trust": edition.trust(),
        "profiles": edition.profiles(asks()),
        "status-1-revocation": edition.status(Plane.REVOCATION, 64, {}),
        "status-1-health": edition.status(Plane.HEALTH, 64, {}, fill=1),
    }
    for name in in_order(contents):
        take(bundles, name, contents[name])
    return bundles, contents


def again(bundles: Bundles, contents: dict[str, bytes], now: float = NOW) -> Bundles:
    """Restart: load the slots from what was durable."""
    restarted = Bundles(EDITION.root(), floors=bundles.floors, slots=bundles.slots())
    restarted.load(contents, now)
    return restarted


def test_nothing_is_usable_at_first() -> None:
    """A pinned root alone decides nothing."""
    assert not empty().usable


def test_usable_with_trust_and_profiles() -> None:
    """And the planes are there to be asked."""
    bundles, _ = equipped()
    assert bundles.usable
    assert bundles.profile(PLACE) is not None
    assert bundles.known.status.plane(1, Plane.HEALTH) is not None


def test_offered_is_not_used_before_it_is_adopted() -> None:
    """What is judged is not yet durable."""
    bundles, _ = equipped()
    before = bundles.known, bundles.profiles, bundles.versions(), bundles.floors
    bundles.offer("trust", SECOND.trust(), NOW)
    bundles.offer("profiles", SECOND.profiles(asks(static=False)), NOW)
    assert (bundles.known, bundles.profiles, bundles.versions(), bundles.floors) == before


@pytest.mark.parametrize(
    ("name", "data", "cause"),
    [
        ("trust", replace(SECOND, signer=STRANGER).trust(), BundleCause.UNKNOWN_KEY),
        ("trust", b"", BundleCause.MALFORMED),
        ("trust", replace(EDITION, exp=NOW + DAY - 1).trust(), BundleCause.FORK),
        ("profiles", SECOND.profiles({"place": "x"}), BundleCause.MALFORMED),
        ("profiles", replace(SECOND, exp=NOW - 1).profiles(asks()), BundleCause.EXPIRED),
        ("status-1-health", SECOND.status(Plane.REVOCATION, 64, {}), BundleCause.MALFORMED),
        ("status-7-health", SECOND.status(Plane.HEALTH, 64, {}), BundleCause.MALFORMED),
        ("../../etc/passwd", SECOND.trust(), BundleCause.MALFORMED),
        ("root", replace(EDITION, root_keys=NEW_ROOTS).root(), BundleCause.SIGNATURE),
    ],
)
def test_refused_bundle_changes_nothing(name: str, data: bytes, cause: BundleCause) -> None:
    """What was in use stays in use, and the slots are as they were."""
    bundles, _ = equipped()
    before = bundles.known, bundles.profiles, bundles.slots(), bundles.floors
    with pytest.raises(BundleRefused) as refused:
        bundles.offer(name, data, NOW)
    assert refused.value.cause is cause
    assert (bundles.known, bundles.profiles, bundles.slots(), bundles.floors) == before


REVOKED = {thumbprint(): ["MKyCxh7p6uQ"]}


@pytest.mark.parametrize("wanted", [False, True])
def test_revoked_cards_are_for_places_that_take_cards(*, wanted: bool) -> None:
    """No other terminal fetches them."""
    bundles, _ = equipped()
    take(bundles, "profiles", SECOND.profiles(taking(asks(), "CC1", "SHC") if wanted else asks()))
    index = [BundleVersion(name="cards", version=1, digest="00" * 32)]
    assert bool(bundles.wanted(index, PLACE)) is wanted
    assert bundles.wanted(index, "nowhere") == ()


def test_revoked_cards_are_known_over_a_restart() -> None:
    """An older list is refused, a newer one counts; nothing else that is known goes."""
    bundles, contents = equipped()
    contents["cards"] = SECOND.cards(REVOKED)
    take(bundles, "cards", contents["cards"])
    with pytest.raises(BundleRefused) as refused:
        bundles.offer("cards", EDITION.cards({}), NOW)
    assert refused.value.cause is BundleCause.ROLLBACK
    restarted = again(bundles, contents)
    for found in (bundles, restarted):
        assert found.known.revoked_cards[thumbprint()].revokes("MKyCxh7p6uQ", 0)
        assert found.known.status.plane(1, Plane.HEALTH) is not None
        assert found.known.trust.version == 1
    take(restarted, "trust", SECOND.trust())
    assert restarted.known.revoked_cards
    take(restarted, "cards", replace(EDITION, version=3).cards({}))
    assert not restarted.known.revoked_cards


def test_slots_alternate() -> None:
    """The slot in use is never the one that is written."""
    bundles, _ = equipped()
    slots = []
    for version in range(2, 6):
        accepted = take(bundles, "trust", replace(EDITION, version=version).trust())
        slots.append(accepted.content.slot)
    assert slots == [Slot.B, Slot.A, Slot.B, Slot.A]


def test_restart_finds_the_same() -> None:
    """Versions, profile and planes are those of before."""
    bundles, contents = equipped()
    restarted = again(bundles, contents)
    assert restarted.usable
    assert restarted.versions() == bundles.versions()


def test_expired_stays_loaded() -> None:
    """Over a restart too: its age is for the stance, not for a stop."""
    bundles, contents = equipped()
    restarted = again(bundles, contents, NOW + 3 * DAY)
    assert restarted.usable
    assert restarted.known.trust.expires < NOW + 3 * DAY


@pytest.mark.parametrize("name", ["trust", "profiles", "status-1-health"])
def test_damaged_slot_is_left_out(name: str) -> None:
    """It is fetched again; a terminal without trust or profiles is not usable."""
    bundles, contents = equipped()
    contents[name] = contents[name][:-1] + b"x"
    restarted = Bundles(EDITION.root(), floors=bundles.floors, slots=bundles.slots())
    assert next(refused.name for refused in restarted.load(contents, NOW)) == name
    assert name not in restarted.slots()
    assert restarted.usable == name.startswith("status")


def test_floors_survive_a_reset() -> None:
    """Wiped of its slots, a terminal still refuses what is older than what it had."""
    bundles, _ = equipped()
    take(bundles, "trust", SECOND.trust())
    bundles.reset()
    assert not bundles.usable
    with pytest.raises(BundleRefused) as refused:
        bundles.offer("trust", EDITION.trust(), NOW)
    assert refused.value.cause is BundleCause.ROLLBACK
    take(bundles, "trust", SECOND.trust())


def test_older_pinned_root_is_not_sound() -> None:
    """After a reset the pinned root must first be followed up to where it once was."""
    newer = replace(
        EDITION, root_version=2, root_keys=NEW_ROOTS, root_signers=(*ROOTS[:2], *NEW_ROOTS[:2])
    )
    bundles, contents = equipped()
    take(bundles, "root", newer.root())
    contents["root"] = newer.root()
    assert again(bundles, contents).usable
    reset = Bundles(EDITION.root(), floors=bundles.floors, slots={})
    with pytest.raises(BundleRefused) as refused:
        take(reset, "trust", EDITION.trust())
    assert refused.value.cause is BundleCause.ORDER
    assert not reset.usable
    take(reset, "root", newer.root())
    take(reset, "trust", EDITION.trust())
    take(reset, "profiles", EDITION.profiles(asks()))
    assert reset.usable


def test_refused_content_does_not_lose_the_version_in_use() -> None:
    """A well-signed bundle of unusable profiles must not raise the floor over a restart."""
    bundles, contents = equipped()
    with pytest.raises(BundleRefused):
        bundles.offer("profiles", SECOND.profiles({"place": "x"}), NOW)
    take(bundles, "trust", SECOND.trust())
    contents["trust"] = SECOND.trust()
    assert again(bundles, contents).usable


def index(*names: str, digest: bytes = b"") -> list[BundleVersion]:
    """Make an index of bundles."""
    return [BundleVersion(name=name, version=9, digest=digest.hex()) for name in names]


def test_only_needed_planes_are_wanted() -> None:
    """Health where colours are asked; of the place itself, what its profile asks for."""
    offered = index(
        "status-1-health", "profiles", "status-1-test", "root", "rosters-hall-1",
        "rosters-hall-2", "rosters", "status-1-revocation", "trust", "status-1-doses",
        "status-../x-revocation", "anything", "appointments-hall-1", "appointments-hall-2",
    )  # fmt: skip
    bundles, _ = equipped()
    everything = [
        *("root", "trust", "profiles"),
        *("rosters-hall-1", "status-1-health", "status-1-revocation"),
    ]
    assert [step.name for step in bundles.wanted(offered, PLACE)] == everything
    take(bundles, "profiles", SECOND.profiles(asks(colours=[], kinds=["personal"])))
    less = ["root", "trust", "profiles", "status-1-revocation"]
    assert [step.name for step in bundles.wanted(offered, PLACE)] == less
    asking = replace(EDITION, version=3).profiles(dict(BY_APPOINTMENT) | {"colours": []})
    take(bundles, "profiles", asking)
    more = [*less[:3], "appointments-hall-1", less[3]]
    assert [step.name for step in bundles.wanted(offered, PLACE)] == more


def test_what_is_held_is_not_wanted() -> None:
    """The digest tells."""
    bundles, _ = equipped()
    held = bundles.slots()["trust"]
    assert not bundles.wanted(index("trust", digest=held.digest), PLACE)


def test_floor_goes_with_the_slot() -> None:
    """Both are of the version that was accepted."""
    accepted = take(empty(), "trust", EDITION.trust())
    digest = accepted.content.digest
    assert accepted.content == SlotContent(slot=Slot.A, version=1, digest=digest)
    (floor,) = accepted.floors["trust"]
    assert (floor.version, floor.digest, floor.signer[:8]) == (1, digest, BUNDLE.kid)
    assert accepted.issued_at == EDITION.iat


def test_what_was_offered_is_not_trusted_until_it_is_adopted() -> None:
    """If its slot cannot be written, everything goes on as before."""
    bundles, contents = equipped()
    bundles.offer("trust", SECOND.trust(), NOW)
    assert bundles.known.trust.version == 1
    assert (
        take(bundles, "profiles", replace(SECOND, version=2).profiles(asks())).content.version == 2
    )
    assert again(bundles, contents | {"profiles": b""}).known.trust.version == 1


def test_a_newer_pinned_root_counts_over_an_older_slot() -> None:
    """A terminal that comes back with a newer root does not fall back to the one it held."""
    bundles, contents = equipped()
    newer = replace(EDITION, root_version=2)
    restarted = Bundles(newer.root(), floors=bundles.floors, slots=bundles.slots())
    refused = {one.name: one.cause for one in restarted.load(contents, NOW)}
    assert refused["root"] == BundleCause.ROLLBACK
    assert restarted.versions()["root"] == 2


def test_missed_roots_are_taken_one_by_one() -> None:
    """A terminal at root 1 finds 2 on the shelf beside 4 and 3: each in turn, in one slot."""
    editions = {n: replace(EDITION, root_version=n) for n in (1, 2, 3, 4)}
    expired = replace(editions[2], root_exp=NOW - 1)
    contents = {
        "root": editions[4].root(),
        "root-3": editions[3].root(),
        "root-2": expired.root(),
        "root-1": editions[1].root(),
    }
    index = [
        BundleVersion(name=name, version=4, digest=sha256(data).hexdigest())
        for name, data in contents.items()
    ]
    bundles, taken = empty(), []
    while wanted := bundles.wanted(index, PLACE):
        name = wanted[0].name
        assert take(bundles, name, contents[name]).name == "root"
        taken.append(name)
    assert taken == ["root-2", "root-3", "root"]
    assert bundles.versions()["root"] == 4
    restarted = again(bundles, {"root": contents["root"]})
    assert restarted.versions()["root"] == 4


def test_a_restart_after_rotated_roots_keeps_what_old_keys_signed() -> None:
    """The newest root alone is kept; what was accepted under an older one stays in force."""
    bundles, contents = equipped()
    for version in (2, 3, 4):
        rotated = replace(EDITION, root_version=version, bundle_keys=(STRANGER,)).root()
        take(bundles, "root", rotated)
    contents["root"] = rotated
    restarted = again(bundles, contents)
    assert restarted.usable
    assert restarted.versions() == bundles.versions()
    assert again(restarted, contents, now=NOW - DAY).usable  # its clock is not set yet
    planted = replace(EDITION, version=2).profiles(asks(colours=[]))
    with pytest.raises(BundleRefused) as refused:
        restarted.offer("profiles", planted, NOW)
    assert refused.value.cause is BundleCause.UNKNOWN_KEY
    slots = dict(bundles.slots())
    slots["profiles"] = replace(slots["profiles"], digest=sha256(planted).digest())
    tampered = Bundles(EDITION.root(), floors=bundles.floors, slots=slots)
    lost = tampered.load(contents | {"profiles": planted}, NOW)
    assert [(it.name, it.cause) for it in lost] == [("profiles", BundleCause.UNKNOWN_KEY)]


def test_what_is_known_of_persons_goes_with_the_profile_that_asked_for_it() -> None:
    """Health and rosters; the floor stays, and it is fetched anew when it is asked for again."""
    bundles, _ = equipped()
    take(bundles, "rosters-hall-1", EDITION.rosters())
    assert bundles.unneeded(PLACE) == ()
    take(bundles, "profiles", SECOND.profiles(asks(colours=[], kinds=["personal"])))
    assert bundles.unneeded(PLACE) == ("rosters-hall-1", "status-1-health")
    for name in bundles.unneeded(PLACE):
        bundles.drop(name)
    assert bundles.known.status.plane(1, Plane.HEALTH) is None
    assert bundles.known.status.plane(1, Plane.REVOCATION) is not None
    assert bundles._trusted.floors["status-1-health"].version == 1
    assert "status-1-health" not in bundles.versions()
    third = replace(EDITION, version=3).profiles(asks())
    take(bundles, "profiles", third)
    assert "status-1-health" in {it.name for it in bundles.wanted(index("status-1-health"), PLACE)}


def test_appointments_are_known_until_the_place_asks_for_none() -> None:
    """Of its own place alone; held over a restart, also past their exp; gone when unasked."""
    bundles, contents = equipped()
    take(bundles, "profiles", SECOND.profiles(BY_APPOINTMENT))
    signed = EDITION.appointments(booked(0, 600))
    accepted = take(bundles, "appointments-hall-1", signed)
    assert (accepted.content.version, accepted.issued_at) == (1, EDITION.iat)
    assert bundles.known.appointments[PLACE].expects(1, 77, NOW, early=0, late=0)
    elsewhere = EDITION.appointments(booked(0, 600), place="hall-2")
    for name, data, cause in (
        ("appointments-hall-1", elsewhere, BundleCause.MALFORMED),
        ("appointments-hall-1", replace(EDITION, version=2, exp=NOW - 1).appointments(),
         BundleCause.EXPIRED),
        ("appointments-hall-1", EDITION.appointments(), BundleCause.FORK),
    ):  # fmt: skip
        with pytest.raises(BundleRefused) as refused:
            bundles.offer(name, data, NOW)
        assert refused.value.cause is cause
    kept = contents | {
        "profiles": SECOND.profiles(BY_APPOINTMENT), "appointments-hall-1": signed,
    }  # fmt: skip
    restarted = again(bundles, kept, NOW + 2 * DAY)
    assert restarted.known.appointments.keys() == {PLACE}
    take(restarted, "profiles", replace(EDITION, version=3).profiles(asks()))
    assert restarted.unneeded(PLACE) == ("appointments-hall-1",)
    restarted.drop("appointments-hall-1")
    assert not restarted.known.appointments
    assert restarted._trusted.floors["appointments-hall-1"].version == 1


def test_nothing_is_dropped_without_profiles() -> None:
    """Nobody has said yet what the place asks."""
    bundles, contents = equipped()
    again_without = Bundles(EDITION.root(), floors=bundles.floors, slots=bundles.slots())
    again_without.load(contents | {"profiles": b""}, NOW)
    assert again_without.unneeded(PLACE) == ()
