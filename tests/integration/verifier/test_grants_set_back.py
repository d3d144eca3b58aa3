"""The fleet's store was set back: what a running worker holds must not outrank what comes then."""

import signal
from collections.abc import Iterator
from itertools import count
from typing import Any, Final

import pytest

from tests.support.centre import ONCE, TERMINAL, Centre, centre, eventually, paper
from tests.support.fleet_process import API_KEY as FLEET_KEY
from tests.support.fleet_process import FleetHouse, fleet_house
from tests.support.keys import GRANTS
from verifier.contract.vocabulary import Outcome

OTHER: Final = "other-1"
WITHIN_S: Final = 10.0
KEYS: Final = ("f:{grants}:version", "f:{grants}:signed", "f:{grants}:order")
persons = count(100)


class House:
    """A worker that follows a fleet, and copies of the fleet's store."""

    def __init__(self, verifier: Centre, fleet: FleetHouse) -> None:
        self.verifier = verifier
        self.fleet = fleet

    def copy(self) -> dict[str, Any]:
        """Return what the fleet's store holds of grants."""
        with self.fleet.redis.client() as client:
            return {key: client.dump(key) for key in KEYS}

    def set_back(self, copy: dict[str, Any]) -> None:
        """Put an older copy into the fleet's store."""
        with self.fleet.redis.client() as client:
            for key, dumped in copy.items():
                client.restore(key, 0, dumped, replace=True)

    def registry(self, **states: str) -> None:
        """Write the registry and have it read."""
        self.fleet.write_registry(states=states)
        self.fleet.fleet.signal(signal.SIGHUP)

    def scan(self) -> Any:
        """Scan at the terminal's gate; return the decision, or why it may not."""
        body = self.verifier.scan(paper(next(persons))).body
        return body.get("code", body.get("decision"))

    def comes(self, expected: str) -> None:
        """Wait until scans end so."""
        eventually(f"it is {expected}", lambda: self.scan() == expected, within=WITHIN_S)

    def published(self) -> int:
        """Return the fleet's counter."""
        with self.fleet.redis.client() as client:
            return int(client.get(KEYS[0]) or 0)

    def changes(self, number: int) -> None:
        """Change another terminal's grant some times."""
        for at in range(number):
            before = self.published()
            self.registry(**{OTHER: ("suspended", "active")[at % 2]})
            eventually("it is published", lambda before=before: self.published() != before)


@pytest.fixture
def house() -> Iterator[House]:
    """Run a worker on a fleet of two terminals."""
    with (
        centre((dict(ONCE) | {"place": "hall"},)) as verifier,
        fleet_house([TERMINAL, OTHER], start=False) as fleet,
    ):
        with verifier.redis.client() as client:
            client.delete("v:grants")
        (fleet.folder / "grant.pem").write_bytes(GRANTS.to_pem())
        fleet.fleet.start()
        key_file = verifier.folder / "fleet.key"
        key_file.write_text(FLEET_KEY)
        url = f"http://127.0.0.1:{fleet.fleet.port}"
        verifier.fleet = {"url": url, "api_key_file": str(key_file)}
        verifier.worker()
        it = House(verifier, fleet)
        it.comes(Outcome.PASS)
        yield it


def test_a_revocation_after_a_failover_reaches_a_running_worker(house: House) -> None:
    """The store lost some changes: the terminal is out within seconds all the same."""
    copy = house.copy()
    house.changes(4)
    house.set_back(copy)
    house.registry(**{TERMINAL: "revoked"})
    house.comes("grant.revoked")


def test_a_revocation_that_the_store_lost_is_given_again(house: House) -> None:
    """Nobody changes anything: the fleet sees that its store was set back."""
    copy = house.copy()
    house.registry(**{TERMINAL: "revoked"})
    house.comes("grant.revoked")
    house.set_back(copy)
    before = house.published()
    eventually("all is published anew", lambda: house.published() != before, within=WITHIN_S)
    worker = house.verifier.processes[0]
    worker.stop()
    with house.verifier.redis.client() as client:
        client.delete("v:grants")
    worker.start()
    house.comes("grant.revoked")


def test_an_old_copy_put_back_brings_no_terminal_back(house: House) -> None:
    """Who can write to the fleet's store replays what was once signed: it ranks lower."""
    old = house.copy()
    house.changes(2)
    house.set_back(old)
    house.registry(**{TERMINAL: "revoked"})
    house.comes("grant.revoked")
    house.set_back(old)
    for _ in range(20):
        assert house.scan() == "grant.revoked"
    before = house.published()
    eventually("all is published anew", lambda: house.published() != before, within=WITHIN_S)
    assert house.scan() == "grant.revoked"


def test_a_terminal_that_the_restored_fleet_does_not_know_is_out(house: House) -> None:
    """It stands neither in the registry nor in the older copy: nobody grants it anything."""
    house.fleet.terminals.pop(TERMINAL)
    house.registry()
    house.comes("grant.revoked")
    with house.fleet.redis.client() as client:
        client.hdel("f:{grants}:signed", TERMINAL)
        client.zrem("f:{grants}:order", TERMINAL)
    without = house.copy()
    house.fleet.terminals[TERMINAL] = house.fleet.broker.terminal(TERMINAL)
    house.registry()
    house.comes(Outcome.PASS)
    house.fleet.terminals.pop(TERMINAL)
    house.fleet.write_registry()
    house.set_back(without)
    house.fleet.fleet.signal(signal.SIGHUP)
    house.comes("grant.none")
