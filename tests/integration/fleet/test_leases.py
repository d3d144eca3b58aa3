"""Two processes of the fleet: one serves, the other waits, and a stale one writes nothing."""

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fleet.books.presence import PresenceBook
from fleet.contract.topics import Shard, TerminalId, shard_of
from fleet.presence import TerminalPresence
from fleet.service.store.leases import Leases
from fleet.service.store.shards import load_shard, write_all, write_of
from fleet.shard import Shard as ShardState
from fleet.shard import Work
from runtime.settings import RedisSettings
from runtime.store import open_store
from tests.support.fleet_process import FleetHouse, FleetProcess, eventually, fleet_house
from tests.support.mqtt_terminal import TestTerminal
from tests.support.redis_server import RedisServer, redis_server


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    """Run one store for the file."""
    with redis_server() as server:
        yield server


def test_a_stale_fence_writes_nothing(redis: RedisServer) -> None:
    """After a takeover the earlier holder's write is refused as a whole."""
    name = TerminalId("hall-1")
    shard = Shard("3")

    async def scene() -> None:
        store = open_store(
            RedisSettings(
                socket=str(redis.socket),
                user="fleet",
                password_file=str(redis.password_file("fleet")),
            )
        )
        try:
            first, second = Leases(redis=store, holder="one"), Leases(redis=store, holder="two")
            fence = await first.take(shard, own=True)
            assert fence is not None
            assert await second.take(shard, own=True) is None
            work = Work(ShardState(name=shard), 5)
            work[PresenceBook].seen[name] = TerminalPresence(last_seen=1)
            assert await write_all(store, [write_of(work, fence, before="", turn="1")]) == [True]
            await first.release(shard, fence)
            taken = await second.take(shard, own=False)
            assert taken == fence + 1
            work[PresenceBook].seen[name] = TerminalPresence(last_seen=2)
            late = write_of(work, fence, before="1", turn="2")
            assert await write_all(store, [late]) == [False]
            assert not await first.renew(shard, fence)
            await first.release(shard, fence)
            assert await second.renew(shard, taken)
            assert (await load_shard(store, shard, 0))[PresenceBook].seen[name].last_seen == 1
            assert await first.take(shard, own=True) is None
            again = await Leases(redis=store, holder="two").take(shard, own=True)
            assert again == taken + 1
        finally:
            await store.aclose()

    asyncio.run(scene())


def test_a_stalled_process_is_replaced(tmp_path: Path) -> None:
    """A successor takes shards and sessions over; the stalled one wakes up and does no harm."""
    assert tmp_path.exists()
    with fleet_house(("hall-1",)) as house:
        first = house.fleet
        second = house.add_process("second")
        second.start(ready=False)
        each = TestTerminal("hall-1", house.broker, house.terminals["hall-1"])
        each.connect()
        each.wait("the birth's ack", lambda: bool(each.acks))
        fence = fence_of(house)
        first.signal(signal.SIGSTOP)
        try:
            eventually("the successor serves", second.is_ready, within=60)
            assert fence_of(house) == fence + 1
            given = second.command("hall-1", "by-the-second")
            assert given.status == 202
            each.wait("the command", lambda: each.opened == 1)
        finally:
            first.signal(signal.SIGCONT)
        refused = eventually("the first notices", lambda: busy(first), within=30)
        assert refused == "commands.busy"
        assert second.is_ready()
        each.wait("the result's ack", lambda: not each.outbox)
        assert second.ask("GET", given.headers["Location"]).body["state"] == "succeeded"
        assert fence_of(house) == fence + 1
        assert each.opened == 1
        each.close()


def busy(process: FleetProcess) -> str:
    """Return the code with which a process refuses a command, once it does."""
    answer = process.command("hall-1", "by-the-first")
    return str(answer.body["code"]) if answer.status == 503 else ""


def fence_of(house: FleetHouse) -> int:
    """Return the fencing number of the terminal's shard."""
    with house.redis.client() as client:
        value: Any = client.get(f"f:{{s{shard_of(TerminalId('hall-1'))}}}:fence")
    return int(value)
