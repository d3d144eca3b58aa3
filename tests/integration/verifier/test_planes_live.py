"""A change in the store turns the decisions of every worker; issuing, Redis and two workers run."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.async_store import with_store
from tests.support.centre import ADMIN_KEY, ask, eventually, free_ports
from tests.support.changes import change
from tests.support.issued import new_scan_id
from tests.support.issuing_house import IssuingHouse, issuing_house
from verifier.contract.reasons import Reason
from verifier.contract.status import PlaneName
from verifier.contract.vocabulary import Colour, Plane

DEADLINE_S = 10.0
HEALTH, REVOKED = PlaneName(1, Plane.HEALTH), PlaneName(1, Plane.REVOCATION)


class TwoWorkers:
    """A house with a second worker at a door of its own."""

    def __init__(self, house: IssuingHouse) -> None:
        self.house = house
        (port,) = free_ports(1)
        self.ports = (house.centre.port, port)
        house.centre.worker("worker-1", service={"host": "127.0.0.1", "port": port}, tls=None)

    def reasons(self, text: str) -> set[str | None]:
        """Return why a text does not pass, at each worker."""
        found = set()
        for port in self.ports:
            body = {"scan_id": new_scan_id(), "text": text}
            found.add(ask(port, "POST", "/v1/scans", body).body.get("reason"))
        return found

    def change(self, name: PlaneName, index: int, value: int) -> None:
        """Change a value in the store, as any of its writers does."""
        assert with_store(
            self.house.centre.redis, lambda redis: change(redis, {name: [(index, value)]})
        )

    def turned(self, text: str, reason: Reason) -> None:
        """Wait until every worker gives this reason."""
        eventually(reason, lambda: self.reasons(text) == {reason}, within=DEADLINE_S)


@pytest.fixture(scope="module")
def workers() -> Iterator[TwoWorkers]:
    """Yield a house with two workers."""
    with issuing_house() as house:
        yield TwoWorkers(house)


def paper(workers: TwoWorkers) -> dict[str, Any]:
    """Issue a paper code and wait until it has passed."""
    issued = workers.house.issue(holder=None)
    eventually(
        "it passes", lambda: workers.reasons(issued["text"]) == {Reason.USE_REPLAYED}, within=5
    )
    return issued


def test_a_colour_turns_every_worker(workers: TwoWorkers) -> None:
    """There and back, however often."""
    person = paper(workers)
    for colour, reason in ((Colour.RED, Reason.STATUS_RED), (Colour.GREEN, Reason.USE_REPLAYED)):
        workers.change(HEALTH, person["person"], int(colour))
        workers.turned(person["text"], reason)


def test_a_revocation_turns_every_worker(workers: TwoWorkers) -> None:
    """The credential's; the person's others live on."""
    first = paper(workers)
    second = workers.house.issue(holder=None, person=first["person"])
    workers.change(REVOKED, first["credential_index"], 1)
    workers.turned(first["text"], Reason.STATUS_REVOKED)
    assert workers.reasons(second["text"]) == {Reason.USE_REPLAYED}


def test_a_restarted_worker_catches_up_by_deltas(workers: TwoWorkers) -> None:
    """From the shelf's snapshot, which is older than what it knew."""
    person = paper(workers)
    workers.change(HEALTH, person["person"], int(Colour.RED))
    workers.turned(person["text"], Reason.STATUS_RED)
    process = workers.house.centre.processes[-1]
    process.kill()
    process.start()
    workers.turned(person["text"], Reason.STATUS_RED)
    index = ask(workers.ports[1], "GET", "/v1/bundles", key=ADMIN_KEY).body["bundles"]
    (entry,) = (each for each in index if each["name"] == "status-1-health")
    assert entry["head"] > entry["version"]


def test_a_killed_issuing_process_publishes_what_was_changed_meanwhile(
    workers: TwoWorkers,
) -> None:
    """Whoever writes to the store needs it not."""
    person = paper(workers)
    workers.house.issuing.kill()
    workers.change(HEALTH, person["person"], int(Colour.RED))
    workers.house.issuing.start()
    workers.turned(person["text"], Reason.STATUS_RED)
