"""Persons in a real Redis: the first index stands, nothing of a reference lies there, 20 bytes."""

import asyncio
import hashlib
from collections.abc import Iterator
from typing import Any

import pytest
from redis.asyncio import Redis

from tests.support.async_store import with_store
from tests.support.redis_server import RedisServer, redis_server
from verifier.service.store.erased import mark_erased
from verifier.service.store.persons import (
    MAX_ASKED,
    find_indices,
    find_persons,
    forget_person,
    keep_person,
    person_field,
    person_key,
)

PEOPLE = 200_000
LIST = 1 << 25


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    """Yield a running Redis."""
    with redis_server() as running:
        yield running


def digest(name: str) -> bytes:
    """Return sixteen bytes as a reference's."""
    return hashlib.sha256(name.encode()).digest()[:16]


def test_the_earlier_index_stands(server: RedisServer) -> None:
    """Whoever comes second is told the first's."""

    async def call(redis: Redis) -> None:
        assert await keep_person(redis, 1, digest("a"), 4_000_000_000) == 4_000_000_000
        assert await keep_person(redis, 1, digest("a"), 7) == 4_000_000_000
        assert await keep_person(redis, 2, digest("a"), 7) == 7
        found = await find_persons(redis, 1, [digest("b"), digest("a"), digest("a")])
        assert found == [None, 4_000_000_000, 4_000_000_000]
        assert await find_persons(redis, 1, []) == []

    with_store(server, call)


def test_many_at_once_agree(server: RedisServer) -> None:
    """A hundred that keep the same person get one answer."""

    async def call(redis: Redis) -> None:
        kept = await asyncio.gather(
            *(keep_person(redis, 1, digest("c"), person) for person in range(12))
        )
        assert len(set(kept)) == 1
        assert await find_persons(redis, 1, [digest("c")]) == [kept[0]]

    with_store(server, call)


def test_a_person_is_forgotten_once(server: RedisServer) -> None:
    """And then is nobody."""

    async def call(redis: Redis) -> None:
        await keep_person(redis, 1, digest("d"), 9)
        assert await forget_person(redis, 1, digest("d"))
        assert not await forget_person(redis, 1, digest("d"))
        assert await find_persons(redis, 1, [digest("d")]) == [None]

    with_store(server, call)


def test_who_was_erased_by_index_makes_room_for_a_new_person(server: RedisServer) -> None:
    """Nobody is found by the reference any more, and one of many new ones takes its place."""

    async def call(redis: Redis) -> None:
        await keep_person(redis, 1, digest("f"), 12)
        await keep_person(redis, 1, digest("g"), 13)
        await mark_erased(redis, 1, 12)
        digests = [digest("f"), digest("g")]
        assert await find_persons(redis, 1, digests) == [None, 13]
        assert await find_indices(redis, 1, digests) == [12, 13]
        new = [keep_person(redis, 1, digest("f"), person) for person in range(20, 30)]
        assert len(set(await asyncio.gather(*new))) == 1
        (found, _) = await find_persons(redis, 1, digests)
        assert found is not None
        assert found >= 20

    with_store(server, call)


def test_a_call_is_bounded(server: RedisServer) -> None:
    """One that asks for too many is ours, and wrong."""

    async def call(redis: Redis) -> None:
        with pytest.raises(ValueError, match="more"):
            await find_persons(redis, 1, [digest("e")] * (MAX_ASKED + 1))

    with_store(server, call)


def test_a_person_takes_twenty_octets() -> None:
    """As many in a bucket as 18.7 million give: an eleventh of the buckets, filled alike."""
    with redis_server(append_only=False) as server, server.client() as client:
        before = _used(client)
        pipeline = client.pipeline(transaction=False)
        for number in range(PEOPLE):
            made = hashlib.sha256(number.to_bytes(4, "big")).digest()[:16]
            # 18 bits make 262,144 buckets; these fill the 2,804 that give 71 each.
            bucket = int.from_bytes(made[:3], "big") % 2804
            made = (bucket << 6).to_bytes(3, "big") + made[3:]
            index = int.from_bytes(made[11:15], "big") % LIST
            pipeline.hset(person_key(1, made), person_field(made), str(index))
        pipeline.execute()
        del pipeline
        bytes_each = (_used(client) - before) / PEOPLE
    assert bytes_each <= 20, bytes_each


def _used(client: Any) -> int:
    return int(client.info("memory")["used_memory"])
