"""What a publisher knows a plane by beside the store, and where that leads."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from verifier.issuing.change_seal import ChangeSeal
from verifier.service.issuing.planes.explanations import Explanations, Refused
from verifier.service.issuing.planes.past import SignedPast, differing
from verifier.service.store.deltas import PendingEntry
from verifier.status.changes import merge_changes, read_changes
from verifier.status.plane import PackedValues, PlaneView


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaneProof:
    """What a publisher knows a plane by, beside the store."""

    past: SignedPast
    explanations: Explanations
    seal: ChangeSeal
    tell: Callable[[Sequence[Refused]], Awaitable[None]]
    """Hears of what nothing explains, before the store gets back what was signed."""


def merged(entries: Sequence[PendingEntry]) -> bytes:
    """Return the records of several entries as one list."""
    packed = [entry.packed for entry in entries if entry.packed]
    return merge_changes(packed) if packed else b""


def lead_on(
    view: PlaneView, entries: Sequence[PendingEntry], data: bytes
) -> tuple[PackedValues, NDArray[np.int64]]:
    """Return what a view and explained entries lead to, and where the store has something else.

    What a load filled in, where nothing stood, is taken from the store.
    """
    values = view.values
    records = read_changes(merged(entries), bits=values.bits, size=values.size)
    if records.size:
        values = values.changed(records["index"], records["value"])
    strange = differing(replace(view, values=values), data)
    if any(entry.whole for entry in entries) and strange.size:
        there = PackedValues(bits=values.bits, size=values.size, data=data)
        empty = values.many(strange) == 0
        filled = strange[empty]
        values = values.changed(filled.astype(np.uint32), there.many(filled))
        strange = strange[~empty]
    return values, strange
