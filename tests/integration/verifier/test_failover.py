"""A store with a copy has a name that every answer carries; a copy that takes over has another."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from redis.asyncio import Redis

from runtime.store import read_store_name
from tests.support.centre import (
    ADMIN_KEY,
    Centre,
    centre,
    eventually,
    free_ports,
    new_scan_id,
    shown,
)
from tests.support.redis_server import RedisServer, redis_server

HEADER = "Kapok-Store"


@pytest.fixture(scope="module")
def house() -> Iterator[Centre]:
    """Run a centre of its own: its store gets a copy."""
    with centre() as it:
        it.worker()
        yield it


@contextmanager
def copied(server: RedisServer) -> Iterator[RedisServer]:
    """Run a copy of a store."""
    (port,) = free_ports(1)
    with redis_server() as copy, server.client() as first, copy.client() as second:
        first.config_set("port", port)
        second.config_set("masteruser", "admin")
        second.config_set("masterauth", server.users["admin"])
        second.execute_command("REPLICAOF", "127.0.0.1", port)
        eventually("the copy follows", lambda: in_step(second.info("replication")))
        yield copy


def in_step(replication: Any) -> bool:
    """Say whether a copy has everything."""
    return bool(replication["master_link_status"] == "up")


def name_of(server: RedisServer) -> str | None:
    """Return the name of a store."""

    async def ask() -> str | None:
        redis = Redis(
            unix_socket_path=str(server.socket), username="admin", password=server.users["admin"]
        )
        try:
            return await read_store_name(redis)
        finally:
            await redis.aclose()

    return asyncio.run(ask())


def test_every_answer_names_the_store_once_it_has_a_copy(house: Centre) -> None:
    """By the fast lane and the long way; a problem too; alone it has no name."""
    assert house.scan(shown(31_000)).headers.get(HEADER) is None
    with copied(house.redis) as copy:
        name = name_of(house.redis)
        assert name

        def named() -> bool:
            return house.scan(shown(31_001)).headers.get(HEADER) == name

        eventually("answers name it", named)
        body = {"scan_id": new_scan_id(), "text": shown(31_002)}
        answers = [
            house.ask("POST", "/v1/scans", body, headers={"X-Long": "1"}),
            house.ask("GET", "/v1/records", key=ADMIN_KEY),
            house.ask("GET", "/v1/nothing", key=ADMIN_KEY),
            house.ask("POST", "/v1/scans", {"scan_id": "x"}),
        ]
        assert [answer.headers.get(HEADER) for answer in answers] == [name] * 4
        assert name_of(copy) != name or name_of(copy) is None
        with copy.client() as client:
            client.execute_command("REPLICAOF", "NO", "ONE")
        assert name_of(copy) not in (None, name)
