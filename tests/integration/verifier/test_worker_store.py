"""A worker and its own user of the store: what it must do, and what another one's garbage does."""

from collections.abc import Iterator
from contextlib import suppress

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from tests.support.async_store import with_store
from tests.support.redis_server import RedisServer, redis_server
from verifier.service.store.grants import drop_grants, read_grants
from verifier.service.store.suspensions import SUSPENDED, read_suspensions


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """Run a store of one test."""
    with redis_server() as running:
        yield running


def test_a_worker_forgets_grants_that_ended(server: RedisServer) -> None:
    """After a rotation or another incarnation: else they come back at its next start."""
    with server.client() as client:
        client.hset("v:grants", mapping={"hall-1": "1|a", "hall-2": "2|b"})

    async def left(redis: Redis) -> tuple[bytes, ...]:
        with suppress(RedisError):
            await drop_grants(redis, ["hall-1"])
        return await read_grants(redis)

    assert with_store(server, left, user="worker") == (b"b",)


def test_what_is_no_suspension_ends_no_worker(server: RedisServer) -> None:
    """Written by a worker that somebody took over, it would end all others at every start."""
    rows = {b"hall-1": b"7", b"hall-2": b"x", b"\xff": b"7", b"hall-4": b"9" * 5000}
    with server.client() as client:
        client.hset(SUSPENDED, mapping=rows)

    async def read(redis: Redis) -> dict[str, int] | None:
        with suppress(ValueError):
            return await read_suspensions(redis)
        return None

    assert with_store(server, read, user="worker") == {"hall-1": 7}
