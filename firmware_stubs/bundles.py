"""Bundles on a terminal: two slots for each bundle, and floors that no reset lowers. Pure.

- Nothing is used before `verifier.trust.bundle` accepted it. `offer` only judges; the edge writes
  the bytes into the slot that is not in use, makes slot and floors durable in one step, and then
  `adopt` puts them in use. Whatever dies in between, the slot in use was never written to.
- Floors (version and digest of the newest bundle that was in use, by the key that signed it) are
  kept outside the slots and survive a reset, so that an older bundle stays refused. What a key
  signed alone that is trusted no more is no floor any longer (`verifier.trust.floors`).
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
    split,
    take_snapshot,
)
from firmware_stubs.slots import Accepted, AcceptedDeltas, Refused, Slot, SlotContent
from verifier.contract.bundle import BundleVersion
from verifier.contract.status import plane_of
from verifier.errors import BundleCause, BundleRefused
from verifier.policy.profiles import Profiles, ResolvedProfile
from verifier.status.plane import PlaneView
from verifier.trust.bundle import TrustedSet
from verifier.trust.bundle_kind import TerminalNeeds
from verifier.trust.floors import Floor, Floors, highest, merged
from verifier.trust.kinds import ROOT, in_order, needed, read_name, take
from verifier.trust.known import NOTHING_KNOWN

MAX_BUNDLES: Final = 64
"""Names a terminal takes from an index; a city has about ten."""


class Bundles:
    """What a terminal judges by: trust, profiles, its place's people, planes; with their slots."""

    def __init__(
        self,
        pinned_root: bytes,
        *,
        floors: Floors,
        slots: Mapping[str, SlotContent],
        listed: Iterable[str] = (),
    ) -> None:
        """Start from the root that came with the terminal, and from what is durable.

        `listed`: what the centre listed when all that was needed of it was judged last.

        Raises:
            BundleRefused: the pinned root is none.
        """
        self._slots = dict(slots)
        self._floors = dict(floors)
        self._deltas: dict[str, tuple[bytes, ...]] = {}
        self._astray: set[str] = set()
        """Planes whose last deltas did not fit."""
        self._listed = frozenset(listed)
        self._refused: set[str] = set()
        """Judged and not in use."""
        self._pinned = pinned_root
        self._trusted = self._start(pinned_root)
        self.known = NOTHING_KNOWN

    def _start(self, root_file: bytes) -> TrustedSet:
        # The root's own floor is compared by `sound`: the pinned root may be older than it.
        floors = {name: floor for name, floor in self._floors.items() if name != ROOT.word}
        return TrustedSet(root_file, floors=floors)

    @property
    def sound(self) -> bool:
        """Whether the root in force is not older than one that was accepted before."""
        floor = highest(self._floors.get(ROOT.word, ()))
        return floor is None or self._trusted.root_version >= floor.version

    @property
    def usable(self) -> bool:
        """Whether the terminal can decide alone: a sound root, trust and profiles."""
        return self.sound and self.known.trust.version > 0 and self.profiles.version > 0

    def equipped(self, place: str) -> bool:
        """Say whether the terminal may decide alone: all that it needs was judged once.

        What was not looked at yet must not reach a place's open stance.
        """
        return self.usable and bool(self._listed) and not self._unjudged(self._listed, place)

    def complete(self, index: Iterable[BundleVersion], place: str) -> frozenset[str] | None:
        """Return what the centre lists where all that is needed of it was judged; else None.

        A plane must stand at the head that is listed. It is noted by `note_listed`, once durable.
        """
        heads = {entry.name: _head(entry) for entry in index}
        if not heads or not self.usable:
            return None
        behind = (it for it in self._needed(heads, place) if not self._stands_at(it, heads[it]))
        return None if any(behind) else frozenset(heads)

    def note_listed(self, names: frozenset[str]) -> None:
        """Go by a list of the centre of which all that is needed was judged."""
        self._listed = names

    @property
    def listed(self) -> frozenset[str]:
        """The last list of the centre of which all that is needed was judged."""
        return self._listed

    def _unjudged(self, names: Iterable[str], place: str) -> tuple[str, ...]:
        judged = self._slots.keys() | self._refused
        return tuple(name for name in self._needed(names, place) if name not in judged)

    def _stands_at(self, name: str, head: int) -> bool:
        if name in self._refused:
            return True
        view = self._view(name)
        return name in self._slots and (view is None or view.version >= head)

    def _needed(self, names: Iterable[str], place: str) -> tuple[str, ...]:
        """Choose what is needed besides the root: it is pinned, and judges the others."""
        at = self._needs(place)
        chosen = [name for name in sorted(names) if needed(name, at)][:MAX_BUNDLES]
        return tuple(name for name in chosen if not _is_root(name))

    def refuse(self, name: str) -> None:
        """Note that a bundle was judged and is not used; what was in use before stays."""
        self._refused.add(name)
        if (plane := plane_of(name)) is not None:
            self.known = self.known.having_judged(*plane)

    @property
    def profiles(self) -> Profiles:
        """Return what each place asks."""
        return self.known.profiles

    @property
    def floors(self) -> dict[str, tuple[Floor, ...]]:
        """Return the floors of all that was ever in use, by the keys that signed."""
        return dict(self._floors)

    def slots(self) -> Mapping[str, SlotContent]:
        """Return what the slots in use hold, by name."""
        return dict(self._slots)

    def versions(self) -> dict[str, int]:
        """Return name -> version of what is in use."""
        return {ROOT.word: self._trusted.root_version} | {
            name: content.version if (view := self._view(name)) is None else view.version
            for name, content in self._slots.items()
        }

    def profile(self, place: str) -> ResolvedProfile | None:
        """Return the profile of a place; None is a denial."""
        return self.known.profiles.at(place)

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
        for name in in_order(self._slots):
            data, content = contents.get(name, b""), self._slots[name]
            if hashlib.sha256(data).digest() != content.digest:
                refused.append(Refused(name=name, cause="damaged"))
                del self._slots[name]
                self.refuse(name)
                continue
            try:
                if name == ROOT.word:
                    self._start_from(data)
                    continue
                beside = kept.get(name, ())
                taken = take(self._trusted, name, data, now, held=True, deltas=beside)
                self.known = taken.put(self.known)
                self._deltas[name] = beside
                if taken.ends is not None:
                    self.refuse(taken.ends)
            except BundleRefused as error:
                refused.append(Refused(name=name, cause=error.cause))
                del self._slots[name]
                self.refuse(name)
        return tuple(refused)

    def _start_from(self, root_file: bytes) -> None:
        """Start the set from a root accepted before, unless the terminal came with a newer one."""
        accepted = self._start(root_file)
        if accepted.root_version < self._trusted.root_version:
            raise BundleRefused(BundleCause.ROLLBACK, "older than the pinned root")
        self._trusted = accepted

    def offer(
        self,
        name: str,
        data: bytes,
        now: float,
        deltas: Sequence[bytes] = (),
        *,
        time_floor: float = 0.0,
    ) -> Accepted:
        """Judge bytes that came from outside; nothing is in use yet.

        `deltas` of a snapshot lead on from it; those that are not newer are passed by. `now` is
        authenticated time, `time_floor` the clock's floor: what ends before it has ended.

        Raises:
            BundleRefused: they are not acceptable; everything stays as it was.
        """
        read = read_name(name)
        if not self.sound and (read is None or read.kind is not ROOT):
            # The keys of an older root may be those that the newer one has done away with.
            raise BundleRefused(BundleCause.ORDER, "the root in force is older than its floor")
        trial = self._trial(time_floor)
        used: tuple[bytes, ...] = ()
        if (plane := plane_of(name)) is not None:
            taken, used = take_snapshot(trial, plane, data, deltas, now)
        else:
            taken = take(trial, name, data, now)
        slot_name = taken.name.slot
        before = self._slots.get(slot_name)
        slot = Slot.A if before is None else before.slot.other
        digest = hashlib.sha256(data).digest()
        return Accepted(
            name=slot_name,
            content=SlotContent(slot=slot, version=taken.version, digest=digest),
            floors=self._risen(trial),
            issued_at=taken.issued_at,
            taken=taken,
            trusted=trial,
            deltas=used,
            ends=taken.ends,
            time_floor=trial.time_floor if trial.time_floor < time_floor else None,
        )

    def offer_deltas(
        self, name: str, bucket: bytes, now: float, *, time_floor: float = 0.0
    ) -> AcceptedDeltas | None:
        """Judge a bucket of deltas of a plane in use; nothing is in use yet. None: nothing newer.

        Raises:
            BundleRefused: they do not fit; everything stays as it was, and the snapshot is wanted.
        """
        view, plane = self._view(name), plane_of(name)
        if view is None or plane is None:
            raise BundleRefused(BundleCause.ORDER, "deltas of a plane that is not in use")
        trial = self._trial(time_floor)
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
            floors=self._risen(trial),
            issued_at=led.issued_at,
            view=led.view,
            trusted=trial,
        )

    def _trial(self, time_floor: float) -> TrustedSet:
        trial = self._trusted.copy()
        trial.time_floor = time_floor
        return trial

    def _risen(self, trial: TrustedSet) -> Floors:
        """Return the floors that a trial has raised."""
        before = self._trusted.kept
        return {name: rows for name, rows in trial.kept.items() if rows != before.get(name)}

    def adopt(self, accepted: Accepted) -> None:
        """Use what was accepted, now that its slot and floors are durable."""
        self._trusted = accepted.trusted
        self._slots[accepted.name] = accepted.content
        self._floors = merged(self._floors, accepted.floors)
        self._deltas[accepted.name] = accepted.deltas
        self._astray.discard(accepted.name)
        if accepted.ends is not None:
            self._slots.pop(accepted.ends, None)
            self._deltas.pop(accepted.ends, None)
            self.refuse(accepted.ends)
        self.known = accepted.taken.put(self.known)

    def adopt_deltas(self, accepted: AcceptedDeltas) -> None:
        """Use deltas, now that they and the floor are durable."""
        self._trusted = accepted.trusted
        self._floors = merged(self._floors, accepted.floors)
        self._deltas[accepted.name] = (*self._deltas.get(accepted.name, ()), *accepted.deltas)
        self._know_plane(accepted.name, accepted.view)

    def lost(self, name: str) -> None:
        """Note that the centre has no deltas for what is in use: the snapshot is wanted."""
        self._astray.add(name)

    def wanted(self, index: Iterable[BundleVersion], place: str) -> tuple[WantedBundle, ...]:
        """Choose from an index what is needed and is not in use, in order of taking."""
        offered = {entry.name: entry for entry in index}
        at = self._needs(place)
        names = [name for name in sorted(offered) if needed(name, at)][:MAX_BUNDLES]
        steps = (self._step(offered[name]) for name in in_order(names))
        return tuple(step for step in steps if step is not None)

    def _step(self, entry: BundleVersion) -> WantedBundle | None:
        name = entry.name
        content, floor = self._slots.get(name), self._trusted.floor(name)
        if plane_of(name) is None:
            same = content is not None and content.digest.hex() == entry.digest
            return None if same else WantedBundle(entry=entry, whole=True)
        deltas = self._deltas.get(name, ())
        view = None if content is None else self._view(name)
        if view is not None and not self._trusted.supports(name, view.version):
            # Only a key that is trusted no more has signed so far: what is honest may lie below.
            view = None
            if content is not None and content.digest.hex() == entry.digest:
                return None
        kept = AppliedDeltas(
            view=view,
            deltas=len(deltas),
            octets=sum(map(len, deltas)),
            astray=name in self._astray,
            floor=0 if floor is None else floor.version,
        )
        return next_step(entry, kept)

    def _view(self, name: str) -> PlaneView | None:
        plane = plane_of(name)
        return None if plane is None else self.known.status.plane(*plane)

    def unneeded(self, place: str) -> tuple[str, ...]:
        """Return what is in use of persons although the place's profile does not ask for it."""
        if not self.usable:
            return ()
        at = self._needs(place)
        return tuple(name for name in sorted(self._slots) if not needed(name, at))

    def drop(self, name: str) -> None:
        """Know nothing more of a plane or of its place's people, now that they are off the disk."""
        self._slots.pop(name, None)
        self._deltas.pop(name, None)
        self._astray.discard(name)
        read = read_name(name)
        if read is not None:
            self.known = read.kind.lands.without(self.known, read)
        self._refused.discard(name)
        if (plane := plane_of(name)) is not None:
            self.known = self.known.not_having_judged(*plane)

    def reset(self) -> None:
        """Forget all slots, as a terminal does that is wiped; floors stay."""
        self._slots.clear()
        self._deltas.clear()
        self._astray.clear()
        self._refused.clear()
        self._listed = frozenset()
        self._trusted = self._start(self._pinned)
        self.known = NOTHING_KNOWN

    def _needs(self, place: str) -> TerminalNeeds:
        return TerminalNeeds(
            place=place,
            profile=self.profile(place),
            held=self._slots.keys(),
            root_version=self._trusted.root_version,
        )

    def _know_plane(self, name: str, view: PlaneView) -> None:
        if (plane := plane_of(name)) is not None:
            self.known = replace(self.known, status=self.known.status.replaced(*plane, view))


def _is_root(text: str) -> bool:
    name = read_name(text)
    return name is not None and name.kind is ROOT


def _head(entry: BundleVersion) -> int:
    """Return the newest version of a bundle that the centre hands on."""
    return entry.head if isinstance(entry.head, int) else entry.version
