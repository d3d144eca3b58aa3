"""A command from the HTTP door to a terminal, and its result back."""

from collections.abc import Iterator

import pytest

from fleet.contract.commands import CommandState
from tests.support.fleet_process import FleetHouse, eventually, fleet_house
from tests.support.mqtt_terminal import TestTerminal


@pytest.fixture(scope="module")
def house() -> Iterator[FleetHouse]:
    """Run one house for the file."""
    with fleet_house(("hall-1", "hall-2", "hall-3")) as running:
        yield running


@pytest.fixture
def terminal(house: FleetHouse) -> Iterator[TestTerminal]:
    """Connect hall-1."""
    each = TestTerminal("hall-1", house.broker, house.terminals["hall-1"])
    each.counter = eventually("a counter", lambda: _counter(house, "hall-1"))
    each.connect()
    eventually("online", lambda: presence(house, "hall-1") == "online")
    yield each
    each.close()


def presence(house: FleetHouse, name: str) -> str:
    """Return what the fleet shows."""
    return str(house.fleet.ask("GET", f"/v1/terminals/{name}").body["presence"])


def _counter(house: FleetHouse, name: str) -> int:
    epoch = house.fleet.ask("GET", f"/v1/terminals/{name}").body["epoch"]
    return int(epoch[1]) + 10 if epoch else 1


def state(house: FleetHouse, command: str) -> str:
    """Return a command's state."""
    return str(house.fleet.ask("GET", f"/v1/commands/{command}").body["state"])


def test_result_is_stored_and_acknowledged(house: FleetHouse, terminal: TestTerminal) -> None:
    """A command reaches the terminal, its result is stored, and the ack names it."""
    given = house.fleet.command("hall-1", "key-1")
    assert given.status == 202
    terminal.wait("the ack", lambda: any(ack.result == 1 for ack in terminal.acks))
    assert state(house, given.body["id"]) == CommandState.SUCCEEDED
    assert terminal.opened == 1
    assert not terminal.outbox
