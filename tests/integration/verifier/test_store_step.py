"""While the clock of the store's machine made a step, hours and entries keep their names."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from redis.asyncio import Redis

from tests.support.async_store import with_store
from tests.support.redis_server import RedisServer, redis_server
from tests.support.store_line import StoreLine, new_scan, once
from verifier.contract.vocabulary import Answer
from verifier.service.store.moments import store_ms, tell_step
from verifier.service.store.records import read_records
from verifier.service.store.scans import Fresh

STEP_S = 2 * 86_400


class SetAhead:
    """A store as somebody sees it whose own clock is two days behind that of its machine."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def __getattr__(self, name: str) -> Any:
        return getattr(self._redis, name)

    async def time(self) -> tuple[int, int]:
        """Return the time as that machine says it."""
        seconds, micros = await self._redis.time()
        return seconds + STEP_S, micros


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """Yield a store with our functions."""
    with redis_server() as it:
        yield it


def hours(client: "redis.Redis") -> list[int]:
    """Return the hours that have records."""
    return sorted(int(key.rpartition(b":")[2]) for key in client.keys("v:*:r:*"))


def test_a_worker_tells_the_store_by_how_much(server: RedisServer) -> None:
    """Until the step is over; a clock that made none is not spoken of."""

    async def tell(store: Redis) -> list[int]:
        apart = SetAhead(store)
        return [
            await tell_step(store, 0),
            await tell_step(apart, 0),  # type: ignore[arg-type]
            await tell_step(store, STEP_S),
        ]

    assert with_store(server, tell, user="worker") == [0, STEP_S, 0]


def test_records_of_a_step_stand_in_the_hour_that_it_is(server: RedisServer) -> None:
    """Their ids go on behind what is there; claims, answers and repeats are as ever."""

    async def told(store: Redis) -> int:
        # This machine's clock is right: so the hour that it is, is the one of two days ago.
        return await tell_step(SetAhead(store), 0)  # type: ignore[arg-type]

    with StoreLine(server) as line, server.client() as client:
        now = int(time.time()) // 3600
        line.scan(new_scan(), once("a"))
        assert hours(client) == [now]
        with_store(server, told, user="worker")
        scan = new_scan()
        assert line.scan(scan, once("b")) == Fresh(Answer.FRESH)
        assert line.scan(new_scan(), once("b")) == Fresh(Answer.USED)
        assert hours(client) == [now - STEP_S // 3600, now]
        assert line.annul(scan) == 1
        key = f"v:{{07}}:r:{now - STEP_S // 3600}"
        entries: Any = client.xrange(key)
        at = int(entries[-1][0].partition(b"-")[0])
        assert abs(at / 1000 - (time.time() - STEP_S)) < 60
        client.xadd(key, {"r": b""}, id=f"{at + 10_000_000}-0")
        line.scan(new_scan(), once("c"))
        newest: Any = client.xrevrange(key, count=1)
        assert newest[0][0] == b"%d-1" % (at + 10_000_000)


def test_a_reader_of_records_does_not_run_ahead(server: RedisServer) -> None:
    """A cursor that a wrong clock gave would show nothing until that day."""

    async def read(store: Redis) -> tuple[int, int]:
        apart: Any = SetAhead(store)
        cursor, _, _ = await read_records(apart, int(time.time() * 1000) - 1000, 100)
        return cursor, await store_ms(apart)

    cursor, moment = with_store(server, read, user="worker")
    assert abs(cursor / 1000 - time.time()) < 60
    assert abs(moment / 1000 - time.time()) < 60
