"""Ingest bounds itself by count and by bytes: what the broker lets go at once is no bound."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import paho.mqtt.client as paho
import pytest
import structlog
from paho.mqtt.enums import CallbackAPIVersion

from fleet.arrivals import Arrival
from fleet.contract.messages import MAX_MESSAGE_BYTES
from fleet.contract.topics import TerminalId, TopicName, shard_of, subscriptions, topic
from fleet.service.metrics import FleetMetrics
from fleet.service.mqtt.connection import Receipt, Session
from fleet.service.served_shard import ServedShard
from fleet.service.settings import MqttSettings
from fleet.service.shard_writer import ShardWriter
from fleet.service.store.leases import Leases
from fleet.service.store.shards import load_shard
from runtime.clock import now_ms
from runtime.settings import RedisSettings
from runtime.store import open_store
from tests.support.broker import Broker, broker
from tests.support.redis_server import redis_server

NAME = TerminalId("gate-a")
SHARD = shard_of(NAME)
BEAT = str(topic(TopicName.BEAT, NAME, 1))
FLOOD = 4_500
"""Messages of the longest kind: 36 MB, and more than may wait by number."""
MOST_BYTES = 17 * 1024 * 1024
PUBLISHED = 500
READ_AFTER_PAUSE = 60
WITHIN_S = 30.0


@pytest.fixture
def running() -> Iterator[Broker]:
    """Run a broker."""
    with broker() as each:
        yield each


def flood(running: Broker, payload: bytes, count: int) -> None:
    """Send messages as a terminal, and wait until the broker has them."""
    files = running.terminal(NAME)
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="gate-a.1")
    client.tls_set(str(files.ca), str(files.certificate), str(files.key))
    client.connect(running.host, running.port)
    client.loop_start()
    for _ in range(count - 1):
        client.publish(BEAT, payload, 0)
    client.publish(BEAT, b"last", 1).wait_for_publish(WITHIN_S)
    client.disconnect()
    client.loop_stop()


@asynccontextmanager
async def session(
    running: Broker, deliver: Callable[[Arrival, Receipt | None], None]
) -> AsyncIterator[Session]:
    """Connect as the fleet and subscribe to the terminal's shard."""
    files = running.service("fleet")
    it = Session(
        client_id=f"fleet-{SHARD}",
        settings=MqttSettings(
            host=running.host,
            port=running.service_port,
            ca=str(files.ca),
            certificate=str(files.certificate),
            key=str(files.key),
        ),
        subscriptions=subscriptions(SHARD),
        deliver=deliver,
    )
    connected = asyncio.Event()

    async def may() -> bool:
        return True

    serving = asyncio.ensure_future(it.serve(may, lambda _: connected.set(), lambda _: None))
    try:
        await asyncio.wait_for(connected.wait(), WITHIN_S)
        yield it
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        await it.close()


async def still(count: Callable[[], int]) -> int:
    """Return a count once it has not risen for a second."""
    before = -1
    async with asyncio.timeout(WITHIN_S):
        while (now := count()) != before:
            before = now
            await asyncio.sleep(1)
    return before


def test_reading_stops_at_so_many_bytes(running: Broker) -> None:
    """The store stands still, and a terminal sends the longest messages."""

    async def scene() -> None:
        store = open_store(settings, silent_s=5)
        log: Any = structlog.get_logger()
        writer = ShardWriter(store, FleetMetrics(), log)
        fence = await Leases(redis=store, holder="one").take(SHARD, own=True)
        assert fence is not None
        served = ServedShard(await load_shard(store, SHARD, now_ms()), fence)
        arrived: list[int] = []

        def deliver(arrival: Arrival, receipt: Receipt | None) -> None:
            arrived.append(len(arrival.payload))
            writer.deliver(served, arrival, receipt)

        async with session(running, deliver) as it:
            served.session = it
            writing = asyncio.ensure_future(writer.run())
            os.kill(redis.pid, signal.SIGSTOP)
            try:
                await asyncio.to_thread(flood, running, bytes(MAX_MESSAGE_BYTES), FLOOD)
                assert await still(lambda: len(arrived)) > 1_000
                assert sum(arrived) <= MOST_BYTES
            finally:
                os.kill(redis.pid, signal.SIGCONT)
            async with asyncio.timeout(WITHIN_S):
                while arrived[-1] != len(b"last"):  # noqa: ASYNC110 - another thread's
                    await asyncio.sleep(0.05)
            writing.cancel()
        await store.aclose()

    with redis_server() as redis:
        settings = RedisSettings(
            socket=str(redis.socket),
            user="fleet",
            password_file=str(redis.password_file("fleet")),
        )
        asyncio.run(scene())


def test_a_pause_holds_whatever_is_being_sent(running: Broker) -> None:
    """The library reads as many packets in a row as it has messages to send."""

    async def scene() -> None:
        arrived: list[Arrival] = []

        def deliver(arrival: Arrival, _: Receipt | None) -> None:
            arrived.append(arrival)
            it.pause()

        async with session(running, deliver) as it:
            it.pause()
            for _ in range(PUBLISHED):
                assert it.publish(str(topic(TopicName.ACK, NAME, 1)), b"{}", 1)
            await asyncio.to_thread(flood, running, b"beat", PUBLISHED)
            it.resume()
            assert 0 < await still(lambda: len(arrived)) < READ_AFTER_PAUSE

    asyncio.run(scene())
