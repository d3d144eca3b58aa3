"""Credentials of persons in a real Redis: added once, pruned, bounded, and small."""

import asyncio
import hashlib
from collections.abc import Iterator
from typing import Any

import pytest
from redis.asyncio import Redis

from tests.support.async_store import with_store
from tests.support.redis_server import RedisServer, redis_server
from verifier.issuing.credential_row import (
    MAX_HELD,
    CredentialForm,
    CredentialRow,
    credential_row,
    pack_held,
)
from verifier.service.store.credentials import (
    HeldFullError,
    credentials_field,
    credentials_key,
    hold,
    read_held,
)
from verifier.service.store.persons import person_field, person_key

NOW = 1_800_000_000 // 3600 * 3600
PEOPLE = 60_000
BUCKETS = PEOPLE // 71
"""Of persons; 18.7 million in 262,144 buckets are 71 each."""


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    """Yield a running Redis."""
    with redis_server() as running:
        yield running


def row(
    index: int, *, hours: int = 24, form: CredentialForm = CredentialForm.PHONE
) -> CredentialRow:
    """Return a credential that expires so many hours from now."""
    return credential_row(
        index, expires=NOW + hours * 3600, form=form, kid=index.to_bytes(8, "big")
    )


def test_as_many_as_anybody_may_hold_come_back(server: RedisServer) -> None:
    """In order, each once; one more is refused; a neighbour in the bucket is another person."""

    async def call(redis: Redis) -> None:
        rows = tuple(row(index) for index in range(MAX_HELD))
        for one in rows:
            await hold(redis, 1, 130, one, now=NOW)
            await hold(redis, 1, 130, one, now=NOW)
        assert await read_held(redis, 1, 130, now=NOW) == rows
        with pytest.raises(HeldFullError):
            await hold(redis, 1, 130, row(99), now=NOW)
        await hold(redis, 1, 130, rows[3], now=NOW)
        assert await read_held(redis, 1, 130, now=NOW) == rows
        assert await read_held(redis, 1, 129, now=NOW) == ()
        assert await read_held(redis, 2, 130, now=NOW) == ()

    with_store(server, call)


def test_what_has_expired_makes_room(server: RedisServer) -> None:
    """It is not read any more, and the next change drops it from the store."""

    async def call(redis: Redis) -> None:
        for index in range(MAX_HELD - 1):
            await hold(redis, 1, 7, row(index, hours=1), now=NOW)
        await hold(redis, 1, 7, row(50, hours=48), now=NOW)
        later = NOW + 3600
        assert await read_held(redis, 1, 7, now=later - 1) != (row(50, hours=48),)
        assert await read_held(redis, 1, 7, now=later) == (row(50, hours=48),)
        await hold(redis, 1, 7, row(51, hours=48), now=later)
        assert await read_held(redis, 1, 7, now=NOW) == (row(50, hours=48), row(51, hours=48))
        assert await redis.hlen(credentials_key(1, 7)) == 1

    with_store(server, call)


def test_many_at_once_lose_nothing(server: RedisServer) -> None:
    """Each of those that fit is there; each of the others was told."""

    async def call(redis: Redis) -> None:
        done = await asyncio.gather(
            *(hold(redis, 1, 300, row(index), now=NOW) for index in range(14)),
            return_exceptions=True,
        )
        assert done == [None] * 14
        kept = await read_held(redis, 1, 300, now=NOW)
        assert {one.credential for one in kept} == set(range(14))

    with_store(server, call)


def test_a_bucket_stays_packed(server: RedisServer) -> None:
    """Also where a whole bucket of persons hold five credentials each."""

    async def call(redis: Redis) -> None:
        for person in range(1280, 1408):
            for index in range(5):
                await hold(redis, 1, person, row(index), now=NOW)
        assert await redis.object("encoding", credentials_key(1, 1280)) == b"listpack"

    with_store(server, call, user="admin")


@pytest.mark.parametrize("taken", [0.56, 0.9])
def test_a_person_with_one_credential_takes_40_octets(taken: float) -> None:
    """With the person's own key; lists filled to a half and to nine tenths."""
    with redis_server(append_only=False) as server, server.client() as client:
        before = _used(client)
        pipeline = client.pipeline(transaction=False)
        for number in range(PEOPLE):
            made = hashlib.sha256(number.to_bytes(4, "big")).digest()
            bucket = int.from_bytes(made[:3], "big") % BUCKETS
            digest = (bucket << 6).to_bytes(3, "big") + made[3:16]
            # As the indices of 18.7 million lie, in a part of their list that is filled alike.
            person = int(number / taken)
            shown = str(person + (1 << 24))
            pipeline.hset(person_key(1, digest), person_field(digest), shown)
            one = CredentialRow(
                int.from_bytes(made[16:19], "big"), NOW + 3600, CredentialForm.PHONE, made[19:24]
            )
            key = credentials_key(1, person + (1 << 24))
            pipeline.hset(key, str(credentials_field(person)), pack_held(one))
        pipeline.execute()
        del pipeline
        each = (_used(client) - before) / PEOPLE
    assert each <= 40, each


def _used(client: Any) -> int:
    return int(client.info("memory")["used_memory"])
