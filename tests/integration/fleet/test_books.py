"""Books in a real store: a planted one is written and loaded by the same code as the rest."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from fleet.arrivals import read_arrival
from fleet.books.presence import PresenceBook
from fleet.presence import Presence
from fleet.service.metrics import FleetMetrics
from fleet.service.served_shard import ServedShard
from fleet.service.shard_writer import ShardWriter
from fleet.service.store.leases import Leases
from fleet.service.store.shards import load_shard, write_all, write_of
from fleet.shard import Work
from runtime.clock import now_ms
from runtime.settings import RedisSettings
from runtime.store import open_store
from tests.support.planted_book import COOL_MS, PLANTED, CoolOrder, Heat, HeatBook
from tests.support.redis_server import RedisServer, redis_server
from tests.support.shard_messages import NAME, SHARD, beat, birth, registry


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    """Run one store for the file."""
    with redis_server() as server:
        yield server


def test_a_planted_book_lives_in_the_store(redis: RedisServer) -> None:
    """Taken, ticked, written, loaded again, ordered: no file of the store knows of it."""

    async def scene() -> None:
        store = open_store(
            RedisSettings(
                socket=str(redis.socket),
                user="fleet",
                password_file=str(redis.password_file("fleet")),
            )
        )
        try:
            fence = await Leases(redis=store, holder="one").take(SHARD, own=True)
            assert fence is not None
            start = now_ms()
            shard = await load_shard(store, SHARD, start, PLANTED)
            work = Work(shard, start)
            for each in (birth(), beat(61.0)):
                work.take(read_arrival(each, SHARD, registry(), 1))
            assert await write_all(store, [write_of(work, fence, before="", turn="1")]) == [True]
            again = await load_shard(store, SHARD, start, PLANTED)
            assert again[HeatBook] == {NAME: Heat(start, start)}
            assert again[PresenceBook].seen[NAME].presence is Presence.ONLINE

            later = Work(again, start + COOL_MS)
            later.tick()
            assert await write_all(store, [write_of(later, fence, before="1", turn="2")]) == [True]
            cooled = await load_shard(store, SHARD, start, PLANTED)
            assert cooled[HeatBook] == {}

            log: Any = structlog.get_logger()
            writer = ShardWriter(store, FleetMetrics(), log)
            running = asyncio.ensure_future(writer.run())
            served = ServedShard(cooled, fence)
            assert [await writer.order(served, CoolOrder(NAME)) for _ in range(3)] == [1, 2, 3]
            running.cancel()
        finally:
            await store.aclose()

    asyncio.run(scene())
