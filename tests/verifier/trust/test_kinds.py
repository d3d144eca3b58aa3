"""The table of kinds: names are read exactly, rows are whole, each comes after what it leans on."""

from dataclasses import replace

import msgspec
import pytest

from tests.support.city import asks
from tests.support.foreign import taking
from tests.support.keys import ROSTER as ROSTER_KEY
from tests.support.publisher import EDITION, NOW, entry
from verifier.contract.bundle import PlaceDocument, Roster, RosterMember
from verifier.contract.vocabulary import Plane
from verifier.errors import BundleCause, BundleRefused
from verifier.policy.profiles import check_profile, resolve
from verifier.trust.bundle_kind import Naming, TerminalNeeds
from verifier.trust.kinds import (
    APPOINTMENTS,
    DESTROYED,
    KINDS,
    ROOT,
    ROSTERS,
    STATUS,
    TRUST,
    in_order,
    needed,
    place_of,
    read_name,
    take,
)
from verifier.trust.known import NOTHING_KNOWN
from verifier.trust.signed_document import SignedKind

ROSTER = Roster(
    group=bytes(8), version=1, iat=NOW, list=1, members=(RosterMember(person=1, masked_name="陈*"),)
)

NAMES = {
    "root": ROOT,
    "root-7": ROOT,
    "trust": TRUST,
    "rosters-hall-1": ROSTERS,
    "appointments-metro-1": APPOINTMENTS,
    "status-1-health": STATUS,
    "destroyed-4294967295-doses": DESTROYED,
}
NO_NAMES = (
    *("", "-", "x", "rosters", "rosters-", "rosters-H", "rosters-a", "roster-hall-1", "trust-"),
    *("trust-1", "trusty", "root-", "root-0", "root-01", "root-x", "cards-hall-1", "cards "),
    *("status", "status-1", "status-01-health", "status-1-colour", "status-1-health-2"),
    *("destroyed-1", "destroyed-1-colour", "../../etc/passwd", "rosters-hall-1\n", "profiles\n"),
)


@pytest.mark.parametrize("text", NAMES)
def test_names_are_read(text: str) -> None:
    """Each by the row that its word names."""
    name = read_name(text)
    assert name is not None
    assert (name.text, name.kind) == (text, NAMES[text])


def test_what_a_name_says() -> None:
    """Its place, its plane or its step; a step lies in the slot of the newest."""
    of_place, plane, step = map(read_name, ("rosters-hall-1", "status-2-test", "root-7"))
    assert of_place is not None
    assert plane is not None
    assert step is not None
    assert (of_place.place, plane.plane, step.step) == ("hall-1", (2, Plane.TEST), 7)
    assert [it.slot for it in (of_place, plane, step)] == [
        "rosters-hall-1",
        "status-2-test",
        "root",
    ]
    assert (place_of("rosters-hall-1"), place_of("trust"), place_of("x-hall-1")) == (
        *("hall-1", None, None),
    )


@pytest.mark.parametrize("text", NO_NAMES)
def test_names_of_nothing_are_refused(text: str) -> None:
    """A name is read exactly; nothing is taken under another."""
    assert read_name(text) is None
    with pytest.raises(BundleRefused) as caught:
        take(EDITION.trusted(), text, EDITION.trust(), NOW)
    assert caught.value.cause is BundleCause.MALFORMED


def test_rows_are_whole() -> None:
    """A word without a dash; a place's document states the place; what lands can be taken back."""
    for word, kind in KINDS.items():
        assert kind.word == word
        assert word.isalpha()
        assert not kind.plane or kind.naming is Naming.PLANE
        assert issubclass(kind.document, PlaceDocument) is (kind.naming is Naming.PLACE)
        name = kind.name(
            {Naming.PLACE: f"{word}-hall-1", Naming.PLANE: f"{word}-1-health"}.get(
                kind.naming, word
            )
        )
        assert name is not None
        assert kind.lands.without(NOTHING_KNOWN, name).trust is NOTHING_KNOWN.trust


def test_each_comes_after_what_it_leans_on() -> None:
    """Roots one by one, the newest last of them; what has no known name at the very end."""
    names = (
        *("x", "status-1-health", "rosters-hall-1", "profiles", "root-10", "trust", "root"),
        *("root-9", "cards", "destroyed-1-health"),
    )
    assert in_order(names) == (
        *("root-9", "root-10", "root", "trust", "profiles"),
        *("cards", "destroyed-1-health", "rosters-hall-1", "status-1-health", "x"),
    )


EVERYTHING = (
    *("root", "root-2", "root-3", "trust", "profiles", "cards", "rosters-hall-1"),
    *("rosters-hall-2", "appointments-hall-1", "status-1-revocation", "status-1-health"),
    *("status-1-test", "destroyed-1-health", "destroyed-1-test", "x"),
)
ALWAYS = {"root", "root-2", "trust", "profiles", "status-1-revocation"}


@pytest.mark.parametrize(
    ("profile", "held", "more"),
    [
        (None, (), set()),
        (asks(colours=[], kinds=["personal"]), (), set()),
        (asks(colours=["green"], kinds=["personal"]), (), {"status-1-health"}),
        (asks(colours=[], kinds=["group"]), (), {"rosters-hall-1"}),
        (taking(asks(colours=[], kinds=["personal"]), "SHC"), (), {"cards"}),
        (
            asks(colours=[], kinds=["personal"], appointment="required"),
            (),
            {"appointments-hall-1"},
        ),
        (None, ("status-1-health",), {"destroyed-1-health"}),
        (None, ("destroyed-1-test",), {"destroyed-1-test"}),
    ],
)
def test_what_a_terminal_needs(
    profile: dict[str, object] | None, held: tuple[str, ...], more: set[str]
) -> None:
    """By its place, what the place asks, and what it holds."""
    at = TerminalNeeds(
        place="hall-1",
        profile=None if profile is None else resolve(check_profile(profile), 1),
        held=held,
        root_version=1,
    )
    assert {name for name in EVERYTHING if needed(name, at)} == ALWAYS | more


def test_a_root_that_is_behind_is_only_handed_on() -> None:
    """A worker keeps it for terminals that slept through it."""
    trusted = EDITION.trusted()
    for text, passed in (("root-1", True), ("root-2", False), ("root", False)):
        name = read_name(text)
        assert name is not None
        assert name.kind.passed(name, trusted) is passed


def test_roster_keys_speak_only_for_their_lists() -> None:
    """A key of one issuer's groups names no members of another's, whatever else it names."""
    other = msgspec.structs.replace(ROSTER, group=bytes(7) + b"\x01", list=3)
    for rosters in ((other,), (ROSTER, other)):
        taken = EDITION.trusted()
        signed = EDITION.rosters(*rosters)
        before = (dict(taken.floors), taken.trust)
        for held in (False, True):  # what was kept is asked the same
            with pytest.raises(BundleRefused) as refused:
                take(taken, "rosters-hall-1", signed, NOW, held=held)
            assert refused.value.cause is BundleCause.WRONG_USE
        assert (taken.floors, taken.trust) == before
    take(EDITION.trusted(), "rosters-hall-1", EDITION.rosters(ROSTER), NOW)
    ungranted = replace(EDITION, keys=(EDITION.keys[0], entry(ROSTER_KEY, "roster"))).trusted()
    signed = EDITION.rosters(ROSTER)
    with pytest.raises(BundleRefused):
        take(ungranted, "rosters-hall-1", signed, NOW)


def test_every_kind_of_a_key_in_the_trust_bundle_says_its_lists() -> None:
    """A new kind that such a key signs is bound to lists too, by its name or by `lists`.

    A grant and an operator's token name no list; only the fleet's own keys sign them.
    """
    silent = SignedKind(word="x").lists
    for kind in KINDS.values():
        if kind.key_use is not None:
            assert kind.naming is Naming.PLANE or kind.lists is not silent
