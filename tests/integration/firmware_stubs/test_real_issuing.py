"""A terminal behind the real issuing process and a real worker: what changes there changes here."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from redis.asyncio import Redis

from tests.support.centre import ADMIN_KEY
from tests.support.changes import change
from tests.support.issued_terminal import (
    house_for_terminals,
    knows,
    scanned_alone,
    terminal_of,
)
from tests.support.issuing_house import IssuingHouse
from tests.support.terminal_process import Identities, TerminalProcess
from verifier.contract.reasons import Reason
from verifier.contract.status import PlaneName
from verifier.contract.vocabulary import Colour, Plane

HEALTH = "status-1-health"
REVOKED = "status-1-revocation"


@pytest.fixture(scope="module")
def house(identities: Identities) -> Iterator[IssuingHouse]:
    """Run an issuing process, and a worker with a door for terminals."""
    with house_for_terminals(identities) as it:
        yield it


@pytest.fixture(scope="module")
def terminal(identities: Identities, house: IssuingHouse) -> Iterator[TerminalProcess]:
    """Start a terminal that asks for bundles often."""
    with terminal_of(house, identities, frozenset({HEALTH})) as process:
        yield process


def turn(house: IssuingHouse, plane: Plane, index: int, value: int) -> None:
    """Change a value as the doors of the issuing process do."""

    async def run() -> None:
        server = house.centre.redis
        redis = Redis(
            unix_socket_path=str(server.socket), username="admin", password=server.users["admin"]
        )
        try:
            assert await change(redis, {PlaneName(1, plane): [(index, value)]})
        finally:
            await redis.aclose()

    asyncio.run(run())


def follows(house: IssuingHouse, terminal: TerminalProcess, plane: str) -> None:
    """Wait until the terminal has what the workers have now."""
    listed: dict[str, Any] = house.centre.ask("GET", "/v1/bundles", key=ADMIN_KEY).body
    (head,) = (one["head"] for one in listed["bundles"] if one["name"] == plane)
    terminal.await_state(lambda state: state["bundles"][plane] >= head, "the delta is in use")


def test_a_colour_turned_at_the_centre_turns_the_next_scan_offline(
    house: IssuingHouse, terminal: TerminalProcess
) -> None:
    """By a delta: the slot's file is the one it was."""
    issued = house.issue(holder=None)
    second = house.issue(holder=None, person=issued["person"])
    slots = sorted((terminal.state_folder / "bundles").iterdir())
    turn(house, Plane.HEALTH, issued["person"], int(Colour.RED))
    knows(house, issued["text"], Reason.STATUS_RED)
    follows(house, terminal, HEALTH)
    assert scanned_alone(terminal, issued["text"]) == ("deny", "status.red")
    turn(house, Plane.HEALTH, issued["person"], int(Colour.GREEN))
    knows(house, issued["text"], None, Reason.USE_REPLAYED)
    follows(house, terminal, HEALTH)
    assert scanned_alone(terminal, second["text"]) == ("pass", None)
    assert sorted((terminal.state_folder / "bundles").iterdir()) == slots
    assert terminal.state()["counters"]["deltas.taken"] >= 2


def test_a_lost_phone_is_revoked_offline_too(
    house: IssuingHouse, terminal: TerminalProcess
) -> None:
    """After the delta, whether the centre is there or not."""
    issued = house.issue(holder=None)
    index = issued["credential_index"]
    house.ask(f"/v1/credentials/{index}/revoke", {"reason": "lost"})
    knows(house, issued["text"], Reason.STATUS_REVOKED)
    follows(house, terminal, REVOKED)
    assert scanned_alone(terminal, issued["text"]) == ("deny", "status.revoked")


def test_a_group_is_known_offline_at_its_places(
    house: IssuingHouse, terminal: TerminalProcess
) -> None:
    """Its roster comes with the bundle of the terminal's own place."""
    members = [house.issue(holder=None)["person"] for _ in range(3)]
    roster = [{"person": person, "masked_name": "李*"} for person in members]
    group = {"kind": "group", "hours": 2, "roster": roster, "places": ["metro-1"]}
    issued = house.ask("/v1/credentials", group)
    assert issued.status == 201
    knows(house, issued.body["text"], None)
    terminal.await_state(lambda state: "rosters-metro-1" in state["bundles"], "it has the roster")
    before = terminal.state()["bundles"]["rosters-metro-1"]
    again = house.ask("/v1/credentials", group | {"group": issued.body["group"]})
    terminal.await_state(
        lambda state: state["bundles"]["rosters-metro-1"] > before, "it has the newer roster"
    )
    follows(house, terminal, HEALTH)
    assert scanned_alone(terminal, again.body["text"]) == ("pass", None)
    assert scanned_alone(terminal, issued.body["text"]) == ("deny", "use.replayed")
