"""What a publisher knows a plane by beside the store, and where that leads."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from verifier.issuing.change_seal import ChangeSeal
from verifier.service.issuing.planes.explanations import Explanations, RefusedChange
from verifier.service.issuing.planes.past import SignedPast
from verifier.service.store.deltas import PendingEntry
from verifier.status.changes import merge_changes
from verifier.status.comparison import Differences, differences, filled_in, led_on
from verifier.status.plane import PackedValues

MAX_PUT_BACK: Final = 10_000
"""Values that the store gets back at once, in one step. Where more differ, it is another store, or
one of another day: a person decides (docs/runbook.md)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaneProof:
    """What a publisher knows a plane by, beside the store."""

    past: SignedPast
    explanations: Explanations
    seal: ChangeSeal
    tell: Callable[[Sequence[RefusedChange]], Awaitable[None]]
    """Hears of what nothing explains, before the store gets back what was signed."""


def merged(entries: Sequence[PendingEntry]) -> bytes:
    """Return the records of several entries as one list."""
    packed = [entry.packed for entry in entries if entry.packed]
    return merge_changes(packed) if packed else b""


def led_on_by(
    values: PackedValues, entries: Sequence[PendingEntry], data: bytes
) -> tuple[PackedValues, Differences]:
    """Return what explained entries lead to, and where the store has something else.

    What a load filled in, where nothing stood, is taken from the store.
    """
    values = led_on(values, merged(entries))
    if any(entry.whole for entry in entries):
        values = filled_in(values, data)
    return values, differences(values, data, MAX_PUT_BACK)
