"""The writer of shards: what changes one comes here, is stored in batches, and then answered.

One queue, one writer. Arrivals, orders, ticks and news of the broker are worked off in order, as
one batch of at most 200 or of what came within 20 ms; the core computes the changes, one pipeline
writes them, and only then are messages acknowledged, commands sent and callers answered. When the
store is away the batch waits: nothing is acknowledged, reading stops when the queue is full, and
the broker keeps what is not acknowledged. Callers get their refusal at once. When the store is
back, it says by the name of its newest write whether the batch is in it; if not, the batch is
computed again, and of both tries only one is done (`fleet.service.store.shards`).
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from redis.asyncio import Redis
from redis.exceptions import RedisError
from structlog.typing import FilteringBoundLogger

from fleet.arrivals import Arrival, Dead, ReadMessage, read_arrival
from fleet.books.book import BookOrder
from fleet.books.dead_letters import DeadLetterBook
from fleet.contract import messages
from fleet.contract.topics import RULES
from fleet.errors import FleetError
from fleet.registry import EMPTY, Registry
from fleet.service.metrics import FleetMetrics
from fleet.service.mqtt.connection import Receipt
from fleet.service.served_shard import ServedShard
from fleet.service.store.shards import (
    NO_TURN,
    FencedWrite,
    Written,
    load_shard,
    read_strings,
    read_turn,
    write_all,
    write_of,
)
from fleet.shard import Work
from runtime.clock import monotonic_ms, now_ms

BATCH: Final = 200
"""Messages in one pipeline; larger ones gain 3 %."""
LINGER_S: Final = 0.02
"""Seconds a batch waits to fill."""
FULL: Final = 4_000
"""Waiting messages at which reading stops: twenty batches."""
FULL_BYTES: Final = 16 * 1024 * 1024
"""Bytes of waiting messages at which reading stops: 4,000 of 4 KB, the longest being 8 KB."""
ROOMY: Final = 1_000
"""Waiting messages at which it goes on."""
ROOMY_BYTES: Final = FULL_BYTES // 4
"""Bytes of waiting messages at which it goes on."""
MESSAGE_BYTES: Final = 512
"""Bytes that a message takes besides its topic and payload."""
MAX_ORDERS: Final = 2_000
"""Waiting orders; the next is refused as busy."""
STEP_MS: Final = 1000
"""From here on the clock was set, and did not only drift: moments are moved with it."""
RETRY_S: Final = 0.25
"""Seconds between attempts while the store is away."""

Answer = TypeVar("Answer")


class BusyError(Exception):
    """The writer cannot take the order now; nothing was stored for it, or it is not known."""


@dataclass(slots=True)
class Message:
    """A message to store."""

    served: ServedShard
    arrival: Arrival
    receipt: Receipt | None
    stored: bool = False

    @property
    def octets(self) -> int:
        """Return the bytes it takes while it waits."""
        return MESSAGE_BYTES + len(self.arrival.topic) + len(self.arrival.payload)


@dataclass(slots=True)
class Given:
    """An order to store; the future hears its answer."""

    served: ServedShard
    order: BookOrder[Any]
    answer: "asyncio.Future[Any]"
    stored: bool = False


@dataclass(slots=True)
class Moment:
    """Something that happened to a whole shard."""

    served: ServedShard
    happen: Callable[[Work], None]
    stored: bool = False


Job = Message | Given | Moment


class ShardWriter:
    """The queue and its writer."""

    def __init__(self, redis: Redis, metrics: FleetMetrics, log: FilteringBoundLogger) -> None:
        self.registry: Registry = EMPTY
        self._redis = redis
        self._metrics = metrics
        self._log = log
        self._jobs: deque[Job] = deque()
        self._octets = 0
        """Bytes of the messages that wait or are being stored."""
        self._orders = 0
        self._wake = asyncio.Event()
        self._enough = asyncio.Event()
        self._paused: set[ServedShard] = set()
        self._unanswered: dict[ServedShard, list[_Computed]] = {}

    def deliver(self, served: ServedShard, arrival: Arrival, receipt: Receipt | None) -> None:
        """Queue a message; when the queue is full its session stops reading.

        The broker's window bounds nothing: mosquitto lets a whole one go for each PUBACK.
        """
        message = Message(served, arrival, receipt)
        self._octets += message.octets
        self._put(message)
        full = len(self._jobs) >= FULL or self._octets >= FULL_BYTES
        if full and served.session is not None:
            served.session.pause()
            self._paused.add(served)

    def happen(self, served: ServedShard, what: Callable[[Work], None]) -> None:
        """Queue something that happened to a shard."""
        self._put(Moment(served, what))

    def tick(self, served: ServedShard) -> None:
        """Queue the passing of time, unless an earlier tick still waits."""
        if not served.tick_waits:
            served.tick_waits = True
            self.happen(served, Work.tick)

    async def order(self, served: ServedShard, order: BookOrder[Answer]) -> Answer:
        """Store an order; returns its answer.

        Raises:
            BusyError: too many wait, the store is away, or the shard was lost.
            FleetError: the book does not take it.
        """
        if self._orders >= MAX_ORDERS:
            raise BusyError
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._orders += 1
        try:
            self._put(Given(served, order, answer))
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
            self._octets -= sum(job.octets for job in batch if isinstance(job, Message))
            self._metrics.waiting.set(len(self._jobs))
            if len(self._jobs) <= ROOMY and self._octets <= ROOMY_BYTES and self._paused:
                for served in self._paused:
                    if served.session is not None:
                        served.session.resume()
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
            async with asyncio.timeout(LINGER_S):
                await self._enough.wait()
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
                    job.served.doubtful = True
                    if isinstance(job, Given):
                        _refuse(job, BusyError())
                batch = [job for job in batch if not isinstance(job, Given)]
                await asyncio.sleep(RETRY_S)
            batch = [job for job in batch if not job.stored and not job.served.lost.is_set()]

    async def _store(self, batch: Sequence[Job]) -> None:
        """Store a batch; of a shard of which another write came first nothing is stored yet."""
        for served in {job.served for job in batch}:
            if served.doubtful or served.turn is None:
                await self._look(served)
        by_shard: dict[ServedShard, list[Job]] = {}
        for job in (job for job in batch if not job.stored):
            by_shard.setdefault(job.served, []).append(job)
        works = [
            await self._compute(served, jobs)
            for served, jobs in by_shard.items()
            if not served.lost.is_set()
        ]
        for each in works:
            self._unanswered.setdefault(each.served, []).append(each)
        # An empty write still compares the fence: a repetition must not be acknowledged for others.
        answers = await write_all(self._redis, [each.write() for each in works])
        for each, answer in zip(works, answers, strict=True):
            self._written(each, answer)
        for job in batch:
            if job.served.lost.is_set():
                self._unanswered.pop(job.served, None)
                if isinstance(job, Given):
                    _refuse(job, BusyError())

    def _written(self, each: "_Computed", answer: Written) -> None:
        """Take in what became of a write."""
        served = each.served
        if answer is Written.OVERTAKEN:
            served.doubtful = True
            return
        del self._unanswered[served]
        if answer is Written.DONE:
            served.turn = each.turn
            self._settle(each)
        else:
            self._log.warning("shard.lost", shard=served.shard.name)
            served.lost.set()

    async def _look(self, served: ServedShard) -> None:
        """Find out which write the store has; what is in it is settled.

        The turn is read before the shard: what arrives between the two overtakes the next write.
        """
        served.turn = await read_turn(self._redis, served.shard.name)
        for each in self._unanswered.get(served, ()):
            if each.turn == served.turn:
                del self._unanswered[served]
                served.shard = each.work.base
                self._settle(each)
                break
        else:
            if served.doubtful:
                # By the clock that the stored moments are by: what moves them is yet to be stored.
                shard, moment = served.shard, monotonic_ms() + served.apart
                served.shard = await load_shard(self._redis, shard.name, moment, shard.books)
        served.doubtful = False

    async def _compute(self, served: ServedShard, jobs: Sequence[Job]) -> "_Computed":
        """Ask the core what the jobs make of the shard."""
        shard = served.shard
        work = Work(shard, now_ms())
        step = work.now - monotonic_ms() - served.apart
        if abs(step) >= STEP_MS:
            work.stepped(step)
        reads = {
            id(job): read_arrival(job.arrival, shard.name, self.registry, work.now)
            for job in jobs
            if isinstance(job, Message)
        }
        await self._recall(work, reads.values(), jobs)
        for job in jobs:
            match job:
                case Message():
                    work.take(reads[id(job)])
                case Moment():
                    job.happen(work)
                    served.tick_waits = False
                case Given():
                    try:
                        job.order.take(work)
                    except FleetError as error:
                        _refuse(job, error)
        return _Computed(served, list(jobs), work, step, served.next_turn())

    async def _recall(
        self, work: Work, reads: Iterable[ReadMessage | Dead], jobs: Sequence[Job]
    ) -> None:
        """Read what the books want from the store before they take the batch."""
        arrivals = [read for read in reads if isinstance(read, ReadMessage)]
        orders = [job.order for job in jobs if isinstance(job, Given)]
        known: frozenset[str] = frozenset()
        while new := work.wants(arrivals, orders) - known:
            work.recall(await read_strings(self._redis, work.base.name, new))
            known |= new

    def _settle(self, done: "_Computed") -> None:
        """Tell everybody about changes that are on disk."""
        served, work = done.served, done.work
        work.settle()
        if abs(done.step) >= STEP_MS:
            served.apart += done.step
        session = served.session
        for job in done.jobs:
            job.stored = True
            if isinstance(job, Message) and job.receipt is not None and session is not None:
                session.acknowledge(job.receipt)
            elif isinstance(job, Given):
                self._answer(work, job)
        self._metrics.stored.inc(sum(isinstance(job, Message) for job in done.jobs))
        self._metrics.batch.observe(len(done.jobs))
        for letter in work[DeadLetterBook].letters:
            self._metrics.dead.labels(letter.breach.value).inc()
        if session is None:
            return
        for topic, message in work.outgoing():
            # By the registry of now, so that an old generation is told nothing more.
            addressed = self.registry.addressed(topic, work.now)
            if addressed is None:
                continue
            payload = messages.encode(message)
            if not session.publish(str(addressed), payload, RULES[topic.name].qos):
                self._metrics.dropped.inc()

    def _answer(self, work: Work, job: Given) -> None:
        if job.answer.done():
            return
        answer = job.order.answer(work)
        if answer is None:
            _refuse(job, BusyError())
        else:
            job.answer.set_result(answer)


@dataclass(slots=True)
class _Computed:
    served: ServedShard
    jobs: list[Job]
    work: Work
    step: int
    """Milliseconds by which the clock lies off since the state was read, or last moved."""
    turn: str

    def write(self) -> FencedWrite:
        """Return the write that stores it."""
        before = self.served.turn or NO_TURN
        return write_of(self.work, self.served.fence, before=before, turn=self.turn)


def _refuse(job: Given, error: Exception) -> None:
    if not job.answer.done():
        job.answer.set_exception(error)
