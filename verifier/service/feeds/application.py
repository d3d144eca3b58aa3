"""Handing a batch over: its prepared lines are staged for the issuing process, step by step.

Only that process changes planes; it checks each step against the manifest that the source signed
and moves the source's marker in the step of the change. So the marker says how far the batch has
come, whatever ends either process: after a crash it goes on there. The last step finishes it.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from verifier.contract.feed import BatchManifest
from verifier.feeds.batches import SourceProgress
from verifier.feeds.prepared import unpack
from verifier.feeds.sources import Source
from verifier.service.feeds.spool import Spool
from verifier.service.store.feeds import read_progress
from verifier.service.store.staged import StagedStep, is_staged, stage

STEP_LINES: Final = 1000
"""Lines of a step: some 4 ms of the store, in which no scan is answered."""
_AWAY_S: Final = (0.1, 0.2, 0.5, 1.0, 2.0)
"""Seconds between tries while the store is away; then the last for ever."""
_LOOK_S: Final = (0.005, 0.005, 0.01, 0.01, 0.02, 0.05, 0.1, 0.2)
"""Seconds between looks at whether a step was applied, some 10 ms as a rule; then the last."""


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
    progress = await _progress(work)
    if progress is not None and progress.finished:
        return progress
    loop = asyncio.get_running_loop()
    start, first = loop.time(), _first_after(work.spool, 0 if progress is None else progress.line)
    done = 0
    while True:
        packed = work.spool.read(first, STEP_LINES)
        lines = tuple(unpack(packed))
        first += len(lines)
        last = first >= work.spool.received.prepared
        step = StagedStep(
            source=work.source.name,
            manifest=work.spool.manifest,
            lines=packed,
            reached=work.spool.received.lines if last else lines[-1].line,
            last=last,
            observed=work.spool.received.observed,
        )
        progress = await _taken(work, step)
        if last:
            return progress
        done += len(lines)
        ahead = done / work.source.file.limits.lines_per_second - (loop.time() - start)
        await asyncio.sleep(max(0.0, ahead))


async def _taken(work: Application, step: StagedStep) -> SourceProgress:
    """Stage a step, and wait until it is applied; one that was lost is staged again."""
    async with work.turns:
        entry = await stage(work.redis, step)
    looks = 0
    while True:
        await asyncio.sleep(_LOOK_S[min(looks, len(_LOOK_S) - 1)])
        looks += 1
        waits = await is_staged(work.redis, entry)
        progress = await _progress(work)
        if progress is not None and (
            progress.finished or (progress.line >= step.reached and not step.last)
        ):
            return progress
        if not waits:  # refused, or lost with what the store lost
            await asyncio.sleep(_AWAY_S[-1])
            async with work.turns:
                entry = await stage(work.redis, step)


async def _progress(work: Application) -> SourceProgress | None:
    """Return how far the batch has come; None: nothing of it is applied yet.

    Raises:
        OvertakenError: it is not this batch's turn.
    """
    _, progress = await read_progress(work.redis, work.source.name)
    if progress is not None and _is(progress, work.manifest):
        return progress
    last = 0 if progress is None else progress.sequence
    if work.manifest.sequence != last + 1 or (progress is not None and not progress.finished):
        raise OvertakenError
    return None


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
