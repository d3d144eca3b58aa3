"""A worker that has just started: nothing that it has not looked at yet reaches a stance."""

import time
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from typing import Any, Final

import pytest

from tests.support.centre import ONCE, Centre, Process, centre, eventually, paper
from tests.support.plane_stream import PlaneStream
from verifier.contract.bundle import Appointment
from verifier.contract.reasons import Reason
from verifier.contract.vocabulary import Outcome, Plane
from verifier.trust.limits import AHEAD_S

OPEN: Final = dict(ONCE) | {"stance": "open"}
APPOINTED: Final = {
    "kinds": ["personal"],
    "appointment": "required",
    "early_minutes": 10,
    "late_minutes": 5,
}
REVOKED: Final = 7
LATE_S: Final = 2.5
"""Seconds that a worker is asked while something is yet to come; it once opened after two."""


@pytest.fixture
def house() -> Iterator[Centre]:
    """Yield a store with a place of open stance and somebody revoked; no worker runs."""
    with centre((OPEN,)) as it:
        it.publish_plane(Plane.REVOCATION, {REVOKED: 1})
        yield it


def early_decisions(house: Centre, worker: Process, person: int) -> set[Any]:
    """Start a worker, scan somebody again and again, and return what was decided."""
    worker.start(ready=False)
    eventually("it has started", lambda: worker.readiness().status)
    found, deadline = set(), time.monotonic() + LATE_S
    while time.monotonic() < deadline:
        with suppress(OSError):
            found.add(house.scan(paper(person)).body.get("decision"))
        time.sleep(0.1)
    return found - {None}


def reason(house: Centre, person: int) -> str | None:
    """Scan somebody once the doors are open."""

    def scan() -> Any:
        with suppress(OSError):
            return house.scan(paper(person)).body

    found: str | None = eventually("the doors are open", scan).get("reason")
    return found


def codes(worker: Any) -> set[str]:
    """Return what readiness calls problems."""
    return {each["code"] for each in (worker.readiness().body or {"problems": ()})["problems"]}


def test_a_plane_whose_bytes_come_late_is_waited_for(house: Centre) -> None:
    """The store names it: nobody revoked passes meanwhile by the open stance."""
    with house.redis.client() as client:
        data: Any = client.getdel("v:bundle:status-1-revocation")
        worker = house.worker(start=False)
        assert early_decisions(house, worker, REVOKED) == set()
        assert "bundles.unread" in codes(worker)
        client.set("v:bundle:status-1-revocation", data)
    assert reason(house, REVOKED) == Reason.STATUS_REVOKED
    worker.await_ready()


def test_a_plane_that_is_issued_later_than_it_is_is_waited_for(house: Centre) -> None:
    """It was put off, not judged: no revoked person passes by the open stance until it is."""
    stream = PlaneStream(Plane.REVOCATION, version=5)
    stream.change({REVOKED: 1}, ahead=AHEAD_S + 7)
    version, snapshot = stream.snapshot()
    house.publish(stream.name, snapshot, version)
    worker = house.worker(start=False)
    assert early_decisions(house, worker, REVOKED) == set()
    assert "bundles.unread" in codes(worker)
    assert reason(house, REVOKED) == Reason.STATUS_REVOKED


def test_deltas_up_to_the_head_that_the_store_names_are_waited_for(house: Centre) -> None:
    """A revocation that stands in a delta counts from the first scan on."""
    stream = PlaneStream(Plane.REVOCATION, version=5)
    version, snapshot = stream.snapshot()
    delta = stream.change({REVOKED + 1: 1})
    house.publish(stream.name, snapshot, version)
    with house.redis.client() as client:
        head = f"{delta.version}:{stream.view.chain.hex()}:{int(stream.view.as_of)}"
        client.hset("v:{status}:heads", "1:revocation", head)
        worker = house.worker(start=False)
        assert early_decisions(house, worker, REVOKED + 1) == set()
        entry = f"{delta.version}-0"
        client.xadd("v:{status}:deltas:1:revocation", {"d": delta.data}, id=entry)
    assert reason(house, REVOKED + 1) == Reason.STATUS_REVOKED


def test_appointments_that_come_late_are_waited_for() -> None:
    """A place of open stance lets nobody in whom its list would refuse."""
    with centre((dict(OPEN) | APPOINTED,)) as house:
        now = int(time.time())
        expected = Appointment(list=1, person=REVOKED, begins=now - 60, ends=now + 3600)
        house.publish_appointments(ONCE["place"], expected)
        name = f"appointments-{ONCE['place']}"
        with house.redis.client() as client:
            data: Any = client.getdel(f"v:bundle:{name}")
            worker = house.worker(start=False)
            assert early_decisions(house, worker, REVOKED + 2) == set()
            client.set(f"v:bundle:{name}", data)
        assert reason(house, REVOKED + 2) == Reason.PLACE_APPOINTMENT
        assert house.scan(paper(REVOKED)).body["decision"] == Outcome.PASS


def test_a_refused_bundle_counts_as_judged(house: Centre) -> None:
    """The doors open, readiness says it, and the stance decides."""
    with house.redis.client() as client:
        damaged = b"nothing that was signed"
        client.set("v:bundle:status-1-revocation", damaged)
        digest = sha256(damaged).hexdigest()
        client.hset("v:bundles", "status-1-revocation", f"2:{digest}")
    worker = house.worker()
    assert house.scan(paper(REVOKED)).body["reason"] == Reason.STATUS_UNKNOWN
    warned = {each["code"] for each in worker.readiness().body["warnings"]}
    assert "bundle.refused" in warned


@pytest.mark.parametrize("wrong", ["a delta of a clock ahead", "a damaged delta"])
def test_one_wrong_delta_hides_nobody_who_was_revoked_before(house: Centre, wrong: str) -> None:
    """A worker that starts goes by the snapshot, and by the deltas that hold."""
    stream = PlaneStream(Plane.REVOCATION, version=5)
    stream.change({REVOKED: 1})
    version, snapshot = stream.snapshot()
    deltas = [stream.change({REVOKED + 1: 1}), stream.change({}, ahead=400)]
    house.publish(stream.name, snapshot, version)
    with house.redis.client() as client:
        head = f"{stream.view.version}:{stream.view.chain.hex()}:{int(stream.view.as_of)}"
        client.hset("v:{status}:heads", "1:revocation", head)
        for each in deltas:
            damaged = wrong == "a damaged delta" and each is deltas[-1]
            data = b"nothing that was signed" if damaged else each.data
            entry = f"{each.version}-0"
            client.xadd("v:{status}:deltas:1:revocation", {"d": data}, id=entry)
    worker = house.worker()
    assert reason(house, REVOKED) == Reason.STATUS_REVOKED
    assert reason(house, REVOKED + 1) == Reason.STATUS_REVOKED
    warned = {each["code"] for each in worker.readiness().body["warnings"]}
    assert "bundle.refused" in warned
