"""What waits to be published of a plane: how much of it one delta holds."""

from verifier.contract.status import MAX_DELTA_CHANGES
from verifier.service.store.deltas import PendingChanges, PlaneHead
from verifier.status.changes import count_changes
from verifier.status.plane import PlaneView


def head_of(view: PlaneView) -> PlaneHead:
    """Return the head that a version is in the store."""
    return PlaneHead(view.version, view.chain, int(view.as_of))


def too_many(pending: PendingChanges) -> bool:
    """Say whether more waits than one delta holds."""
    return pending.whole or sum(map(count_changes, pending.packed)) > MAX_DELTA_CHANGES


def first_of(pending: PendingChanges) -> PendingChanges:
    """Return the oldest changes that one delta holds."""
    count, entries = 0, 0
    for entry in pending.entries:
        count += count_changes(entry.packed)
        if count > MAX_DELTA_CHANGES:
            break
        entries += 1
    first = pending.entries[:entries]
    return PendingChanges(first, first[-1].id if first else "", whole=False)
