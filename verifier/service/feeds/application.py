"""Applying a batch: from its prepared lines into the planes, in steps that no crash can double.

Each step notes the times of observation first, then changes the planes together with the source's
marker. Killed between the two, the same step comes to the same result; killed after, the marker
says so. The last step also finishes the batch: from then on it counts.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from runtime.clock import now
from verifier.contract.feed import BatchManifest
from verifier.contract.status import PlaneName
from verifier.feeds.batches import SourceProgress, begin, finish, step
from verifier.feeds.lines import HORIZON_S
from verifier.feeds.prepared import Prepared, unpack
from verifier.feeds.sources import Source
from verifier.service.feeds.spool import Spool
from verifier.service.store.feeds import progress_key, read_progress, write_progress
from verifier.service.store.observed import observe
from verifier.service.store.planes import Marker, PlaneUnknown, change, read_planes

STEP_LINES: Final = 1000
"""Lines of a step: some 4 ms of the store, in which no scan is answered."""
_AWAY_S: Final = (0.1, 0.2, 0.5, 1.0, 2.0)
"""Seconds between tries while the store is away; then the last for ever."""


class OvertakenError(Exception):
    """The marker is of another batch: somebody else has fed this source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """A batch that is to be applied."""

    redis: Redis
    turns: asyncio.Semaphore
    source: Source
    manifest: BatchManifest
    spool: Spool


async def apply_batch(work: Application) -> SourceProgress:
    """Apply until the batch is finished, through any number of outages of the store.

    Raises:
        OvertakenError: the store has another batch of this source.
    """
    tries = 0
    while True:
        try:
            return await _apply(work)
        except (RedisError, OSError):
            await asyncio.sleep(_AWAY_S[min(tries, len(_AWAY_S) - 1)])
            tries += 1


async def _apply(work: Application) -> SourceProgress:
    raw, progress = await read_progress(work.redis, work.source.name)
    if progress is None or not _is(progress, work.manifest):
        last = 0 if progress is None else progress.sequence
        if work.manifest.sequence != last + 1 or (progress is not None and not progress.finished):
            raise OvertakenError
        progress = begin(work.manifest, progress)
    elif progress.finished:
        return progress
    loop = asyncio.get_running_loop()
    start, first = loop.time(), _first_after(work.spool, progress.line)
    done = 0
    while True:
        lines = tuple(unpack(work.spool.read(first, STEP_LINES)))
        first += len(lines)
        last = first >= work.spool.received.prepared
        async with work.turns:
            raw, progress = await _step(work, raw, progress, lines, last=last)
        if last:
            return progress
        done += len(lines)
        ahead = done / work.source.file.limits.lines_per_second - (loop.time() - start)
        await asyncio.sleep(max(0.0, ahead))


async def _step(
    work: Application,
    raw: bytes | None,
    progress: SourceProgress,
    lines: Sequence[Prepared],
    *,
    last: bool,
) -> tuple[bytes, SourceProgress]:
    """Bring some lines into the planes; returns the marker as it stands now."""
    changes = await _changes(work, lines)
    applied = sum(map(len, changes.values()))
    reached = work.spool.received.lines if last else lines[-1].line
    new = step(progress, line=reached, applied=applied, older=len(lines) - applied)
    if last:
        new = finish(new, fed=work.manifest.iat, observed=work.spool.received.observed, now=now())
    written = write_progress(new)
    marker = Marker(progress_key(work.source.name), raw, written)
    while True:
        try:
            made = await change(work.redis, changes, marker=marker)
            break
        except PlaneUnknown:
            # Destroyed since the batch was begun: nothing can be said of it any more.
            there = await read_planes(work.redis)
            left = {name: pairs for name, pairs in changes.items() if name in there}
            changes = left if len(left) < len(changes) else {}
    if not made and await work.redis.get(marker.key) != written:
        raise OvertakenError
    return written, new


async def _changes(
    work: Application, lines: Sequence[Prepared]
) -> dict[PlaneName, list[tuple[int, int]]]:
    """Return what of some lines is not overtaken, by plane.

    Lines that have waited here until they could not be compared any more have no effect.
    """
    by_plane: dict[PlaneName, list[Prepared]] = {}
    moment = now()
    for line in lines:
        if line.at < moment - HORIZON_S:
            continue
        by_plane.setdefault(PlaneName(work.manifest.list, line.plane), []).append(line)
    changes: dict[PlaneName, list[tuple[int, int]]] = {}
    for name, rows in by_plane.items():
        newest = await observe(work.redis, name, [(row.person, row.at) for row in rows], moment)
        changes[name] = [
            (row.person, row.value) for row, new in zip(rows, newest, strict=True) if new
        ]
    return changes


def _is(progress: SourceProgress, manifest: BatchManifest) -> bool:
    identity = (manifest.sequence, manifest.batch.hex(), manifest.digest.hex())
    return identity == (progress.sequence, progress.batch, progress.digest)


def _first_after(spool: Spool, line: int) -> int:
    """Return the number of the first prepared line after a line: they ascend."""
    low, high = 0, spool.received.prepared
    while low < high:
        middle = (low + high) // 2
        found = next(unpack(spool.read(middle, 1)))
        if found.line <= line:
            low = middle + 1
        else:
            high = middle
    return low
