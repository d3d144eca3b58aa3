"""Planes of a terminal: a snapshot in a slot, and the deltas that were taken in since. Pure.

Which of the two is fetched next, and what a bucket of deltas leads to. Slot and deltas are one
thing: together they are what is in use, together they stand at the floor. A delta that does not fit
(a gap, another past, damage) means: fetch the snapshot, into the other slot.
Document: docs/terminal.md, "Bundles".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from verifier.contract.bundle import DELTA_BUCKET, BundleVersion
from verifier.contract.envelope import split_sequence
from verifier.contract.errors import MalformedError
from verifier.contract.status import PlaneName
from verifier.errors import BundleCause, BundleRefused
from verifier.status.plane import NO_STATUS, PlaneView
from verifier.trust.bundle import TrustedSet
from verifier.trust.bundle_kind import TakenBundle
from verifier.trust.kinds import take

MAX_DELTAS: Final = 2048
"""Deltas kept beside a slot: a day and a half of none, half an hour of a change a second."""
MAX_DELTA_BYTES: Final = 8 * 1024 * 1024
"""Bytes of them; more than a snapshot takes is better fetched as one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedBundle:
    """What is to be fetched next of a bundle."""

    entry: BundleVersion
    whole: bool
    """The bundle itself; False: deltas alone."""
    buckets: tuple[int, ...] = ()
    """First versions of the buckets of deltas to fetch; with `whole`, to be judged with it."""

    @property
    def name(self) -> str:
        """The bundle's name."""
        return self.entry.name

    def paths(self) -> tuple[str, ...]:
        """Return where the buckets lie, below the list of bundles."""
        return tuple(f"{self.name}/deltas/{first}" for first in self.buckets)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedDeltas:
    """What stands of a plane beside its slot."""

    view: PlaneView | None
    deltas: int = 0
    octets: int = 0
    astray: bool = False
    """The last deltas did not fit."""
    floor: int = 0


class Led(NamedTuple):
    """Where deltas led."""

    view: PlaneView
    used: tuple[bytes, ...]
    """Those that were newer, in order."""
    issued_at: float


def next_step(entry: BundleVersion, kept: AppliedDeltas) -> WantedBundle | None:
    """Choose what brings a plane to where the centre has it; None: it is there.

    A centre that is behind is left alone: it is another worker, or its store was set back.
    """
    streams = isinstance(entry.head, int)
    head = entry.head if isinstance(entry.head, int) else entry.version
    view = kept.view
    if view is None or kept.astray:
        # From below the floor a snapshot counts only together with what leads up to it.
        below = entry.version < kept.floor
        return WantedBundle(
            entry=entry, whole=True, buckets=_buckets(entry.version, head) if below else ()
        )
    if head <= view.version:
        return None
    full = kept.deltas + head - view.version > MAX_DELTAS or kept.octets > MAX_DELTA_BYTES
    if (full or not streams) and entry.version > view.version:
        return WantedBundle(entry=entry, whole=True)
    return WantedBundle(entry=entry, whole=False, buckets=_buckets(view.version, head))


def _buckets(after: int, head: int) -> tuple[int, ...]:
    first = (after + 1) // DELTA_BUCKET * DELTA_BUCKET
    return tuple(range(first, min(head, after + MAX_DELTAS) + 1, DELTA_BUCKET))


def split(bucket: bytes) -> tuple[bytes, ...]:
    """Split a bucket into its deltas; nothing of them is verified.

    Raises:
        BundleRefused: it is none.
    """
    try:
        return split_sequence(bucket, most=DELTA_BUCKET)
    except MalformedError as error:
        raise BundleRefused(BundleCause.MALFORMED, str(error)) from error


def follow(
    trusted: TrustedSet, name: PlaneName, view: PlaneView, deltas: Sequence[bytes], now: float
) -> Led:
    """Follow deltas from a view, passing by those that are not newer; raises the floor in the set.

    Raises:
        BundleRefused: one of them does not fit, or is not what it should be.
    """
    used, issued_at = [], view.as_of
    for data in deltas:
        status = NO_STATUS.replaced(*name, view)
        try:
            taken = trusted.take_delta(data, status, now)
        except BundleRefused as error:
            if error.cause is BundleCause.ROLLBACK:
                continue
            raise
        view = taken.value
        issued_at = max(issued_at, taken.document.iat)
        used.append(data)
    return Led(view, tuple(used), issued_at)


def take_snapshot(
    trusted: TrustedSet, plane: PlaneName, data: bytes, deltas: Sequence[bytes], now: float
) -> tuple[TakenBundle, tuple[bytes, ...]]:
    """Take a snapshot with the deltas that lead on from it; returns also those that were newer.

    Raises:
        BundleRefused: it is not acceptable, or all together stay below the floor.
    """
    used: tuple[bytes, ...] = ()
    if deltas:
        trial = trusted.copy()
        trial.forget_floor(plane.bundle)
        view = trial.take_status(data, now, plane=plane).value
        used = follow(trial, plane, view, deltas, now).used
    return take(trusted, plane.bundle, data, now, deltas=used), used
