"""The desk: everything that changes a shard comes here, is stored in batches, and then answered.

One queue, one writer. Arrivals, orders, ticks and news of the broker are worked off in order, as
one batch of at most 200 or of what came within 20 ms; the core computes the changes, one pipeline
writes them, and only then are messages acknowledged, commands sent and callers answered. When the
store is away the batch waits and is computed again: nothing is acknowledged, reading stops when the
queue is full, and the broker keeps what is not acknowledged. Callers get their refusal at once.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError
from structlog.typing import FilteringBoundLogger

from fleet.commands import CommandRecord
from fleet.contract import messages
from fleet.contract.topics import RULES, Topic
from fleet.errors import CommandError
from fleet.registry import EMPTY, Registry
from fleet.service.metrics import FleetMetrics
from fleet.service.mqtt.connection import Receipt
from fleet.service.served_shard import ServedShard
from fleet.service.store import orders as order_store
from fleet.service.store.shards import load_shard, write_all, write_of
from fleet.shard import Arrival, Promise, ReadMessage, Work, read_arrival
from runtime.clock import now_ms

BATCH: Final = 200
"""Messages in one pipeline; larger ones gain 3 %."""
LINGER_S: Final = 0.02
"""Seconds a batch waits to fill."""
FULL: Final = 4_000
"""Waiting messages at which reading stops: twenty batches."""
ROOMY: Final = 1_000
"""Waiting messages at which it goes on."""
MAX_ORDERS: Final = 2_000
"""Waiting orders; the next is refused as busy."""
RETRY_S: Final = 0.25
"""Seconds between attempts while the store is away."""


class BusyError(Exception):
    """The desk cannot take the order now; nothing was stored for it, or it is not known."""


@dataclass(slots=True)
class Message:
    """A message to store."""

    held: ServedShard
    arrival: Arrival
    receipt: Receipt | None


@dataclass(slots=True)
class Given:
    """An order to store; the future hears the command, and whether it was there before."""

    held: ServedShard
    command: CommandRecord
    key: str
    digest: str
    answer: "asyncio.Future[tuple[CommandRecord, bool]]"
    stands_for: str = ""
    """Id of the command that the key stands for, once that was looked up."""


@dataclass(slots=True)
class Moment:
    """Something that happened to a whole shard."""

    held: ServedShard
    happen: Callable[[Work], None]


Job = Message | Given | Moment


class ShardWriter:
    """The queue and its writer."""

    def __init__(self, redis: Redis, metrics: FleetMetrics, log: FilteringBoundLogger) -> None:
        self.registry: Registry = EMPTY
        self._redis = redis
        self._metrics = metrics
        self._log = log
        self._jobs: deque[Job] = deque()
        self._orders = 0
        self._wake = asyncio.Event()
        self._enough = asyncio.Event()
        self._paused: set[ServedShard] = set()

    def deliver(self, held: ServedShard, arrival: Arrival, receipt: Receipt | None) -> None:
        """Queue a message; when the queue is full its session stops reading."""
        self._put(Message(held, arrival, receipt))
        if len(self._jobs) >= FULL and held.session is not None:
            held.session.pause()
            self._paused.add(held)

    def happen(self, held: ServedShard, what: Callable[[Work], None]) -> None:
        """Queue something that happened to a shard."""
        self._put(Moment(held, what))

    def tick(self, held: ServedShard) -> None:
        """Queue the passing of time, unless an earlier tick still waits."""
        if not held.tick_waits:
            held.tick_waits = True
            self.happen(held, Work.tick)

    async def give(
        self, held: ServedShard, command: CommandRecord, *, key: str, digest: str
    ) -> tuple[CommandRecord, bool]:
        """Store an order; returns the command, and whether it was there before.

        Raises:
            BusyError: too many wait, the store is away, or the shard was lost.
            CommandError: `idempotency.conflict` or `commands.too_many`.
        """
        if self._orders >= MAX_ORDERS:
            raise BusyError
        answer: asyncio.Future[tuple[CommandRecord, bool]] = (
            asyncio.get_running_loop().create_future()
        )
        self._orders += 1
        try:
            self._put(Given(held, command, key, digest, answer))
            return await answer
        finally:
            self._orders -= 1

    async def run(self) -> None:
        """Work off the queue until cancelled."""
        while True:
            await self._wake.wait()
            if len(self._jobs) < BATCH:
                await self._linger()
            batch = [self._jobs.popleft() for _ in range(min(BATCH, len(self._jobs)))]
            if not self._jobs:
                self._wake.clear()
            await self._finish(batch)
            self._metrics.waiting.set(len(self._jobs))
            if len(self._jobs) <= ROOMY and self._paused:
                for held in self._paused:
                    if held.session is not None:
                        held.session.resume()
                self._paused.clear()

    def _put(self, job: Job) -> None:
        self._jobs.append(job)
        self._wake.set()
        if len(self._jobs) >= BATCH or isinstance(job, Given):
            self._enough.set()

    async def _linger(self) -> None:
        """Give a batch the time to fill; a caller who waits cuts it short."""
        self._enough.clear()
        if any(isinstance(job, Given) for job in self._jobs):
            return
        try:
            await asyncio.wait_for(self._enough.wait(), LINGER_S)
        except TimeoutError:
            return

    async def _finish(self, batch: list[Job]) -> None:
        """Store a batch, however long it takes; what cannot wait is refused."""
        # Whoever gave a command and was told that we are busy does not expect it any more.
        batch = [job for job in batch if not (isinstance(job, Given) and job.answer.done())]
        while batch:
            try:
                await self._store(batch)
            except (RedisError, OSError) as error:
                self._metrics.retried.inc()
                self._log.warning("store.away", error=type(error).__name__)
                for job in batch:
                    job.held.doubtful = True
                    if isinstance(job, Given):
                        _refuse(job, BusyError())
                batch = [job for job in batch if not isinstance(job, Given)]
                await asyncio.sleep(RETRY_S)
            else:
                return

    async def _store(self, batch: Sequence[Job]) -> None:
        by_shard: dict[ServedShard, list[Job]] = {}
        for job in batch:
            by_shard.setdefault(job.held, []).append(job)
        for held in tuple(by_shard):
            if held.doubtful:
                held.shard = await load_shard(self._redis, held.shard.name, now_ms())
                held.doubtful = False
        works = [
            _Computed(held, jobs, await self._compute(held, jobs))
            for held, jobs in by_shard.items()
            if not held.lost.is_set()
        ]
        writes = [write_of(each.work, each.held.fence) for each in works]
        # An empty write still compares the fence: a repetition must not be acknowledged for others.
        held_on = await write_all(self._redis, writes)
        for each, mine in zip(works, held_on, strict=True):
            if mine:
                self._settle(each)
            else:
                self._log.warning("shard.lost", shard=each.held.shard.name)
                each.held.lost.set()
        for held, jobs in by_shard.items():
            if held.lost.is_set():
                for job in jobs:
                    if isinstance(job, Given):
                        _refuse(job, BusyError())

    async def _compute(self, held: ServedShard, jobs: Sequence[Job]) -> Work:
        """Ask the core what the jobs make of the shard."""
        shard = held.shard
        work = Work(shard, now_ms())
        reads = {
            id(job): read_arrival(job.arrival, shard.name, self.registry)
            for job in jobs
            if isinstance(job, Message)
        }
        named = {
            read.message.command
            for read in reads.values()
            if isinstance(read, ReadMessage) and isinstance(read.message, messages.Result)
        }
        missing = named - shard.commands.keys()
        if missing:
            work.recalled = await order_store.read_commands(self._redis, shard.name, missing)
        keys = {job.key for job in jobs if isinstance(job, Given)}
        promises = await order_store.read_promises(self._redis, shard.name, keys) if keys else {}
        for job in jobs:
            match job:
                case Message():
                    work.take(reads[id(job)])
                case Moment():
                    job.happen(work)
                    held.tick_waits = False
                case Given():
                    await self._take_order(work, job, promises)
        return work

    async def _take_order(self, work: Work, job: Given, promises: dict[str, Promise]) -> None:
        """Keep an order and its promise, or find what its key already stands for."""
        before = promises.get(job.key) or work.promises.get(job.key)
        job.stands_for = before.command if before else job.command.id
        if before is None:
            try:
                work.give(job.command)
            except CommandError as error:
                _refuse(job, error)
                return
            work.promises[job.key] = Promise(
                command=job.command.id, digest=job.digest, forget_at=job.command.forget_at
            )
        elif before.digest != job.digest:
            _refuse(job, CommandError("idempotency.conflict"))
        elif work.command(before.command) is None:
            work.recalled |= await order_store.read_commands(
                self._redis, work.base.name, [before.command]
            )

    def _settle(self, done: "_Computed") -> None:
        """Tell everybody about changes that are on disk."""
        held, work = done.held, done.work
        held.shard.settle(work)
        session = held.session
        for job in done.jobs:
            if isinstance(job, Message) and job.receipt is not None and session is not None:
                session.acknowledge(job.receipt)
            elif isinstance(job, Given):
                self._answer(work, job)
        self._metrics.stored.inc(sum(isinstance(job, Message) for job in done.jobs))
        self._metrics.batch.observe(len(done.jobs))
        for letter in work.dead:
            self._metrics.dead.labels(letter.breach.value).inc()
        if session is None:
            return
        outbound: list[tuple[Topic, messages.Message]] = [*work.acks(), *work.sends()]
        for topic, message in outbound:
            payload = messages.encode(message)
            if not session.publish(str(topic), payload, RULES[topic.name].qos):
                self._metrics.dropped.inc()

    def _answer(self, work: Work, job: Given) -> None:
        if job.answer.done():
            return
        command = work.command(job.stands_for)
        if command is None:
            _refuse(job, BusyError())
        else:
            job.answer.set_result((command, job.stands_for != job.command.id))


@dataclass(slots=True)
class _Computed:
    held: ServedShard
    jobs: list[Job]
    work: Work


def _refuse(job: Given, error: Exception) -> None:
    if not job.answer.done():
        job.answer.set_exception(error)
