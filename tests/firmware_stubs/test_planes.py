"""Planes of a terminal: snapshot and deltas, judged, kept and loaded as one thing."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import pytest

from firmware_stubs.bundles import Bundles, in_order
from firmware_stubs.planes import MAX_DELTAS, AppliedDeltas, WantedBundle, next_step
from firmware_stubs.slots import AcceptedDeltas
from tests.support.city import asks
from tests.support.keys import STRANGER
from tests.support.publisher import DAY, EDITION, NOW, Edition
from verifier.contract.bundle import BundleVersion
from verifier.contract.status import plane_of
from verifier.contract.vocabulary import Colour, Plane
from verifier.errors import BundleCause, BundleRefused
from verifier.status.plane import NO_STATUS, PlaneView

PLACE: Final = "hall-1"
NAME: Final = "status-1-health"
SIZE: Final = 64
RED: Final = int(Colour.RED)
GREEN: Final = int(Colour.GREEN)


class Stream:
    """A publisher of one plane: every delta leads on from the one before."""

    def __init__(self, version: int = 10, *, past: str = "") -> None:
        self.snapshot = edition(version, past=past).status(Plane.HEALTH, SIZE, {}, fill=GREEN)
        self.view = view_of(self.snapshot)
        self.deltas: dict[int, bytes] = {}

    def change(self, changes: Mapping[int, int] | None = None, **edits: object) -> bytes:
        """Sign the next delta; `edits` are of the edition that signs it."""
        issued = replace(edition(self.view.version + 1), **edits)  # type: ignore[arg-type]
        data = issued.delta(self.view, Plane.HEALTH, changes or {})
        if not edits:
            status = NO_STATUS.replaced(1, Plane.HEALTH, self.view)
            self.view = EDITION.trusted().take_delta(data, status, NOW).value
            self.deltas[self.view.version] = data
        return data

    def now(self) -> bytes:
        """Sign what it is now as a snapshot, of the chain that it has."""
        values = {index: self.view.values[index] for index in range(SIZE)}
        issued = replace(edition(self.view.version), extra={"chain": self.view.chain})
        return issued.status(Plane.HEALTH, SIZE, values)

    def entry(self) -> BundleVersion:
        """Return its line of the list of bundles."""
        return BundleVersion(name=NAME, version=10, digest="", head=self.view.version)


def edition(version: int, *, past: str = "") -> Edition:
    """Return the publisher at a version; `past` makes another chain."""
    return replace(EDITION, version=version, iat=NOW - 3600 + version + len(past))


def view_of(snapshot: bytes) -> PlaneView:
    """Open a snapshot."""
    return EDITION.trusted().take_status(snapshot, NOW).value


def terminal(stream: Stream) -> Bundles:
    """Make a terminal that holds the stream's snapshot."""
    bundles = Bundles(EDITION.root(), floors={}, slots={})
    for name in in_order(slots(stream)):
        bundles.adopt(bundles.offer(name, slots(stream)[name], NOW))
    return bundles


def slots(stream: Stream) -> dict[str, bytes]:
    """Return what a terminal's slots hold."""
    return {
        "root": EDITION.root(),
        "trust": EDITION.trust(),
        "profiles": EDITION.profiles(asks()),
        NAME: stream.snapshot,
    }


def take(bundles: Bundles, *deltas: bytes) -> AcceptedDeltas | None:
    """Offer deltas and adopt them, as the edge does once they are durable."""
    accepted = bundles.offer_deltas(NAME, b"".join(deltas), NOW)
    if accepted is not None:
        bundles.adopt_deltas(accepted)
    return accepted


def colour(bundles: Bundles, person: int) -> int:
    """Return a person's colour as the terminal knows it."""
    view = bundles.known.status.plane(1, Plane.HEALTH)
    assert view is not None
    return view.values[person]


def step(bundles: Bundles, entry: BundleVersion) -> WantedBundle | None:
    """Return what the terminal wants of the plane."""
    return next(iter(bundles.wanted([entry], PLACE)), None)


def test_deltas_change_what_is_known() -> None:
    """Only once they are durable; version, floor and age are theirs."""
    stream = Stream()
    bundles = terminal(stream)
    stream.change({5: RED})
    stream.change({6: RED, 5: GREEN})
    accepted = bundles.offer_deltas(NAME, b"".join(stream.deltas.values()), NOW)
    assert accepted is not None
    assert (colour(bundles, 6), bundles.versions()[NAME]) == (GREEN, 10)
    bundles.adopt_deltas(accepted)
    assert (colour(bundles, 5), colour(bundles, 6)) == (GREEN, RED)
    assert bundles.versions()[NAME] == 12
    assert bundles._trusted.floors[NAME].version == 12
    assert accepted.issued_at == stream.view.as_of
    assert bundles.slots()[NAME].version == 10


def test_what_is_not_newer_is_passed_by() -> None:
    """A bucket begins where it begins, whatever the terminal has."""
    stream = Stream()
    bundles = terminal(stream)
    stream.change({5: RED})
    take(bundles, *stream.deltas.values())
    stream.change({6: RED})
    accepted = take(bundles, *stream.deltas.values())
    assert accepted is not None
    assert (accepted.after, len(accepted.deltas)) == (1, 1)
    assert take(bundles, *stream.deltas.values()) is None
    assert colour(bundles, 6) == RED


def test_after_a_restart_slot_and_deltas_give_the_same() -> None:
    """The floor holds both to it."""
    stream = Stream()
    bundles = terminal(stream)
    stream.change({5: RED})
    stream.change({6: RED})
    kept = tuple(stream.deltas.values())
    take(bundles, *kept)
    again = Bundles(EDITION.root(), floors=bundles.floors, slots=bundles.slots())
    assert again.load(slots(stream), NOW + 3 * DAY, {NAME: kept}) == ()
    assert (colour(again, 5), colour(again, 6)) == (RED, RED)
    assert again.versions() == bundles.versions()
    stream.change({7: RED})
    accepted = take(again, stream.deltas[13])
    assert accepted is not None
    assert accepted.after == 2


@pytest.mark.parametrize("kept", [0, 1])
def test_a_slot_without_all_its_deltas_is_left_out(kept: int) -> None:
    """It stands below the floor: half of what was in use is not what was in use."""
    stream = Stream()
    bundles = terminal(stream)
    stream.change({5: RED})
    stream.change({6: RED})
    deltas = tuple(stream.deltas.values())
    take(bundles, *deltas)
    again = Bundles(EDITION.root(), floors=bundles.floors, slots=bundles.slots())
    refused = {one.name: one.cause for one in again.load(slots(stream), NOW, {NAME: deltas[:kept]})}
    assert refused == {NAME: BundleCause.ROLLBACK}
    assert step(again, stream.entry()) == WantedBundle(
        entry=stream.entry(), whole=True, buckets=(0,)
    )
    accepted = again.offer(NAME, stream.snapshot, NOW, deltas)
    again.adopt(accepted)
    assert (accepted.deltas, colour(again, 6)) == (deltas, RED)


def test_a_snapshot_below_the_floor_is_refused_alone() -> None:
    """Also with deltas that do not lead up to it."""
    stream = Stream()
    bundles = terminal(stream)
    stream.change({5: RED})
    stream.change({6: RED})
    take(bundles, *stream.deltas.values())
    for deltas in ((), (stream.deltas[11],)):
        with pytest.raises(BundleRefused) as refused:
            bundles.offer(NAME, stream.snapshot, NOW, deltas)
        assert refused.value.cause is BundleCause.ROLLBACK
    assert bundles.versions()[NAME] == 12


def test_misfits() -> None:
    """A gap, another past, a stranger's or an altered delta: nothing of the bucket is used."""
    stream, other = Stream(), Stream(past="another")
    bundles = terminal(stream)
    first, second = stream.change({5: RED}), stream.change({6: RED})
    wrong = {
        BundleCause.ORDER: second,
        BundleCause.FORK: other.change({5: RED}),
        BundleCause.UNKNOWN_KEY: first + Stream().change({7: RED}, signer=STRANGER),
        BundleCause.SIGNATURE: second[:-1] + bytes((second[-1] ^ 1,)),
        BundleCause.MALFORMED: first + b"x",
    }
    for cause, bucket in wrong.items():
        before = bundles.known, bundles.floors, bundles.versions()
        with pytest.raises(BundleRefused) as refused:
            bundles.offer_deltas(NAME, bucket, NOW)
        assert refused.value.cause is cause
        assert (bundles.known, bundles.floors, bundles.versions()) == before
        wanted = step(bundles, stream.entry())
        assert wanted is not None
        assert wanted.whole


def test_the_snapshot_sets_right_what_went_astray() -> None:
    """Into the other slot; what was kept beside the old one goes."""
    stream = Stream()
    bundles = terminal(stream)
    take(bundles, stream.change({5: RED}))
    bundles.lost(NAME)
    stream.change({6: RED})
    wanted = step(bundles, replace_version(stream.entry(), 12))
    assert wanted is not None
    assert (wanted.whole, wanted.buckets) == (True, ())
    before = bundles.slots()[NAME].slot
    accepted = bundles.offer(NAME, stream.now(), NOW)
    bundles.adopt(accepted)
    assert accepted.content.slot is before.other
    assert accepted.deltas == ()
    assert step(bundles, stream.entry()) is None
    assert colour(bundles, 6) == RED


def replace_version(entry: BundleVersion, version: int) -> BundleVersion:
    """Return the line with a newer snapshot."""
    return BundleVersion(name=entry.name, version=version, digest="", head=entry.head)


def test_deltas_of_a_plane_that_is_not_held() -> None:
    """Nothing to lead on from."""
    stream = Stream()
    bundles = Bundles(EDITION.root(), floors={}, slots={})
    with pytest.raises(BundleRefused):
        bundles.offer_deltas(NAME, stream.change({5: RED}), NOW)


def test_another_plane_s_snapshot_with_deltas_is_refused() -> None:
    """Under whatever name it comes."""
    stream = Stream()
    bundles = terminal(stream)
    stream.change({5: RED})
    for name in ("status-1-revocation", "status-2-health"):
        for deltas in ((), tuple(stream.deltas.values())):
            with pytest.raises(BundleRefused):
                bundles.offer(name, stream.snapshot, NOW, deltas)


VIEW: Final = Stream().view


@pytest.mark.parametrize(
    ("version", "head", "kept", "whole", "buckets"),
    [
        (10, 10, AppliedDeltas(view=VIEW), None, ()),
        (10, 9, AppliedDeltas(view=VIEW), None, ()),
        (10, 11, AppliedDeltas(view=VIEW), False, (0,)),
        (10, 63, AppliedDeltas(view=VIEW), False, (0,)),
        (10, 64, AppliedDeltas(view=VIEW), False, (0, 64)),
        (10, 200, AppliedDeltas(view=VIEW), False, (0, 64, 128, 192)),
        (10, 200, AppliedDeltas(view=None), True, ()),
        (10, 200, AppliedDeltas(view=None, floor=10), True, ()),
        (10, 80, AppliedDeltas(view=None, floor=11), True, (0, 64)),
        (10, 10, AppliedDeltas(view=VIEW, astray=True), True, ()),
        (10, 80, AppliedDeltas(view=VIEW, astray=True, floor=70), True, (0, 64)),
        (5000, 5001, AppliedDeltas(view=VIEW), True, ()),
        (20, 21, AppliedDeltas(view=VIEW, deltas=MAX_DELTAS), True, ()),
        (20, 21, AppliedDeltas(view=VIEW, octets=1 << 30), True, ()),
        (10, 11, AppliedDeltas(view=VIEW, deltas=MAX_DELTAS), False, (0,)),
    ],
)
def test_the_next_step(
    version: int, head: int, kept: AppliedDeltas, whole: object, buckets: tuple[int, ...]
) -> None:
    """From version 10: deltas where they do, the snapshot where they do not or are too many."""
    entry = BundleVersion(name=NAME, version=version, digest="", head=head)
    found = next_step(entry, kept)
    assert (None if found is None else found.whole) is whole
    assert (() if found is None else found.buckets) == buckets


def test_a_centre_without_deltas() -> None:
    """The list names no head: the snapshot's version is the newest."""
    old = BundleVersion(name=NAME, version=10, digest="")
    newer = BundleVersion(name=NAME, version=11, digest="")
    assert next_step(old, AppliedDeltas(view=VIEW)) is None
    assert next_step(newer, AppliedDeltas(view=VIEW)) == WantedBundle(entry=newer, whole=True)
    assert next_step(old, AppliedDeltas(view=None)) == WantedBundle(entry=old, whole=True)


@pytest.mark.parametrize(
    "name", ["status", "status-1", "status-01-health", "status-1-colour", "status-1-health-2", "x"]
)
def test_names_of_other_things(name: str) -> None:
    """A name is read exactly."""
    assert plane_of(name) is None
    assert plane_of(NAME) == (1, Plane.HEALTH)


def test_a_destroyed_plane_goes_with_all_of_it() -> None:
    """Slot and deltas in the certificate's step, over a restart too; nothing comes back."""
    stream = Stream()
    bundles = terminal(stream)
    take(bundles, stream.change({1: RED}))
    certificate = edition(20).destruction(Plane.HEALTH, last=19)
    entry = BundleVersion(name="destroyed-1-health", version=20, digest="")
    (wanted,) = bundles.wanted([entry], PLACE)
    assert wanted.whole
    accepted = bundles.offer(entry.name, certificate, NOW)
    assert accepted.ends == NAME
    assert bundles.known.status.plane(1, Plane.HEALTH) is not None
    bundles.adopt(accepted)
    assert bundles.known.status.plane(1, Plane.HEALTH) is None
    assert NAME not in bundles.slots()
    with pytest.raises(BundleRefused) as refused:
        bundles.offer(NAME, stream.now(), NOW)
    assert refused.value.cause is BundleCause.ROLLBACK
    left = slots(stream) | {entry.name: certificate}
    again = Bundles(EDITION.root(), floors=bundles.floors, slots=bundles.slots())
    assert again.load(left, NOW) == ()
    assert again.known.status.plane(1, Plane.HEALTH) is None


def test_who_never_had_a_plane_asks_for_no_certificate() -> None:
    """Nor for that of a plane of another list."""
    entry = BundleVersion(name="destroyed-2-health", version=20, digest="")
    assert terminal(Stream()).wanted([entry], PLACE) == ()
