"""Batches of sources, brought into the planes step by step: the process of the feeds only stages.

What a step says is checked against the source's own signature and its file, so that whoever takes
the process of the feeds over can set no more values than a source has signed lines, and only of its
planes. Each step notes the times of observation first, then changes the planes together with the
source's marker: killed between the two, the same step comes to the same result.
"""

import asyncio
import itertools
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from redis.asyncio import Redis
from redis.exceptions import RedisError

from runtime.clock import now
from runtime.logs import Log
from verifier.contract.feed import BatchManifest
from verifier.contract.status import PlaneName
from verifier.errors import FeedRefused, SourceError
from verifier.feeds.batches import SourceProgress, begin, finish, open_manifest, step
from verifier.feeds.lines import HORIZON_S
from verifier.feeds.prepared import RECORD_BYTES, Prepared, unpack
from verifier.feeds.sources import MAX_FILE_BYTES, Source, SourceState, read_source
from verifier.issuing.change_seal import ChangeSeal
from verifier.service.store.causes import ChangeCause, ChangeMode
from verifier.service.store.feeds import progress_key, read_progress, write_progress
from verifier.service.store.observed import observe
from verifier.service.store.planes import (
    MAX_CHANGES,
    Marker,
    PlaneUnknown,
    change,
    read_planes,
)
from verifier.service.store.staged import StagedStep, await_staged, drop_staged

WAIT_MS: Final = 1500
"""Milliseconds a question for steps hangs at the store: less than its client's patience."""
RETRY_S: Final = 0.3
"""Seconds between attempts while the store is away."""
SHOWN_S: Final = 86_400
"""Seconds for which it is shown that a step was refused: a person looks once a day at least."""
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{1,31}")


class UnexplainedError(Exception):
    """A staged step that no source has signed; the text says why."""


class Unexplained(NamedTuple):
    """The last step of a source that was refused."""

    why: str
    at: float
    """By the monotonic clock."""


class BatchSteps:
    """Applies what is staged, one step after the other."""

    def __init__(
        self, redis: Redis, log: Log, *, sources: Path | None, list_number: int, seal: ChangeSeal
    ) -> None:
        self._redis = redis
        self._log = log
        self._folder = sources
        self._list_number = list_number
        self._seal = seal
        self._refused: dict[str, Unexplained] = {}

    def refused(self) -> dict[str, Unexplained]:
        """Return what was refused of late, by source."""
        since = time.monotonic() - SHOWN_S
        return {name: it for name, it in self._refused.items() if it.at > since}

    async def run(self) -> None:
        """Apply until cancelled."""
        while True:
            try:
                for entry, staged in await await_staged(self._redis, WAIT_MS):
                    await self._take(staged)
                    await drop_staged(self._redis, [entry])
            except (RedisError, OSError):
                await asyncio.sleep(RETRY_S)

    async def _take(self, staged: StagedStep | None) -> None:
        try:
            await self._apply(staged)
        except UnexplainedError as error:
            name = staged.source if staged is not None and _NAME.fullmatch(staged.source) else "-"
            self._refused[name] = Unexplained(str(error), time.monotonic())
            self._log.error("batch.unexplained", source=name, why=str(error))

    async def _apply(self, staged: StagedStep | None) -> None:
        if staged is None:
            raise UnexplainedError("it is no step of a batch")
        source = await asyncio.to_thread(self._source, staged.source)
        try:
            manifest = open_manifest(staged.manifest, source)
        except FeedRefused as error:
            raise UnexplainedError(f"its manifest does not hold: {error.cause}") from error
        raw, progress = await read_progress(self._redis, source.name)
        if progress is None or not is_batch(progress, manifest):
            last = 0 if progress is None else progress.sequence
            if manifest.sequence != last + 1 or (progress is not None and not progress.finished):
                return  # of another store, or made before the one there: its sender finds out
            if source.file.state is not SourceState.ACTIVE:
                raise UnexplainedError("its source is suspended")
            progress = begin(manifest, progress)
        elif progress.finished or (staged.reached <= progress.line and not staged.last):
            return  # applied already
        lines = _checked(staged, manifest, source, progress)
        await self._change(staged, manifest, source, raw, progress, lines)

    async def _change(
        self,
        staged: StagedStep,
        manifest: BatchManifest,
        source: Source,
        raw: bytes | None,
        progress: SourceProgress,
        lines: Sequence[Prepared],
    ) -> None:
        changes = await self._changes(lines)
        applied = sum(map(len, changes.values()))
        new = step(progress, line=staged.reached, applied=applied, older=len(lines) - applied)
        if staged.last:
            new = finish(new, fed=manifest.iat, observed=staged.observed, now=now())
        cause = ChangeCause(
            why=f"batch:{source.name}:{manifest.sequence}",
            seal=self._seal,
            mode=ChangeMode.FEED,
            origin=f"feed:{source.name}",
        )
        marker = Marker(progress_key(source.name), raw, write_progress(new))
        while True:
            try:
                await change(self._redis, changes, cause=cause, marker=marker)
            except PlaneUnknown:
                # Destroyed since the batch was begun: nothing can be said of it any more.
                there = await read_planes(self._redis)
                left = {name: pairs for name, pairs in changes.items() if name in there}
                changes = left if len(left) < len(changes) else {}
            except IndexError as error:
                raise UnexplainedError("a line names a person outside the list") from error
            else:
                return

    async def _changes(self, lines: Sequence[Prepared]) -> dict[PlaneName, list[tuple[int, int]]]:
        """Return what of some lines is not overtaken, by plane.

        Lines that have waited here until they could not be compared any more have no effect.
        """
        by_plane: dict[PlaneName, list[Prepared]] = {}
        moment = now()
        for line in lines:
            if line.at < moment - HORIZON_S:
                continue
            by_plane.setdefault(PlaneName(self._list_number, line.plane), []).append(line)
        changes: dict[PlaneName, list[tuple[int, int]]] = {}
        for name, rows in by_plane.items():
            seen = [(row.person, row.at) for row in rows]
            newest = await observe(self._redis, name, seen, moment)
            changes[name] = [
                (row.person, row.value) for row, new in zip(rows, newest, strict=True) if new
            ]
        return changes

    def _source(self, name: str) -> Source:
        """Read a source's file: what it may say is looked up at each step."""
        if self._folder is None or _NAME.fullmatch(name) is None:
            raise UnexplainedError("it names no source")
        try:
            with (self._folder / f"{name}.toml").open("rb") as file:
                source = read_source(file.read(MAX_FILE_BYTES + 1))
        except (OSError, SourceError) as error:
            raise UnexplainedError("its source has no file that can be read") from error
        if source.name != name or source.file.list != self._list_number:
            raise UnexplainedError("its source's file is of another source or list")
        return source


def is_batch(progress: SourceProgress, manifest: BatchManifest) -> bool:
    """Say whether a progress is that of a batch."""
    identity = (manifest.sequence, manifest.batch.hex(), manifest.digest.hex())
    return identity == (progress.sequence, progress.batch, progress.digest)


def _checked(
    staged: StagedStep, manifest: BatchManifest, source: Source, progress: SourceProgress
) -> tuple[Prepared, ...]:
    """Return the lines of a step that its source may have signed.

    Raises:
        UnexplainedError: they are none, or more than it has signed.
    """
    if len(staged.lines) % RECORD_BYTES or len(staged.lines) > MAX_CHANGES * RECORD_BYTES:
        raise UnexplainedError("its lines are no lines, or too many at once")
    try:
        lines = tuple(unpack(staged.lines))
    except IndexError as error:
        raise UnexplainedError("a line names no plane") from error
    numbers = [progress.line, *(line.line for line in lines), staged.reached]
    ordered = all(low < high for low, high in itertools.pairwise(numbers[:-1]))
    if not ordered or numbers[-2] > staged.reached or staged.reached > manifest.lines:
        raise UnexplainedError("its lines are not those that follow")
    done = progress.applied + progress.older + len(lines)
    if done > manifest.lines or any(
        line.plane not in manifest.planes or line.value not in source.values[line.plane]
        for line in lines
    ):
        raise UnexplainedError("it has lines that its source may not say")
    return lines
