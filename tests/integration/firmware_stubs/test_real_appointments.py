"""A terminal behind the real issuing process and a worker: who is expected, also without them."""

import time
from collections.abc import Iterator

import pytest

from tests.support.issued_terminal import (
    house_for_terminals,
    knows,
    scanned_alone,
    terminal_of,
)
from tests.support.issuing_house import BY_APPOINTMENT, IssuingHouse
from tests.support.terminal_process import Identities, TerminalProcess
from verifier.contract.reasons import Reason

EXPECTED = "appointments-metro-1"
HEALTH = "status-1-health"


@pytest.fixture(scope="module")
def house(identities: Identities) -> Iterator[IssuingHouse]:
    """Run an issuing process, and a worker with a door for terminals."""
    with house_for_terminals(identities, BY_APPOINTMENT) as it:
        yield it


@pytest.fixture(scope="module")
def terminal(identities: Identities, house: IssuingHouse) -> Iterator[TerminalProcess]:
    """Start a terminal that asks for bundles often."""
    with terminal_of(house, identities, frozenset({HEALTH, EXPECTED})) as process:
        yield process


def takes(terminal: TerminalProcess, name: str, version: int) -> None:
    """Wait until the terminal has a version of a bundle, or a newer one."""
    terminal.await_state(lambda state: state["bundles"][name] >= version, f"it has {name}")


def test_a_terminal_alone_decides_as_the_centre_does(
    house: IssuingHouse, terminal: TerminalProcess
) -> None:
    """Booked passes, not booked is refused, cancelled is refused."""
    booked, stranger = house.issue(holder=None), house.issue(holder=None)
    later = house.issue(holder=None, person=booked["person"])
    takes(terminal, HEALTH, max(one["status_version"] for one in (booked, stranger)))
    before, now = terminal.state()["bundles"][EXPECTED], int(time.time())
    mine = {"id": "mine-0001", "person": booked["person"], "from": now + 300, "to": now + 900}
    assert house.book(mine).status == 200
    knows(house, booked["text"], None)
    takes(terminal, EXPECTED, before + 1)
    assert house.reason_of(stranger["text"]) == Reason.PLACE_APPOINTMENT
    assert scanned_alone(terminal, booked["text"]) == ("pass", None)
    assert scanned_alone(terminal, stranger["text"]) == ("deny", "place.appointment")
    assert house.book(cancel=["mine-0001"]).status == 200
    knows(house, later["text"], Reason.PLACE_APPOINTMENT)
    takes(terminal, EXPECTED, before + 2)
    assert scanned_alone(terminal, later["text"]) == ("deny", "place.appointment")
