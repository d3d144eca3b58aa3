"""A batch whose write was not answered is stored once, whether the store did it or will."""

import asyncio
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from redis.asyncio import Redis

from fleet.arrivals import Arrival
from fleet.contract.topics import Shard
from fleet.service.metrics import FleetMetrics
from fleet.service.served_shard import ServedShard
from fleet.service.shard_writer import ShardWriter
from fleet.service.store.leases import Leases
from fleet.service.store.shards import load_shard
from runtime.clock import now_ms
from runtime.settings import RedisSettings
from runtime.store import open_store
from tests.support.redis_server import RedisServer, redis_server

SILENT_S = 0.4
STALLED_S = 1.0
DEAD = "f:{s5}:dead"


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    """Run one store for the file."""
    with redis_server() as server:
        yield server


async def letters(store: Redis) -> list[bytes]:
    """Return the payloads of the dead letters that are kept."""
    rows: Any = await store.xrange(DEAD)
    return [fields[b"payload"] for _, fields in rows]


def test_a_batch_that_a_stalled_store_has_is_not_written_again(redis: RedisServer) -> None:
    """The store stands still under a batch of letters that no contract allows."""

    async def scene() -> None:
        store = open_store(
            RedisSettings(
                socket=str(redis.socket),
                user="fleet",
                password_file=str(redis.password_file("fleet")),
            ),
            silent_s=SILENT_S,
        )
        log: Any = structlog.get_logger()
        writer = ShardWriter(store, FleetMetrics(), log)
        running = asyncio.ensure_future(writer.run())
        try:
            fence = await Leases(redis=store, holder="one").take(Shard("5"), own=True)
            assert fence is not None
            served = ServedShard(await load_shard(store, Shard("5"), now_ms()), fence)
            sent = []
            for number in range(4):
                if number in (1, 2):
                    os.kill(redis.pid, signal.SIGSTOP)
                sent.append(b"letter %d" % number)
                writer.deliver(served, Arrival("no/topic", sent[-1], retained=False), None)
                if number in (1, 2):
                    await asyncio.sleep(STALLED_S)
                    os.kill(redis.pid, signal.SIGCONT)
                async with asyncio.timeout(20):
                    while served.doubtful or len(await letters(store)) < len(sent):  # noqa: ASYNC110
                        await asyncio.sleep(0.05)
            assert await letters(store) == sent
        finally:
            os.kill(redis.pid, signal.SIGCONT)
            running.cancel()
            await store.aclose()

    asyncio.run(scene())
