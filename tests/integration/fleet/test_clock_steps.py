"""Presence when the server's clock is set: time that has passed counts, and no other."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from fleet import presence
from fleet.books.presence import PresenceBook
from fleet.presence import Presence
from fleet.service import shard_writer
from fleet.service.metrics import FleetMetrics
from fleet.service.served_shard import ServedShard
from fleet.service.shard_writer import ShardWriter
from fleet.service.store.leases import Leases
from fleet.service.store.shards import FencedWrite, Written, load_shard
from runtime.clock import now_ms
from runtime.settings import RedisSettings
from runtime.store import open_store
from tests.support.redis_server import RedisServer, redis_server
from tests.support.shard_messages import NAME, SHARD, beat, birth, registry

SILENT_MS = 1500
"""In place of 90 seconds."""
STEP_MS = 600_000
WAIT_S = 8.0


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    """Run an empty store: what one test leaves must not be online in the next."""
    with redis_server() as server:
        yield server


class Clock:
    """The server's clock, which a person can set."""

    def __init__(self) -> None:
        self.set_by = 0

    def __call__(self) -> int:
        """Return the time."""
        return now_ms() + self.set_by


@asynccontextmanager
async def served(redis: RedisServer, clock: Clock) -> AsyncIterator[tuple[ShardWriter, Any]]:
    """Serve a shard in which one terminal is online."""
    store = open_store(
        RedisSettings(
            socket=str(redis.socket), user="fleet", password_file=str(redis.password_file("fleet"))
        )
    )
    fence = await Leases(redis=store, holder="one").take(SHARD, own=True)
    assert fence is not None
    log: Any = structlog.get_logger()
    writer = ShardWriter(store, FleetMetrics(), log)
    writer.registry = registry()
    running = asyncio.ensure_future(writer.run())
    shard = ServedShard(await load_shard(store, SHARD, clock()), fence)
    for each in (birth(), beat(61.0)):
        writer.deliver(shard, each, None)
    await until(lambda: shown(shard) is Presence.ONLINE)
    try:
        yield writer, shard
    finally:
        running.cancel()
        await store.aclose()


def shown(shard: ServedShard) -> Presence:
    """Return the terminal's presence."""
    return shard.shard[PresenceBook].seen.get(NAME, presence.NEVER).presence


async def until(condition: Any, tick: Any = lambda: None) -> float:
    """Wait for a condition, or for WAIT_S; return the seconds."""
    begun = time.monotonic()
    while not condition() and time.monotonic() - begun < WAIT_S:
        tick()
        await asyncio.sleep(0.05)
    return time.monotonic() - begun


@pytest.mark.parametrize("step", [-STEP_MS, STEP_MS], ids=["back", "ahead"])
def test_a_silent_terminal_is_offline_in_time_whatever_the_clock_says(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """Set back, it was online ten minutes more; set ahead, it was offline at once."""
    clock = Clock()
    monkeypatch.setattr(shard_writer, "now_ms", clock)
    for bound in ("SILENT_MS", "LATE_MS"):
        monkeypatch.setattr(presence, bound, SILENT_MS)

    async def scene() -> tuple[float, Presence, int]:
        async with served(redis, clock) as (writer, shard):
            clock.set_by = step
            took = await until(lambda: shown(shard) is Presence.OFFLINE, lambda: writer.tick(shard))
            seen = shard.shard[PresenceBook].seen[NAME].last_seen
            return took, shown(shard), abs(clock() - seen)

    took, found, silent_ms = asyncio.run(scene())
    assert found is Presence.OFFLINE
    assert SILENT_MS / 1000 / 2 < took < WAIT_S
    assert silent_ms < STEP_MS / 2


@pytest.mark.parametrize("step", [-STEP_MS, STEP_MS], ids=["back", "ahead"])
def test_a_step_while_the_store_is_away_is_no_silence(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """A machine that stood still finds its clock set, and a write that was not answered."""
    clock = Clock()
    monkeypatch.setattr(shard_writer, "now_ms", clock)
    real, fails = shard_writer.write_all, [RedisError]

    async def write_all(store: Redis, writes: list[FencedWrite]) -> list[Written]:
        if fails:
            raise fails.pop()
        return await real(store, writes)

    async def scene() -> tuple[Presence, int]:
        async with served(redis, clock) as (writer, shard):
            before = clock() - shard.shard[PresenceBook].seen[NAME].last_seen
            monkeypatch.setattr(shard_writer, "write_all", write_all)
            clock.set_by = step
            writer.tick(shard)
            await until(lambda: not fails and not shard.doubtful and not shard.tick_waits)
            seen = shard.shard[PresenceBook].seen[NAME].last_seen
            return shown(shard), clock() - seen - before

    found, silent_ms = asyncio.run(scene())
    assert found is Presence.ONLINE
    assert 0 <= silent_ms < WAIT_S * 1000


def test_what_was_stored_by_a_clock_that_was_ahead_is_not_later_than_now(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fleet that starts after its clock was set right finds nobody seen in the future."""
    clock = Clock()
    clock.set_by = STEP_MS
    monkeypatch.setattr(shard_writer, "now_ms", clock)

    async def scene() -> int:
        async with served(redis, clock) as (writer, _):
            store = writer._redis
            again = await load_shard(store, SHARD, now_ms())
            return again[PresenceBook].seen[NAME].last_seen - now_ms()

    assert asyncio.run(scene()) <= 0
