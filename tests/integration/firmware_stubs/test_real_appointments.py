"""A terminal behind the real issuing process and a worker: who is expected, also without them."""

import time
from collections.abc import Iterator

import pytest

from tests.support.centre import eventually, free_ports, root_file
from tests.support.issuing_house import BY_APPOINTMENT, IssuingHouse, issuing_house
from tests.support.terminal_process import Identities, TerminalProcess, terminal_process
from verifier.contract.reasons import Reason

NAME = "metro-a1"
EXPECTED = "appointments-metro-1"
HEALTH = "status-1-health"


@pytest.fixture(scope="module")
def house(identities: Identities) -> Iterator[IssuingHouse]:
    """Run an issuing process, and a worker with a door for terminals."""
    certificate, key = identities.server("worker")
    (port,) = free_ports(1)
    with issuing_house(BY_APPOINTMENT) as it:
        it.centre.tls = {
            "host": "127.0.0.1",
            "port": port,
            "certificate": str(certificate),
            "key": str(key),
            "client_ca": str(identities.folder / "terminal-ca.pem"),
        }
        it.centre.worker("worker-1")
        yield it


@pytest.fixture(scope="module")
def terminal(identities: Identities, house: IssuingHouse) -> Iterator[TerminalProcess]:
    """Start a terminal that asks for bundles often."""
    assert house.centre.tls is not None
    url = f"https://127.0.0.1:{house.centre.tls['port']}"
    with terminal_process(
        identities, root_file(), verifier_url=url, name=NAME, bundle_poll_s=0.3
    ) as process:
        house.centre.grant(NAME, fingerprint=identities.terminal(NAME, process.folder))
        process.start()
        process.await_state(
            lambda state: (
                state["equipped"] and {HEALTH, EXPECTED} <= state["bundles"].keys()
                and state["clock"]["sure"]
            ),
            "it has its bundles",
        )  # fmt: skip
        yield process


def scanned_alone(terminal: TerminalProcess, text: str) -> tuple[str, str | None]:
    """Cut the terminal off, scan, and join it again; returns decision and reason."""
    terminal.cut()
    answer = terminal.wedge(text)
    terminal.cut(cut=False)
    return answer["decision"], answer.get("reason")


def takes(terminal: TerminalProcess, name: str, version: int) -> None:
    """Wait until the terminal has a version of a bundle, or a newer one."""
    terminal.await_state(lambda state: state["bundles"][name] >= version, f"it has {name}")


def knows(house: IssuingHouse, text: str, reason: Reason | None) -> None:
    """Wait until the workers judge so."""
    eventually("the centre knows", lambda: house.reason_of(text) == reason, within=10)


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
