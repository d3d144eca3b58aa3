"""A command from the HTTP door to a terminal, and its result back."""

from collections.abc import Iterator

import pytest

from fleet.contract.commands import CommandState, ResultState
from tests.support.fleet_process import FleetHouse, eventually, fleet_house
from tests.support.mqtt_terminal import TestTerminal


@pytest.fixture(scope="module")
def house() -> Iterator[FleetHouse]:
    """Run one house for the file."""
    with fleet_house(("hall-1", "hall-2", "hall-3")) as running:
        yield running


@pytest.fixture(scope="module")
def device(house: FleetHouse) -> Iterator[TestTerminal]:
    """Keep hall-1's memory over the file, as a device does."""
    each = TestTerminal("hall-1", house.broker, house.terminals["hall-1"])
    yield each
    each.close()


@pytest.fixture
def terminal(house: FleetHouse, device: TestTerminal) -> TestTerminal:
    """Connect hall-1 anew, with nothing heard yet."""
    device.close()
    device.answers, device.opened = True, 0
    device.acks.clear()
    device.commands.clear()
    device.connect()
    eventually("online", lambda: presence(house, "hall-1") == "online")
    return device


def presence(house: FleetHouse, name: str) -> str:
    """Return what the fleet shows."""
    return str(house.fleet.ask("GET", f"/v1/terminals/{name}").body["presence"])


def state(house: FleetHouse, command: str) -> str:
    """Return a command's state."""
    return str(house.fleet.ask("GET", f"/v1/commands/{command}").body["state"])


def test_result_is_stored_and_acknowledged(house: FleetHouse, terminal: TestTerminal) -> None:
    """A command reaches the terminal, its result is stored, and the ack names it."""
    given = house.fleet.command("hall-1", "key-1")
    assert given.status == 202
    terminal.wait("the ack", lambda: terminal.opened == 1 and not terminal.outbox)
    assert state(house, given.body["id"]) == CommandState.SUCCEEDED
    assert terminal.opened == 1
    assert not terminal.outbox


def test_same_key_finds_the_same_command(house: FleetHouse, terminal: TestTerminal) -> None:
    """A repeated request does nothing twice; with another body it is a conflict."""
    first = house.fleet.command("hall-1", "key-2")
    again = house.fleet.command("hall-1", "key-2")
    other = house.fleet.command("hall-1", "key-2", expires_in_s=7)
    assert (first.status, again.status) == (202, 200)
    assert first.body["id"] == again.body["id"]
    assert (other.status, other.body["code"]) == (409, "idempotency.conflict")
    eventually("success", lambda: state(house, first.body["id"]) == CommandState.SUCCEEDED)
    assert house.fleet.command("hall-1", "key-2").body["state"] == CommandState.SUCCEEDED
    assert terminal.opened == 1


def test_command_waits_for_birth(house: FleetHouse) -> None:
    """An offline terminal gets its command when it comes, exactly once."""
    given = house.fleet.command("hall-2", "key-3")
    assert given.body["state"] == CommandState.QUEUED
    late = TestTerminal("hall-2", house.broker, house.terminals["hall-2"])
    late.connect()
    late.wait("the ack", lambda: any(ack.result == 1 for ack in late.acks))
    assert state(house, given.body["id"]) == CommandState.SUCCEEDED
    assert late.opened == 1
    late.close()


def test_expired_commands_are_never_sent(house: FleetHouse) -> None:
    """What nobody came for in time expires, and is not sent afterwards."""
    given = house.fleet.command("hall-3", "key-4", expires_in_s=1)
    eventually("expiry", lambda: state(house, given.body["id"]) == CommandState.EXPIRED)
    late = TestTerminal("hall-3", house.broker, house.terminals["hall-3"])
    late.connect()
    late.wait("the birth's ack", lambda: bool(late.acks))
    assert not late.commands
    late.close()


def test_unfinished_commands_are_sent_again_at_birth(
    house: FleetHouse, terminal: TestTerminal
) -> None:
    """A terminal that restarts before it answered hears the command again, and acts once."""
    terminal.answers = False
    given = house.fleet.command("hall-1", "key-5")
    terminal.wait("the command", lambda: len(terminal.commands) == 1)
    terminal.cut()
    terminal.answers = True
    terminal.connect()
    terminal.wait("success", lambda: terminal.opened == 1)
    eventually("success", lambda: state(house, given.body["id"]) == CommandState.SUCCEEDED)
    assert [each.id for each in terminal.commands] == [given.body["id"]] * 2


def test_late_results_are_kept_as_late(house: FleetHouse, terminal: TestTerminal) -> None:
    """A result after the expiry changes nothing, is kept, and is an incident."""
    terminal.answers = False
    given = house.fleet.command("hall-1", "key-6", expires_in_s=1)
    command = given.body["id"]
    terminal.wait("the command", lambda: len(terminal.commands) == 1)
    eventually("time-out", lambda: state(house, command) == CommandState.TIMED_OUT, within=30)
    terminal.send_result(command, ResultState.SUCCEEDED)
    terminal.wait("the ack", lambda: not terminal.outbox)
    kept = house.fleet.ask("GET", f"/v1/commands/{command}").body
    assert (kept["state"], kept["late"]["state"]) == ("timed_out", "succeeded")
    incidents = house.fleet.ask("GET", "/v1/terminals/hall-1").body["incidents"]
    assert "command.late_result" in {each["kind"] for each in incidents}


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "code"),
    [
        ("hall-9", {"type": "open_gate"}, {"Idempotency-Key": "a"}, 404, "terminal.unknown"),
        ("hall-1", {"type": "open_gate"}, {}, 400, "idempotency.missing"),
        ("hall-1", {"type": "open_gate"}, {"Idempotency-Key": "a b"}, 400, "idempotency.missing"),
        ("hall-1", {"type": "reboot"}, {"Idempotency-Key": "b"}, 400, "body.field"),
        ("hall-1", {}, {"Idempotency-Key": "b"}, 400, "body.field"),
        ("hall-1", b"{", {"Idempotency-Key": "b"}, 400, "body.json"),
        ("hall-1", {"type": "open_gate", "x": 1}, {"Idempotency-Key": "b"}, 400, "body.field"),
        (
            "hall-1",
            {"type": "open_gate", "expires_in_s": 86401},
            {"Idempotency-Key": "b"},
            400,
            "expiry.range",
        ),
        (
            "hall-1",
            {"type": "open_gate", "arguments": {"wide": True}},
            {"Idempotency-Key": "b"},
            400,
            "arguments.bad",
        ),
        (
            "hall-1",
            b"{}",
            {"Idempotency-Key": "b", "Content-Type": "text/plain"},
            415,
            "body.type",
        ),
        ("hall-1", b" " * 10_000, {"Idempotency-Key": "b"}, 413, "body.large"),
    ],
)
def test_bad_requests_have_a_code(
    house: FleetHouse,
    path: str,
    body: object,
    headers: dict[str, str],
    status: int,
    code: str,
) -> None:
    """Every wrong request gets problem+json with its code."""
    answer = house.fleet.ask("POST", f"/v1/terminals/{path}/commands", body, headers=headers)
    assert (answer.status, answer.body["code"]) == (status, code)
    assert answer.headers["Content-Type"].startswith("application/problem+json")


def test_doors_are_locked(house: FleetHouse) -> None:
    """Without a key, with a wrong one, and at unknown places the answer is a problem."""
    ask = house.fleet.ask
    assert ask("GET", "/v1/terminals", key=None).body["code"] == "key.unknown"
    assert ask("GET", "/v1/terminals", key="kapok_test_" + "x" * 43).status == 401
    assert ask("GET", "/v1/terminals", key="kapok_test_\u00e9\u00ff").status == 401
    assert ask("GET", "/v1/commands/" + "0" * 32).body["code"] == "command.unknown"
    assert ask("GET", "/v1/commands/short").body["code"] == "command.unknown"
    assert ask("GET", "/v1/nothing").body["code"] == "path.unknown"
    assert ask("DELETE", "/v1/terminals").body["code"] == "method.unknown"
    assert ask("GET", "/healthz", key=None).status == 200
    assert b"fleet_stored_total" in ask("GET", "/metrics", key=None).body


def test_terminals_are_paged(house: FleetHouse) -> None:
    """A list is cut by limit and goes on after the last name."""
    first = house.fleet.ask("GET", "/v1/terminals?limit=2").body
    assert [row["terminal"] for row in first["terminals"]] == ["hall-1", "hall-2"]
    rest = house.fleet.ask("GET", f"/v1/terminals?after={first['next']}").body
    assert [row["terminal"] for row in rest["terminals"]] == ["hall-3"]
    assert rest["next"] is None
    assert house.fleet.ask("GET", "/v1/terminals?limit=0").body["code"] == "query.bad"
