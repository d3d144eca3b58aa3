"""What somebody wrote into the store who should not: it is left out and said, and stops nobody."""

import time
from collections.abc import Callable
from typing import Any

import msgspec

from tests.support.centre import ADMIN_KEY, ONCE, centre, eventually, paper
from tests.support.store_line import new_scan, record
from tests.support.verifier_process import Answer, Process
from verifier.service.store.packed_record import pack_record

HALL = dict(ONCE) | {"place": "hall-1"}
GOOD = pack_record(record(new_scan()))
BAD = (
    {"r": b"\xc1", "a": b"f"},
    {"r": GOOD[:-1], "a": b"f"},
    {"r": msgspec.msgpack.encode((b"short", *msgspec.msgpack.decode(GOOD)[1:])), "a": b"f"},
    {"r": GOOD, "a": b"?"},
    {"r": GOOD, "a": b""},
    {"r": GOOD},
    {"a": b"f"},
    {"r": GOOD, "a": b"f", "m": b"no amendment"},
)


def warnings(worker: Process) -> dict[str, str]:
    """Return what a process warns of: code to detail."""
    return {each["code"]: each["detail"] for each in worker.readiness().body["warnings"]}


def problems(worker: Process) -> dict[str, str]:
    """Return why a process is not ready, as soon as it answers: code to detail."""
    body = worker.readiness().body or {"problems": ()}
    return {each["code"]: each["detail"] for each in body["problems"]}


def profiles_of(worker: Process) -> int:
    """Return how many profiles a process knows; -1: it does not answer."""
    body = worker.readiness().body or {"known": {"profiles": -1}}
    return int(body["known"]["profiles"])


def test_an_entry_that_is_no_record_hides_no_other() -> None:
    """A worker that was taken over appends what it likes: the others are read, and it is said."""
    with centre((ONCE, HALL)) as house:
        worker = house.worker()
        first = house.scan(paper(1)).body["scan_id"]
        hour = int(time.time()) // 3600
        with house.redis.client("worker") as client:
            for number, fields in enumerate(BAD):
                client.xadd(f"v:{{{number % 4:02x}}}:r:{hour}", fields)
        second = house.scan(paper(2)).body["scan_id"]
        page = eventually("it is old enough", lambda: _page(house.ask, 2))
        assert {row["scan_id"] for row in page["records"]} >= {first, second}
        assert house.ask("GET", "/v1/records?limit=1", key=ADMIN_KEY).status == 200
        assert warnings(worker)["records.unread"].startswith(f"{len(BAD)} left out, the first at")


def _page(ask: Callable[..., Answer], least: int) -> Any:
    answer = ask("GET", "/v1/records", key=ADMIN_KEY)
    assert answer.status == 200, answer.body
    return answer.body if len(answer.body["records"]) >= least else None


def test_a_version_that_is_none_ends_no_worker() -> None:
    """What is in force stays, what is published anew is taken, and a new worker does not open."""
    with centre((ONCE,)) as house:
        worker = house.worker()
        with house.redis.client() as admin:
            admin.hset("v:bundles", "trust", "no number")
            admin.hset("v:bundles", "rosters-metro-1", "9" * 5000 + ":00")
            admin.hset("v:bundles", b"\xff", b"\xff:\xff")
        house.publish_profiles(ONCE, HALL)
        eventually("the profiles are taken", lambda: profiles_of(worker) == 2, within=10)
        assert house.scan(paper(1)).body["decision"] == "pass"
        second = house.worker("worker-1", start=False)
        second.start(ready=False)
        eventually("it does not open", lambda: "trust.missing" in problems(second))
        house.publish_trust()
        eventually(
            "it names the other",
            lambda: "rosters-metro-1" in problems(second).get("bundles.unread", ""),
        )
