"""Bundles on a terminal: two slots a bundle, and floors that no reset lowers. Pure.

- Nothing is used before `verifier.trust.bundle` accepted it. `offer` only judges; the edge writes
  the bytes into the slot that is not in use, makes slot and floors durable in one step, and then
  `adopt` puts them in use. Whatever dies in between, the slot in use was never written to.
- Floors (version and digest of the newest bundle that was in use) are kept outside the slots and
  survive a reset, so that an older bundle stays refused.
- What was accepted and expires while loaded stays loaded, also over a restart: decisions go to the
  stance with trust.stale, never to a stop. What arrives expired is refused.
- A plane is a snapshot in a slot and the deltas taken in since (`planes.py`): `offer_deltas`, then
  durable together with the floor, then `adopt_deltas`. The slot's bytes stay as they are.
- Person planes are fetched only where the place's profile needs them. One that was destroyed goes
  with everything of it when its certificate is taken, and never comes back.
Document: docs/terminal.md, "Bundles".
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from firmware_stubs.planes import (
    AppliedDeltas,
    WantedBundle,
    follow,
    next_step,
    plane_name,
    split,
    take_snapshot,
)
from firmware_stubs.slots import Accepted, AcceptedDeltas, Refused, Slot, SlotContent, Value
from verifier.contract.bundle import (
    APPOINTMENTS_OF,
    CARDS,
    OF_PLACE,
    ROOT_STEP,
    ROSTERS_OF,
    BundleVersion,
    TrustDocument,
    read_document,
)
from verifier.contract.destruction import CERTIFICATE_OF, Destruction
from verifier.contract.envelope import take_apart
from verifier.contract.errors import MalformedError
from verifier.contract.vocabulary import Format, Kind, Plane
from verifier.engine import Known
from verifier.errors import BundleCause, BundleRefused
from verifier.groups.roster import NO_ROSTERS, PlaceRosters
from verifier.policy.profiles import NO_PROFILES, Profiles, ResolvedProfile
from verifier.sectors.appointments import PlaceAppointments
from verifier.status.plane import NO_STATUS, PlaneView
from verifier.trust.bundle import NO_TRUST, Floor, TakenCards, TrustedSet

ROOT: Final = "root"
_ORDER: Final = (ROOT, "trust", "profiles")
"""Each leans on the ones before it; cards, rosters, appointments and status planes come last."""
MAX_BUNDLES: Final = 64
"""Names a terminal takes from an index; a city has about ten."""


class Bundles:
    """What a terminal judges by: trust, profiles, its place's people, planes; with their slots."""

    def __init__(
        self, pinned_root: bytes, *, floors: Mapping[str, Floor], held: Mapping[str, SlotContent]
    ) -> None:
        """Start from the root that came with the terminal, and from what is durable.

        Raises:
            BundleRefused: the pinned root is none.
        """
        self._held = dict(held)
        self._floors = dict(floors)
        self._deltas: dict[str, tuple[bytes, ...]] = {}
        self._astray: set[str] = set()
        """Planes whose last deltas did not fit."""
        self._pinned = pinned_root
        self._trusted = self._start(pinned_root)
        self.known = Known(trust=NO_TRUST, status=NO_STATUS, rosters=NO_ROSTERS)
        self.profiles = NO_PROFILES

    def _start(self, root_file: bytes) -> TrustedSet:
        # The root's own floor is compared by `sound`: the pinned root may be older than it.
        floors = {name: floor for name, floor in self._floors.items() if name != ROOT}
        return TrustedSet(root_file, floors=floors)

    @property
    def sound(self) -> bool:
        """Whether the root in force is not older than one that was accepted before."""
        floor = self._floors.get(ROOT)
        return floor is None or self._trusted.root_version >= floor.version

    @property
    def usable(self) -> bool:
        """Whether the terminal can decide alone: a sound root, trust and profiles."""
        return self.sound and self.known.trust.version > 0 and self.profiles.version > 0

    @property
    def floors(self) -> Mapping[str, Floor]:
        """Return the floors of all that was ever in use."""
        return dict(self._floors)

    def held(self) -> Mapping[str, SlotContent]:
        """Return what the slots in use hold, by name."""
        return dict(self._held)

    def versions(self) -> dict[str, int]:
        """Return name -> version of what is in use."""
        return {ROOT: self._trusted.root_version} | {
            name: held.version if (view := self._view(name)) is None else view.version
            for name, held in self._held.items()
        }

    def profile(self, place: str) -> ResolvedProfile | None:
        """Return the profile of a place; None is a denial."""
        return self.profiles.at(place)

    def load(
        self,
        contents: Mapping[str, bytes],
        now: float,
        deltas: Mapping[str, tuple[bytes, ...]] | None = None,
    ) -> tuple[Refused, ...]:
        """Load the slots in use at start, in order, and the deltas kept beside them.

        What does not hold is left out, a slot with its deltas.

        `now` must not lie below the clock's floor, or keys would not yet be in their window.
        """
        refused, kept = [], {} if deltas is None else deltas
        for name in in_order(self._held):
            data, held = contents.get(name, b""), self._held[name]
            if hashlib.sha256(data).digest() != held.digest:
                refused.append(Refused(name=name, cause="damaged"))
                del self._held[name]
                continue
            try:
                if name == ROOT:
                    self._start_from(data)
                else:
                    beside = kept.get(name, ())
                    self._put(name, _held(self._trusted, name, data, beside, now))
                    self._deltas[name] = beside
            except BundleRefused as error:
                refused.append(Refused(name=name, cause=error.cause))
                del self._held[name]
        return tuple(refused)

    def _start_from(self, root_file: bytes) -> None:
        """Start the set from a root accepted before, unless the terminal came with a newer one."""
        accepted = self._start(root_file)
        if accepted.root_version < self._trusted.root_version:
            raise BundleRefused(BundleCause.ROLLBACK, "older than the pinned root")
        self._trusted = accepted

    def offer(self, name: str, data: bytes, now: float, deltas: Sequence[bytes] = ()) -> Accepted:
        """Judge bytes that came from outside; nothing is in use yet.

        `deltas` of a snapshot lead on from it; those that are not newer are passed by.

        Raises:
            BundleRefused: they are not acceptable; everything stays as it was.
        """
        trial = self._trusted.copy()
        used: tuple[bytes, ...] = ()
        value: Value
        if (plane := plane_name(name)) is not None:
            led, version = take_snapshot(trial, plane, data, deltas, now)
            value, used, issued_at = led.view, led.used, led.issued_at
        else:
            value, version, issued_at = _judged(trial, name, data, now)
        name = ROOT if ROOT_STEP.fullmatch(name) else name  # one slot: a step is the root then
        before = self._held.get(name)
        slot = Slot.A if before is None else before.slot.other
        held = SlotContent(slot=slot, version=version, digest=hashlib.sha256(data).digest())
        return Accepted(
            name=name,
            held=held,
            floor=trial.floors[name],
            issued_at=issued_at,
            value=value,
            trusted=trial,
            deltas=used,
            ends=value.bundle if isinstance(value, Destruction) else None,
        )

    def offer_deltas(self, name: str, bucket: bytes, now: float) -> AcceptedDeltas | None:
        """Judge a bucket of deltas of a plane in use; nothing is in use yet. None: nothing newer.

        Raises:
            BundleRefused: they do not fit; everything stays as it was, and the snapshot is wanted.
        """
        view, plane = self._view(name), plane_name(name)
        if view is None or plane is None:
            raise BundleRefused(BundleCause.ORDER, "deltas of a plane that is not held")
        trial = self._trusted.copy()
        try:
            led = follow(trial, plane, view, split(bucket), now)
        except BundleRefused:
            self._astray.add(name)
            raise
        if not led.used:
            return None
        return AcceptedDeltas(
            name=name,
            after=len(self._deltas.get(name, ())),
            deltas=led.used,
            floor=trial.floors[name],
            issued_at=led.issued_at,
            view=led.view,
            trusted=trial,
        )

    def adopt(self, accepted: Accepted) -> None:
        """Use what was accepted, now that its slot and floors are durable."""
        self._trusted = accepted.trusted
        self._held[accepted.name] = accepted.held
        self._floors[accepted.name] = accepted.floor
        self._deltas[accepted.name] = accepted.deltas
        self._astray.discard(accepted.name)
        if accepted.ends is not None:
            self._held.pop(accepted.ends, None)
            self._deltas.pop(accepted.ends, None)
        if accepted.name != ROOT:
            self._put(accepted.name, accepted.value)

    def adopt_deltas(self, accepted: AcceptedDeltas) -> None:
        """Use deltas, now that they and the floor are durable."""
        self._trusted = accepted.trusted
        self._floors[accepted.name] = accepted.floor
        self._deltas[accepted.name] = (*self._deltas.get(accepted.name, ()), *accepted.deltas)
        self._put(accepted.name, accepted.view)

    def lost(self, name: str) -> None:
        """Note that the centre has no deltas for what is held: the snapshot is wanted."""
        self._astray.add(name)

    def wanted(self, index: Iterable[BundleVersion], place: str) -> tuple[WantedBundle, ...]:
        """Choose from an index what is needed here and is not what is held, in order of taking."""
        offered = {entry.name: entry for entry in index}
        names = [name for name in offered if self._needed(name, place)][:MAX_BUNDLES]
        steps = (self._step(offered[name]) for name in in_order(names))
        return tuple(step for step in steps if step is not None)

    def _step(self, entry: BundleVersion) -> WantedBundle | None:
        name = entry.name
        held, floor = self._held.get(name), self._floors.get(name)
        if plane_name(name) is None:
            same = held is not None and held.digest.hex() == entry.digest
            return None if same else WantedBundle(entry=entry, whole=True)
        deltas = self._deltas.get(name, ())
        kept = AppliedDeltas(
            view=None if held is None else self._view(name),
            deltas=len(deltas),
            octets=sum(map(len, deltas)),
            astray=name in self._astray,
            floor=0 if floor is None else floor.version,
        )
        return next_step(entry, kept)

    def _view(self, name: str) -> PlaneView | None:
        plane = plane_name(name)
        return None if plane is None else self.known.status.plane(*plane)

    def unneeded(self, place: str) -> tuple[str, ...]:
        """Return what is held of persons although the place's profile does not ask for it."""
        if not self.usable:
            return ()
        return tuple(name for name in sorted(self._held) if not self._needed(name, place))

    def drop(self, name: str) -> None:
        """Know nothing more of a plane or of its place's people, now that they are off the disk."""
        self._held.pop(name, None)
        self._deltas.pop(name, None)
        self._astray.discard(name)
        known = self.known
        if (plane := plane_name(name)) is not None:
            self.known = replace(known, status=known.status.without(*plane))
        elif (of := ROSTERS_OF.fullmatch(name)) is not None:
            self.known = replace(known, rosters=known.rosters.without(of[1]))
        elif APPOINTMENTS_OF.fullmatch(name):
            self.known = replace(known, appointments={})
        elif name == CARDS:
            self.known = replace(known, revoked_cards={})

    def reset(self) -> None:
        """Forget all slots, as a terminal does that is wiped; floors stay."""
        self._held.clear()
        self._deltas.clear()
        self._astray.clear()
        self._trusted = self._start(self._pinned)
        self.known = Known(trust=NO_TRUST, status=NO_STATUS, rosters=NO_ROSTERS)
        self.profiles = NO_PROFILES

    def _needed(self, name: str, place: str) -> bool:
        if (step := ROOT_STEP.fullmatch(name)) is not None:
            return int(step[1]) == self._trusted.root_version + 1
        if name in (ROOT, "trust", "profiles"):
            return True
        profile = self.profile(place)
        if name == CARDS:
            return profile is not None and Format.SHC in profile.formats
        if (of := OF_PLACE.fullmatch(name)) is not None:
            return profile is not None and of[1] == place and _asked(name, profile)
        if (of := CERTIFICATE_OF.fullmatch(name)) is not None:
            # Whoever never had the plane need not hear that it is no more.
            return name in self._held or f"status-{of[1]}-{of[2]}" in self._held
        plane = plane_name(name)
        if plane is None:
            return False
        if plane.plane is Plane.REVOCATION:
            return True
        return plane.plane is Plane.HEALTH and profile is not None and bool(profile.passing)

    def _put(self, name: str, value: Value) -> None:
        known = self.known
        if isinstance(value, Profiles):
            self.profiles = value
        elif isinstance(value, TakenCards):
            self.known = replace(known, revoked_cards=value.value)
        elif isinstance(value, PlaceRosters):
            rosters = known.rosters.replaced(value)
            self.known = replace(known, rosters=rosters)
        elif isinstance(value, PlaceAppointments):
            self.known = replace(known, appointments={value.place: value})
        elif isinstance(value, PlaneView) and (plane := plane_name(name)) is not None:
            status = known.status.replaced(*plane, value)
            self.known = replace(known, status=status)
        elif isinstance(value, Destruction):
            status = known.status.without(value.list, value.plane)
            self.known = replace(known, status=status)
        else:
            self.known = replace(known, trust=self._trusted.trust)


def _asked(name: str, profile: ResolvedProfile) -> bool:
    """Say whether a place's profile asks for what is known of the place's people."""
    if ROSTERS_OF.fullmatch(name):
        return Kind.GROUP in profile.kinds
    return profile.profile.appointment is not None


def in_order(names: Iterable[str]) -> tuple[str, ...]:
    """Order bundle names so that each comes after what it leans on."""
    rank = {name: at for at, name in enumerate(_ORDER)}

    def place(name: str) -> tuple[int, str]:
        return (-1 if ROOT_STEP.fullmatch(name) else rank.get(name, len(_ORDER)), name)

    return tuple(sorted(names, key=place))


def _judged(trusted: TrustedSet, name: str, data: bytes, now: float) -> tuple[Value, int, float]:
    if name == ROOT or ROOT_STEP.fullmatch(name):
        trusted.take_root(data, now, passing=name != ROOT)
        return None, trusted.root_version, 0.0
    return _take(trusted, name, data, now, held=False)


def _held(
    trusted: TrustedSet, name: str, data: bytes, deltas: Sequence[bytes], now: float
) -> Value:
    """Have what a slot holds accepted again, a plane with its deltas."""
    if plane_name(name) is None:
        return _take(trusted, name, data, now, held=True)[0]
    return trusted.take_status(data, now, deltas=deltas, held=True).value


def _take(
    trusted: TrustedSet, name: str, data: bytes, now: float, *, held: bool
) -> tuple[Value, int, float]:
    """Have a bundle accepted; returns what it holds, its version and its iat."""
    try:
        if name == "trust":
            trusted.take_trust(data, now, held=held)
            document = read_document(take_apart(data).payload, TrustDocument, "trust")
            return document, document.version, document.iat
        if name == "profiles":
            found = trusted.take_profiles(data, now, held=held)
            return found.value, found.document.version, found.document.iat
        if (of := OF_PLACE.fullmatch(name)) is not None:
            take = trusted.take_rosters if ROSTERS_OF.fullmatch(name) else trusted.take_appointments
            people = take(data, now, held=held)
            if people.value.place != of[1]:
                raise BundleRefused(BundleCause.MALFORMED, "a bundle of another place")
            return people.value, people.document.version, people.document.iat
        if CERTIFICATE_OF.fullmatch(name) is not None:
            certificate = trusted.take_destruction(data, now, held=held)
            if certificate.name != name:
                raise BundleRefused(BundleCause.MALFORMED, "a certificate of another plane")
            return certificate, certificate.version, certificate.iat
        if name == CARDS:
            cards = trusted.take_cards(data, now, held=held)
            return cards, cards.document.version, cards.document.iat
    except MalformedError as error:
        raise BundleRefused(BundleCause.MALFORMED, str(error)) from error
    raise BundleRefused(BundleCause.MALFORMED, "a bundle of no known name")
