"""The channel of one source: its breaker, its one open batch, and what is being applied.

Everything of a source happens here and nowhere else, so one that is slow or fails keeps only itself
waiting. A batch is judged before its text is read, read to disk, judged again, and then applied by
a task that survives whoever sent it.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from runtime.clock import now
from runtime.logs import Log
from verifier.contract.envelope import take_apart
from verifier.contract.errors import MalformedError
from verifier.contract.feed import BatchForm, BatchManifest, read_manifest
from verifier.errors import FeedCause, FeedRefused, Outage
from verifier.feeds.batches import Turn, judge_time, judge_turn, open_manifest
from verifier.feeds.breaker import Breaker, BreakerEvent, BreakerState, on_event
from verifier.feeds.lines import complete
from verifier.feeds.part_encoding import Inflater
from verifier.feeds.reports import BatchReport, BatchState
from verifier.feeds.sources import Source, SourceState
from verifier.service.feeds.application import Application, OvertakenError, apply_batch
from verifier.service.feeds.books import Books
from verifier.service.feeds.metrics import FeedMetrics
from verifier.service.feeds.reception import Reception, Register
from verifier.service.feeds.spool import Spool

ANSWER_S: Final = 10.0
"""Seconds that a sender waits for its batch to be applied; then it is told to ask again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What the channels have in common."""

    register: Register
    folder: Path
    """Of the spools."""
    metrics: FeedMetrics
    log: Log
    finished: asyncio.Event
    """Set when a batch was finished: planes may be fed up to a later moment."""


class Channel:
    """One source."""

    def __init__(self, source: Source, shared: Shared) -> None:
        self.source = source
        """As last read; exchanged on SIGHUP."""
        self.books = Books(shared.register.redis, source.name)
        self.breaker = Breaker()
        self.spool: Spool | None = None
        self._shared = shared
        self._manifest: BatchManifest | None = None
        """Of the spool."""
        self._receiving = False
        self._task: asyncio.Task[None] | None = None
        self.problem: str | None = None
        """Why its batch cannot be finished by itself."""

    @property
    def busy(self) -> bool:
        """Say whether a batch is being applied."""
        return self._task is not None and not self._task.done()

    @property
    def folder(self) -> Path:
        """Return where its spool lies."""
        return self._shared.folder / self.source.name

    @property
    def form(self) -> BatchForm | None:
        """Return how the open batch is written; None: no batch is open."""
        return None if self._manifest is None else self._manifest.form

    async def recover(self) -> None:
        """Take up what an earlier process has left: go on applying, or wait for the next part."""
        spool = await asyncio.to_thread(Spool.found, self.folder)
        if spool is None:
            return
        try:
            manifest = read_manifest(take_apart(spool.manifest).payload)
        except MalformedError:
            return
        self.spool, self._manifest = spool, manifest
        if spool.received.complete:
            self._start(spool, manifest)

    async def stop(self) -> None:
        """End what is being applied; the next process goes on."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @contextmanager
    def part(self) -> Iterator[None]:
        """Hold the source for one part: `offer` or `resume`, then `receive`.

        Raises:
            FeedRefused: another part is coming in.
        """
        if self._receiving:
            raise FeedRefused(FeedCause.BATCH_BUSY)
        self._receiving = True
        try:
            yield
        finally:
            self._receiving = False

    async def offer(self, envelope: bytes) -> BatchReport | None:
        """Judge a manifest; a report answers it, None asks for the text from the beginning.

        Raises:
            FeedRefused: with the cause.
            Outage: the store is away.
        """
        manifest = open_manifest(envelope, self.source)
        progress = await self.books.progress()
        known = await self.books.report(manifest.sequence)
        turn = judge_turn(manifest, progress, known)
        if turn is Turn.AGAIN:
            return known
        judge_time(manifest, self.source, now())
        mine = self._manifest is not None and self._manifest.same_batch(manifest)
        if self.busy and not mine:
            raise FeedRefused(FeedCause.BATCH_BUSY, expected=manifest.sequence)
        spool = self.spool
        if mine and spool is not None and spool.received.complete:
            self._start(spool, manifest)
            return await self._outcome(spool, manifest)
        await self.books.check_planes(manifest)
        self._ask()
        self.spool = await asyncio.to_thread(Spool.begin, self.folder, envelope)
        self._manifest = manifest
        return None

    def resume(self, batch: str) -> BatchReport | None:
        """Prepare for the next part of a batch; a report: its text is here already.

        Raises:
            FeedRefused: no such batch is open, the source may not send now, or its manifest no
                longer holds.
        """
        spool, manifest = self.spool, self._manifest
        if spool is None or manifest is None or manifest.batch.hex() != batch:
            raise FeedRefused(FeedCause.BATCH_UNKNOWN)
        if spool.received.complete:
            return self._told(spool, manifest)
        self._judge(spool)
        if self.breaker.state is not BreakerState.HALF_OPEN:  # there it is the batch on trial
            self._ask()
        return None

    async def receive(
        self, parts: AsyncGenerator[bytes, None], *, gzip: bool, offset: int
    ) -> BatchReport:
        """Read a part of the text; once it is whole, apply it.

        Raises:
            FeedRefused: it is not what its manifest says; the text is to be sent anew.
            Outage: the store is away; what was read is kept.
            OSError: the disk does not take it.
        """
        spool, manifest = self.spool, self._manifest
        if spool is None or manifest is None:
            raise FeedRefused(FeedCause.BATCH_UNKNOWN)
        if offset != spool.received.octets:
            raise FeedRefused(FeedCause.PART_OFFSET, expected=spool.received.octets)
        try:
            await self._read(parts, Inflater(gzip=gzip), spool, manifest)
            if spool.received.octets < manifest.octets:
                return self._told(spool, manifest)
            complete(manifest, spool.received.position)
            self._judge(spool)  # a part may have taken hours
        except FeedRefused:
            self._fail(spool)
            raise
        wrong, allowed = spool.received.wrong, self.source.file.limits.wrong_lines
        if wrong * 1000 > allowed * manifest.lines:
            return await self._refuse(spool, manifest)
        whole = msgspec.structs.replace(spool.received, complete=True)
        await asyncio.to_thread(spool.keep, whole, [])
        self._start(spool, manifest)
        return await self._outcome(spool, manifest)

    def _judge(self, spool: Spool) -> None:
        """Judge a batch by the source as it was last read: its key may be taken out by now."""
        open_manifest(spool.manifest, self.source)
        if self.source.file.state is not SourceState.ACTIVE:
            raise FeedRefused(FeedCause.SOURCE_SUSPENDED)

    def slow(self) -> None:
        """Note that the sender did not send; what came is kept."""
        self._event(BreakerEvent.FAILURE)

    async def report(self, batch: str) -> BatchReport:
        """Return what is known of a batch.

        Raises:
            FeedRefused: nothing is.
            Outage: the store is away.
        """
        spool, manifest = self.spool, self._manifest
        if spool is not None and manifest is not None and manifest.batch.hex() == batch:
            return self._told(spool, manifest)
        for report in (await self.books.reports()).values():
            if report.batch == batch:
                return report
        raise FeedRefused(FeedCause.BATCH_UNKNOWN)

    def open_batch(self) -> BatchReport | None:
        """Return where the open batch stands."""
        if self.spool is None or self._manifest is None:
            return None
        return self._told(self.spool, self._manifest)

    async def _read(
        self,
        parts: AsyncGenerator[bytes, None],
        inflater: Inflater,
        spool: Spool,
        manifest: BatchManifest,
    ) -> None:
        reception = Reception(manifest, self.source, spool, self._shared.register)
        loop = asyncio.get_running_loop()
        start, before = loop.time(), reception.lines
        rate = self.source.file.limits.lines_per_second
        try:
            async with aclosing(parts):
                async for data in parts:
                    for piece in inflater.take(data):
                        await reception.take(piece, now())
                        ahead = (reception.lines - before) / rate - (loop.time() - start)
                        await asyncio.sleep(max(0.0, ahead))
        finally:
            await reception.keep()

    def _start(self, spool: Spool, manifest: BatchManifest) -> None:
        if not self.busy:
            self._task = asyncio.create_task(self._apply(spool, manifest))

    async def _apply(self, spool: Spool, manifest: BatchManifest) -> None:
        shared, name = self._shared, self.source.name
        work = Application(
            redis=shared.register.redis,
            turns=shared.register.turns,
            source=self.source,
            manifest=manifest,
            spool=spool,
        )
        try:
            progress = await apply_batch(work)
            report = msgspec.structs.replace(
                self._told(spool, manifest),
                state=BatchState.APPLIED,
                applied=progress.applied,
                older=progress.older,
                chain=progress.chain,
                at=progress.at,
            )
            await self._keep(report)
        except OvertakenError:
            # The store was set back, or fed by somebody else: what is here fits nothing any more.
            shared.log.warning("feed.overtaken", source=name, sequence=manifest.sequence)
            self._close(spool)
            return
        except Exception:
            shared.log.exception("feed.failed", source=name, sequence=manifest.sequence)
            self.problem = f"batch {manifest.sequence} of {name} stopped half-way: read the log"
            return
        finally:
            shared.finished.set()
        self.problem = None
        self._close(spool)
        self._event(BreakerEvent.SUCCESS)
        self._count(report)
        shared.log.info(
            "feed.applied", source=name, sequence=report.sequence, lines=report.lines,
            applied=report.applied, older=report.older, wrong=report.wrong,
        )  # fmt: skip

    async def _keep(self, report: BatchReport) -> None:
        """Keep a report, however long the store is away: the batch is applied already."""
        while True:
            try:
                await self.books.keep(report)
            except Outage:
                await asyncio.sleep(1.0)
            else:
                return

    async def _outcome(self, spool: Spool, manifest: BatchManifest) -> BatchReport:
        """Wait a while for a batch to be applied, and say how it stands then."""
        if self._task is not None:
            await asyncio.wait((self._task,), timeout=ANSWER_S)
        if self.spool is spool:
            return self._told(spool, manifest)
        found = await self.books.report(manifest.sequence)
        return self._told(spool, manifest) if found is None else found

    async def _refuse(self, spool: Spool, manifest: BatchManifest) -> BatchReport:
        report = msgspec.structs.replace(
            self._told(spool, manifest),
            state=BatchState.REFUSED,
            cause=FeedCause.BODY_ERRORS,
            at=int(now()),
        )
        await self.books.keep(report)
        self._fail(spool)
        self._count(report)
        self._shared.metrics.count(
            self._shared.metrics.refused, self.source.name, FeedCause.BODY_ERRORS
        )
        return report

    def _told(self, spool: Spool, manifest: BatchManifest) -> BatchReport:
        received = spool.received
        return BatchReport(
            source=self.source.name,
            batch=manifest.batch.hex(),
            digest=manifest.digest.hex(),
            sequence=manifest.sequence,
            state=BatchState.APPLYING if received.complete else BatchState.RECEIVING,
            octets=received.octets,
            lines=received.lines,
            skipped=received.skipped,
            wrong=received.wrong,
            counts=received.counts,
            wrong_lines=received.wrong_lines,
            observed=received.observed,
        )

    def _ask(self) -> None:
        """Let a part in, or not.

        Raises:
            FeedRefused: the breaker is open.
        """
        answer = on_event(
            self.breaker, BreakerEvent.ASK, self.source.file.breaker, time.monotonic()
        )
        self.breaker = answer.breaker
        if not answer.admitted:
            raise FeedRefused(FeedCause.SOURCE_OPEN, wait=answer.wait)

    def _fail(self, spool: Spool) -> None:
        self._close(spool)
        self._event(BreakerEvent.FAILURE)

    def _close(self, spool: Spool) -> None:
        spool.drop()
        if self.spool is spool:
            self.spool = self._manifest = None

    def _event(self, event: BreakerEvent) -> None:
        was = self.breaker.state
        rules = self.source.file.breaker
        self.breaker = on_event(self.breaker, event, rules, time.monotonic()).breaker
        if self.breaker.state is BreakerState.OPEN and was is not BreakerState.OPEN:
            opened = self._shared.metrics.opened
            opened[self.source.name] = opened.get(self.source.name, 0) + 1
            self._shared.log.warning("feed.breaker_open", source=self.source.name)

    def _count(self, report: BatchReport) -> None:
        metrics = self._shared.metrics
        metrics.count(metrics.batches, report.source, report.state)
        for fate in ("applied", "older", "skipped", "wrong"):
            metrics.count(metrics.lines, report.source, fate, getattr(report, fate))
