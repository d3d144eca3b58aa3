"""What is acknowledged survives the crash of the fleet, the broker and the store."""

import json
from collections.abc import Iterator

import pytest

from fleet.contract.commands import ResultState
from fleet.contract.topics import TerminalId, shard_of
from tests.support.fleet_process import FleetHouse, eventually, fleet_house
from tests.support.mqtt_terminal import TestTerminal

NAME = "hall-1"
SHARD = shard_of(TerminalId(NAME))
NO_COMMAND = "f" * 32
"""Results about it become dead letters, and are counted and acknowledged like others."""


@pytest.fixture
def house() -> Iterator[FleetHouse]:
    """Run one house for each test."""
    with fleet_house((NAME,)) as running:
        yield running


@pytest.fixture
def terminal(house: FleetHouse) -> Iterator[TestTerminal]:
    """Connect the terminal."""
    each = TestTerminal(NAME, house.broker, house.terminals[NAME])
    each.connect()
    each.wait("the birth's ack", lambda: bool(each.acks))
    yield each
    each.close()


def stored(house: FleetHouse) -> int:
    """Return the highest result sequence in the store."""
    with house.redis.client() as client:
        row = client.hget(f"f:{{s{SHARD}}}:sequences", NAME)
    assert row is None or isinstance(row, bytes)
    return int(json.loads(row)["result"]) if row else 0


def send(terminal: TestTerminal, count: int) -> None:
    """Send results without waiting."""
    for _ in range(count):
        terminal.send_result(NO_COMMAND, ResultState.SUCCEEDED)


def test_killed_fleet_loses_nothing(house: FleetHouse, terminal: TestTerminal) -> None:
    """Killed in the middle of a burst, its successor gets what was not acknowledged.

    The terminal sends nothing twice here: the session at the broker belongs to the shard.
    """
    count = 5000
    send(terminal, count)
    eventually("a part is stored", lambda: stored(house) > 200)
    house.fleet.kill()
    at_kill = stored(house)
    in_flight = count - at_kill
    assert in_flight > 0, "nothing was in flight, the test shows nothing"
    house.fleet.start()
    eventually("all are stored", lambda: stored(house) == count, within=60)
    terminal.wait("the last ack", lambda: terminal.acks[-1].result == count)
    print(f"in flight at the kill: {in_flight} of {count}")  # noqa: T201 - the count is the point


def test_killed_broker_loses_and_the_terminal_heals(
    house: FleetHouse, terminal: TestTerminal
) -> None:
    """PUBACKed messages die with the broker; the terminal's resend at birth brings them back."""
    count = 100
    house.fleet.kill()
    before = terminal.pubacks
    send(terminal, count)
    terminal.wait("every PUBACK", lambda: terminal.pubacks - before == count)
    house.broker.kill()
    terminal.wait("the cut", lambda: not terminal.connected)
    house.broker.start()
    house.fleet.start()
    lost = count - stored(house)
    assert lost == count
    terminal.close()
    terminal.connect()
    terminal.wait("the ack of all", lambda: not terminal.outbox)
    assert stored(house) == count
    print(f"lost by the broker and healed: {lost} of {count}")  # noqa: T201 - as above


def test_fleet_outlives_its_broker(house: FleetHouse, terminal: TestTerminal) -> None:
    """After a broker's crash the running fleet subscribes again by itself."""
    house.broker.kill()
    terminal.wait("the cut", lambda: not terminal.connected)
    house.broker.start()
    house.fleet.await_ready()
    terminal.close()
    terminal.connect()
    given = house.fleet.command(NAME, "after-the-broker")
    terminal.wait("the command", lambda: terminal.opened == 1)
    terminal.wait("the ack", lambda: not terminal.outbox)
    assert house.fleet.ask("GET", given.headers["Location"]).body["state"] == "succeeded"


def test_killed_store_loses_nothing(house: FleetHouse, terminal: TestTerminal) -> None:
    """While the store is away nothing is acknowledged; afterwards everything is."""
    count = 1000
    send(terminal, 10)
    terminal.wait("the first ack", lambda: terminal.acks[-1].result == 10)
    house.redis.kill()
    send(terminal, count)
    eventually("it says it is not ready", lambda: not house.fleet.is_ready())
    assert house.fleet.command(NAME, "while-away").body["code"] == "store.unavailable"
    assert terminal.acks[-1].result == 10
    house.redis.start()
    terminal.wait("the ack of all", lambda: not terminal.outbox)
    assert stored(house) == count + 10
    house.fleet.await_ready()
    assert house.fleet.command(NAME, "afterwards").status == 202


def test_stop_is_orderly(house: FleetHouse, terminal: TestTerminal) -> None:
    """SIGTERM ends with status 0, and the leases are free at once."""
    assert terminal.connected
    assert house.fleet.stop() == 0
    with house.redis.client() as client:
        assert client.keys("f:*:lease") == []
