"""What a worker knows now: trust, status, places and their people, grants, the bundles' bytes.

Followers replace, handlers read; everything handed out is immutable, so that a scan never sees half
an update. What was trusted before stays when something newer is refused.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from verifier.contract.bundle import BundleVersion
from verifier.contract.grant import Grant
from verifier.contract.scan import scan_id_tail
from verifier.contract.status import PlaneName
from verifier.policy.profiles import Profile, Profiles, ResolvedProfile, UseRule
from verifier.service.worker.kept_deltas import Deltas, KeptDelta
from verifier.steps.use import place_scope, scope_tag
from verifier.trust.bundle_kind import TakenBundle
from verifier.trust.kinds import read_name
from verifier.trust.known import NOTHING_KNOWN, Known

FOLLOWERS: Final = ("bundles", "planes")
"""Who must have judged all that the store names before a code is judged."""
MAX_GRANTS: Final = 100_000
"""Terminals; a city has some ten thousand gates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanGate:
    """Where a terminal scans, and what is asked there; worked out once, not at every scan."""

    grant: Grant
    profile: ResolvedProfile | None
    rule: UseRule | None
    tag: str
    """The hash tag of its zone, or of its place."""
    tail: str
    """How the terminal's scan_ids end."""

    @property
    def asked(self) -> Profile | None:
        """What the place asks, as it was written."""
        return None if self.profile is None else self.profile.profile


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedBundle:
    """A bundle as it is handed on: signed bytes that were accepted here."""

    version: BundleVersion
    data: bytes


class Knowledge:
    """The newest of everything."""

    def __init__(self) -> None:
        self.known = NOTHING_KNOWN
        self.bundles: dict[str, SignedBundle] = {}
        self.deltas: dict[str, Deltas] = {}
        """By the name of the plane's snapshot."""
        self.refused: dict[str, str] = {}
        """What is published and not taken: name to version and cause, for people."""
        self.grants: dict[str, Grant] = {}
        self.suspended: dict[str, int] = {}
        """Terminals that no worker lets act, and the version of the grant that this ends with."""
        self._gates: dict[str, ScanGate] = {}
        self._tails: dict[str, tuple[str, ...]] = {}
        self._districts: dict[str, str | None] = {}
        """Of each place that a grant names."""
        self.trusting = asyncio.Event()
        """Set once a trust bundle was taken: nothing else can be verified before."""
        self.unread: dict[str, frozenset[str]] = {}
        """By follower: what the store names and nobody here has judged. Missing: none has looked.

        Sinks to nothing once, at the start.
        """
        self.looked = False
        """All that the store named was judged here: the doors are shut until then."""

    @property
    def profiles(self) -> Profiles:
        """Return what each place asks."""
        return self.known.profiles

    def judged(self, follower: str, unread: Iterable[str]) -> None:
        """Take in what a follower's complete look has left unjudged; later names do not count."""
        if self.unread.get(follower) != frozenset():
            self.unread[follower] = frozenset(unread)
            self.looked = all(self.unread.get(it) == frozenset() for it in FOLLOWERS)

    def looked_at(self, plane: PlaneName) -> None:
        """Know that a plane was looked at, whatever came of it."""
        self._replace(self.known.having_judged(*plane))

    def gate(self, terminal: str) -> ScanGate | None:
        """Return the gate of a terminal, or None where it has no grant."""
        found = self._gates.get(terminal)
        if found is None and (grant := self.grants.get(terminal)) is not None:
            found = self._gates[terminal] = self._resolve(grant)
        return found

    def is_suspended(self, grant: Grant) -> bool:
        """Say whether workers suspended a terminal; a newer grant is not."""
        return self.suspended.get(grant.terminal) == grant.rank

    def terminals(self, tail: str) -> tuple[str, ...]:
        """Return the terminals whose scan_ids end so: one, rarely two."""
        return self._tails.get(tail, ())

    def district(self, place: str) -> str | None:
        """Return the district of a place, as its newest grant says; None: no grant says one."""
        return self._districts.get(place)

    def _resolve(self, grant: Grant) -> ScanGate:
        profile = self.profiles.at(grant.place)
        rule = None if profile is None else profile.profile.use
        return ScanGate(
            grant=grant,
            profile=profile,
            rule=rule,
            tag=scope_tag(place_scope(rule, grant.place)),
            tail=scan_id_tail(grant.terminal),
        )

    def keep(self, bundle: SignedBundle) -> None:
        """Keep the bytes of a bundle that was accepted."""
        self.bundles[bundle.version.name] = bundle

    def head(self, name: str) -> int:
        """Return the newest version of a plane that is handed on: snapshot, and deltas after it."""
        bundle, deltas = self.bundles.get(name), self.deltas.get(name)
        newest = 0 if deltas is None else deltas.head
        return newest if bundle is None else max(newest, bundle.version.version)

    def keep_delta(self, name: str, delta: KeptDelta) -> None:
        """Keep a delta of a plane, to hand it on."""
        self.deltas.setdefault(name, Deltas()).keep(delta)

    def learn(self, taken: TakenBundle) -> None:
        """Know what a bundle says that was accepted; what it ends is known no more."""
        self._replace(taken.put(self.known))
        if taken.ends is not None:
            self.forget(taken.ends)

    def know(self, **newer: Any) -> None:
        """Know newer values of fields of `Known`."""
        self._replace(replace(self.known, **newer))

    def forget(self, name: str) -> None:
        """Know nothing of a bundle that is no more, and hand nothing of it on."""
        read = read_name(name)
        if read is not None:
            self._replace(read.kind.lands.without(self.known, read))
        for kept in (self.bundles, self.deltas):
            kept.pop(name, None)
        self.refused.pop(name, None)

    def _replace(self, known: Known) -> None:
        if known.profiles is not self.known.profiles:
            self._gates.clear()
        self.known = known
        if known.trust.version:
            self.trusting.set()

    def drop_grants(self, terminals: Iterable[str]) -> None:
        """Let terminals have no grant: they are denied."""
        for terminal in terminals:
            self.grants.pop(terminal, None)
            self._gates.pop(terminal, None)

    def take_grants(self, grants: Iterable[Grant]) -> int:
        """Take verified grants; of two for a terminal the higher rank counts."""
        taken = 0
        for grant in grants:
            before = self.grants.get(grant.terminal)
            full = before is None and len(self.grants) >= MAX_GRANTS
            if full or (before is not None and before.rank >= grant.rank):
                continue
            if before is None:
                tail = scan_id_tail(grant.terminal)
                if grant.terminal not in self.terminals(tail):
                    self._tails[tail] = (*self.terminals(tail), grant.terminal)
            self.grants[grant.terminal] = grant
            self._districts[grant.place] = grant.district
            self._gates.pop(grant.terminal, None)
            taken += 1
        return taken
