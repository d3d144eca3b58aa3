"""Deltas: from one immutable view of a plane to the next, or nothing at all.

    chain = SHA-256(prev || to, 8 bytes, big-endian || changes)[:16]

A delta fits a view if it leads from the view's version and names its chain. A gap (versions are
missing) and a fork (another past than ours) both mean: fetch the snapshot (docs/bundles.md).
"""

import hashlib

from verifier.contract.errors import MalformedError
from verifier.contract.status import CHAIN_BYTES, DeltaDocument
from verifier.errors import BundleCause, BundleRefused
from verifier.status.changes import read_changes
from verifier.status.plane import PlaneView


def chained(previous: bytes, version: int, changes: bytes) -> bytes:
    """Return the chain value of a version: 16 bytes over all that led to it."""
    whole = previous + version.to_bytes(8, "big") + changes
    return hashlib.sha256(whole).digest()[:CHAIN_BYTES]


def apply(delta: DeltaDocument, view: PlaneView) -> PlaneView:
    """Return the plane after a verified delta; the view given stays as it is.

    Raises:
        BundleRefused: ROLLBACK (not newer than the view), ORDER (a gap), FORK (another past),
            MALFORMED (changes that no such plane can have).
    """
    if delta.version <= view.version:
        raise BundleRefused(BundleCause.ROLLBACK, "a delta to a version that is past")
    if delta.before != view.version:
        raise BundleRefused(BundleCause.ORDER, "a gap before this delta")
    if delta.prev != view.chain:
        raise BundleRefused(BundleCause.FORK, "a delta of another past")
    if delta.chain != chained(delta.prev, delta.version, delta.changes):
        raise BundleRefused(BundleCause.FORK, "a delta that is not what its chain says")
    values = view.values
    try:
        records = read_changes(delta.changes, bits=values.bits, size=values.size)
    except MalformedError as error:
        raise BundleRefused(BundleCause.MALFORMED, str(error)) from error
    return PlaneView(
        values=values.changed(records["index"], records["value"]) if records.size else values,
        version=delta.version,
        as_of=delta.iat,
        chain=delta.chain,
        fed=delta.fed,
    )
