"""Budgets in a real store: one step counts and compares, whoever asks at the same time."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from redis.asyncio import Redis

from tests.support.async_store import with_store
from tests.support.redis_server import RedisServer, redis_server
from verifier.issuing.acts import ACTS, WINDOW_S, BudgetedAct
from verifier.service.store.budgets import (
    REFUSED,
    SPENT,
    SpentRow,
    budget_of,
    read_spent,
    spend,
)

ACT = BudgetedAct.REVOKE


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """Run a store of one test."""
    with redis_server() as running:
        yield running


def test_two_processes_spend_nothing_twice(server: RedisServer) -> None:
    """A hundred at once, of two operators: each has its own budget, to the item."""

    async def steps(redis: Redis) -> None:
        asked = [spend(redis, ACT, f"operator:{who}", 3, 100) for who in "ab" for _ in range(50)]
        found = await asyncio.gather(*asked)
        assert sum(each.taken for each in found) == 2 * 33
        rows = await read_spent(redis)
        assert rows == [SpentRow("revoke", f"operator:{who}", 99, 17) for who in "ab"]
        assert (await spend(redis, ACT, "operator:a", 1, 100)).taken
        assert not (await spend(redis, ACT, "operator:a", 1, 100)).taken

    with_store(server, steps)


def test_a_budget_comes_free_as_its_hour_passes(server: RedisServer) -> None:
    """Item by item, at the second that was told; more than the whole budget never does."""

    async def steps(redis: Redis) -> None:
        (now, _) = await redis.time()
        rows: Any = f"{now - WINDOW_S - 1}*5 {now - WINDOW_S + 60}*4 {now - 10}*4"
        await redis.hset(SPENT, "revoke|operator:a", rows)
        refused = await spend(redis, ACT, "operator:a", 5, 10)
        assert (refused.taken, refused.spent, refused.free_at) == (False, 8, now + 60)
        assert (await spend(redis, ACT, "operator:a", 2, 10)).spent == 10
        assert (await spend(redis, ACT, "operator:a", 11, 10)).free_at == 0
        assert 0 < await redis.ttl(SPENT) <= WINDOW_S
        assert 0 < await redis.ttl(REFUSED) <= WINDOW_S

    with_store(server, steps, user="admin")


def test_who_may_do_how_much_is_the_table_s() -> None:
    """An operator as its row says, a key as the row says for services; unknown acts nothing."""
    for act, rule in ACTS.items():
        assert budget_of(act, "operator:ling") == rule.budget
        assert budget_of(act, "key:system") == rule.services
        assert rule.budget or rule.services, act
    assert budget_of("other", "operator:ling") == 0
