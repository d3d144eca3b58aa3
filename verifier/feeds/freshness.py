"""Freshness: how old what a source has told is, and what that makes of the planes it feeds.

A source is as fresh as the `iat` of its last finished batch: up to then it has told everything. A
plane that requires sources is fed as of the oldest of theirs, and good until the first of them is
stale; from then on its age in decisions is counted from there (`StatusDocument.fed`), however young
the plane's own signature is. A source that never fed feeds as of 0: nothing is known yet.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple

from verifier.contract.vocabulary import Plane
from verifier.feeds.batches import SourceProgress
from verifier.feeds.sources import Source


class Freshness(StrEnum):
    """How a source stands."""

    FRESH = "fresh"
    LATE = "late"
    """Its next batch is due."""
    STALE = "stale"
    NEVER = "never"
    """It has not fed yet."""


class Fed(NamedTuple):
    """Until when a plane's sources have told everything."""

    as_of: int
    """Unix seconds."""
    good_until: int
    """From then on the plane is as old as `as_of`."""


def freshness(source: Source, fed: int, now: float) -> Freshness:
    """Say how fresh a source is whose last batch is of `fed` (0: none)."""
    if not fed:
        return Freshness.NEVER
    age = now - fed
    if age > source.file.stale_after:
        return Freshness.STALE
    return Freshness.LATE if age > source.file.every else Freshness.FRESH


def planes_fed(
    sources: Iterable[Source], progress: Mapping[str, SourceProgress]
) -> dict[tuple[int, Plane], Fed]:
    """Return every plane that requires sources, with as of when they have fed it."""
    found: dict[tuple[int, Plane], Fed] = {}
    for source in sources:
        came = progress.get(source.name)
        fed = 0 if came is None else came.fed
        for plane in source.file.required:
            key = (source.file.list, plane)
            good = fed + source.file.stale_after if fed else 0
            before = found.get(key, Fed(fed, good))
            found[key] = Fed(min(before.as_of, fed), min(before.good_until, good))
    return found
