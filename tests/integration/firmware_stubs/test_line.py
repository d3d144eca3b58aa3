"""The line to the real fleet over the real broker: births, wills, commands, acknowledgements."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from firmware_stubs.clock import Offset
from firmware_stubs.edge.disk.database import Database
from firmware_stubs.edge.disk.facts import SqliteFacts
from fleet.contract.commands import CommandState
from tests.support.centre import root_file
from tests.support.fleet_process import FleetHouse, eventually, fleet_house
from tests.support.mqtt_terminal import TestTerminal
from tests.support.terminal_process import (
    ROOT,
    Identities,
    TerminalProcess,
    terminal_process,
)

DYING = str(ROOT / "tests" / "support" / "dying_terminal.py")
NAMES = tuple(f"hall-{number}" for number in range(1, 9))
"""A terminal for each test, so that epochs and sequences start at one."""


@pytest.fixture(scope="module")
def house() -> Iterator[FleetHouse]:
    """Run one fleet for the file."""
    with fleet_house(NAMES) as running:
        yield running


@pytest.fixture
def process(house: FleetHouse, request: pytest.FixtureRequest) -> Iterator[TerminalProcess]:
    """Prepare the terminal that the test names; the verifier is not there."""
    broker = house.broker
    name = request.param
    given = house.terminals[name]
    identities = Identities(broker.directory, broker.terminal_ca, broker.service_ca)
    with terminal_process(
        identities,
        root_file(),
        verifier_url="https://127.0.0.1:1",
        name=name,
        broker=(broker.host, broker.port),
        key=str(given.key),
        certificate=str(given.certificate),
    ) as made:
        yield made


def of(name: str) -> Any:
    """Give a test its terminal."""
    return pytest.mark.parametrize("process", [name], indirect=True)


def fleet_shows(house: FleetHouse, process: TerminalProcess) -> dict[str, Any]:
    """Return what the fleet shows of the terminal."""
    path = f"/v1/terminals/{process.settings['terminal']}"
    found: dict[str, Any] = house.fleet.ask("GET", path).body
    return found


def online(house: FleetHouse, process: TerminalProcess) -> None:
    """Wait until the fleet shows it as online."""
    eventually("online", lambda: fleet_shows(house, process)["presence"] == "online")


def state(house: FleetHouse, command: str) -> str:
    """Return a command's state at the fleet."""
    return str(house.fleet.ask("GET", f"/v1/commands/{command}").body["state"])


def ends_as(house: FleetHouse, command: str, wanted: CommandState) -> None:
    """Wait until a command is in a state."""
    eventually(f"{wanted}", lambda: state(house, command) == wanted, within=60)


def command(house: FleetHouse, process: TerminalProcess, key: str) -> str:
    """Give an open_gate; returns its id."""
    given = house.fleet.command(process.settings["terminal"], key)
    assert given.status == 202
    return str(given.body["id"])


def make_sure(process: TerminalProcess) -> None:
    """Give the terminal the time, as an answer of the verifier before a restart would have."""
    folder = process.state_folder
    folder.mkdir(mode=0o700)
    database = Database(folder / "state.db")
    SqliteFacts(database).persist_offset(Offset(low=-0.5, high=0.5, at=time.time()))
    database.close()


@of("hall-1")
def test_birth_beat_and_orderly_leave(house: FleetHouse, process: TerminalProcess) -> None:
    """The fleet knows the terminal, its software and its bundles; a new start is a new epoch."""
    process.start()
    online(house, process)
    eventually("a beat", lambda: fleet_shows(house, process)["beat"] is not None)
    shown = fleet_shows(house, process)
    assert shown["epoch"] == [1, 1]
    assert shown["birth"]["software"]["name"] == "kapok-terminal"
    assert shown["birth"]["capabilities"] == ["open_gate"]
    assert shown["beat"]["verifier_online"] in (True, False)
    assert process.stop() == 0
    eventually("degraded", lambda: fleet_shows(house, process)["presence"] == "degraded")
    process.start()
    online(house, process)
    assert fleet_shows(house, process)["epoch"] == [1, 2]


@of("hall-2")
def test_open_gate_once(house: FleetHouse, process: TerminalProcess) -> None:
    """From the fleet's door to the gate and back, and nothing is kept once acknowledged."""
    make_sure(process)
    process.start()
    online(house, process)
    given = command(house, process, "line-2")
    ends_as(house, given, CommandState.SUCCEEDED)
    assert process.state()["gate_openings"] == 1
    process.kill()
    process.start()
    online(house, process)
    assert process.state()["gate_openings"] == 0


@of("hall-3")
def test_unsure_clock_refuses_a_command(house: FleetHouse, process: TerminalProcess) -> None:
    """What may be done at most once needs to know the time."""
    process.start()
    online(house, process)
    ends_as(house, command(house, process, "line-3"), CommandState.REJECTED)
    assert process.state()["gate_openings"] == 0


@of("hall-4")
def test_killed_after_started_is_unknown_and_never_done_again(
    house: FleetHouse, process: TerminalProcess
) -> None:
    """Started is durable, the act may have happened: the fleet is told so after the restart."""
    make_sure(process)
    process.program = (DYING, "started")
    process.start()
    online(house, process)
    given = command(house, process, "line-4")
    assert process.wait() == -9
    process.program = ("-m", "firmware_stubs.edge")
    process.start()
    ends_as(house, given, CommandState.UNKNOWN)
    assert process.state()["gate_openings"] == 0


@of("hall-5")
def test_killed_after_the_act_is_unknown_and_never_done_again(
    house: FleetHouse, process: TerminalProcess
) -> None:
    """The gate had opened; a redelivery does not open it a second time."""
    make_sure(process)
    process.program = (DYING, "done")
    process.start()
    online(house, process)
    given = command(house, process, "line-5")
    assert process.wait() == -9
    assert len(process.lines("gate.opened")) == 1
    process.program = ("-m", "firmware_stubs.edge")
    process.start()
    ends_as(house, given, CommandState.UNKNOWN)
    assert len(process.lines("gate.opened")) == 1


@of("hall-6")
def test_cut_is_a_lost_connection_and_join_a_new_birth(
    house: FleetHouse, process: TerminalProcess
) -> None:
    """The broker sends the will; a command given meanwhile is done after the return."""
    make_sure(process)
    process.start()
    online(house, process)
    process.cut()
    eventually("degraded", lambda: fleet_shows(house, process)["presence"] == "degraded")
    assert not process.state()["broker"]["connected"]
    given = command(house, process, "line-6")
    process.cut(cut=False)
    ends_as(house, given, CommandState.SUCCEEDED)
    assert fleet_shows(house, process)["epoch"] == [1, 2]


@of("hall-7")
def test_broker_that_dies_is_found_again(house: FleetHouse, process: TerminalProcess) -> None:
    """By the backoff, with a new epoch; what the broker forgot is said again."""
    make_sure(process)
    process.start()
    online(house, process)
    house.broker.kill()
    process.await_state(lambda state: not state["broker"]["connected"], "the line is lost")
    house.broker.start()
    process.await_state(lambda state: state["broker"]["connected"], "it is back", within=60)
    ends_as(house, command(house, process, "line-7"), CommandState.SUCCEEDED)
    assert process.state()["gate_openings"] == 1


@of("hall-8")
def test_machine_with_the_same_certificate_throws_it_off(
    house: FleetHouse, process: TerminalProcess
) -> None:
    """It comes back with a newer epoch; the broker lets one of the two in at a time."""
    process.start()
    online(house, process)
    rival = TestTerminal("hall-8", house.broker, house.terminals["hall-8"])
    rival.connect()
    process.await_state(
        lambda state: (state["broker"]["epoch"] or [0, 0])[1] >= 2, "it connects again", within=60
    )
    rival.close()
    process.await_state(lambda state: state["broker"]["connected"], "it is back", within=60)
