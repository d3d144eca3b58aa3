"""Batches through crashes of process, store and disk: applied whole, each line once."""

import contextlib
import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.feeds_house import FeedsHouse, Sender, eventually, feeds_house, lines
from tests.support.verifier_process import Process
from verifier.contract.feed import BatchManifest
from verifier.contract.vocabulary import Plane

ROWS = 40_000
"""Lines of a large batch: forty steps, of which a crash finds itself in one."""
FAST = "[limits]\nlines_per_second = 1000000"


@pytest.fixture
def house() -> Iterator[FeedsHouse]:
    """Run a process for one test: it is killed."""
    with feeds_house() as it:
        yield it


def marker(house: FeedsHouse, name: str) -> dict[str, Any]:
    """Return how far a source has come, as the store says it."""
    with house.redis.client() as client:
        data: Any = client.get(f"v:{{status}}:feed:{name}")
    found: dict[str, Any] = {"line": 0} if data is None else json.loads(data)
    return found


def killed_while_applying(
    house: FeedsHouse, sender: Sender, text: bytes, kill: Callable[[], None]
) -> BatchManifest:
    """Send a large batch and kill something while its steps are made."""
    described = sender.manifest(text)

    def send() -> None:
        with contextlib.suppress(OSError):  # killed before it answers
            sender.post(described, text)

    sending = threading.Thread(target=send)
    sending.start()
    deadline = time.monotonic() + 30
    while not 0 < marker(house, sender.name)["line"] < ROWS:
        assert time.monotonic() < deadline
    kill()
    sending.join()
    return described


def finished(sender: Sender, described: BatchManifest) -> dict[str, Any]:
    """Wait until a batch is applied."""

    def applied() -> dict[str, Any] | None:
        answer = sender.batch(described)
        found: dict[str, Any] = answer.body
        return found if answer.status == 200 else None

    report: dict[str, Any] = eventually("the batch is applied", applied)
    return report


def check_whole(house: FeedsHouse, report: dict[str, Any]) -> None:
    """See that every line was applied once."""
    assert (report["applied"], report["lines"]) == (ROWS, ROWS)
    assert house.plane(Plane.HEALTH)[: ROWS // 4] == b"\xff" * (ROWS // 4)
    # What the publisher will read: each change noted once.
    with house.redis.client() as client:
        rows: Any = client.xrange("v:{status}:changes:1:health")
    assert sum(len(fields[b"c"]) for _, fields in rows) == ROWS * 5


TEXT = lines([(index, "red", 0) for index in range(ROWS)])


def test_the_process_is_killed_while_it_applies(house: FeedsHouse) -> None:
    """The next one goes on at the marker, by itself, without the sender."""
    sender = house.sender(tables=FAST)
    described = killed_while_applying(house, sender, TEXT, house.process.kill)
    assert 0 < marker(house, sender.name)["line"] < ROWS
    house.process.start()
    check_whole(house, finished(sender, described))
    sender.sequence = 1
    assert sender.send(b"").status == 200


def test_the_store_is_killed_while_it_applies(house: FeedsHouse) -> None:
    """It goes on when the store is back; meanwhile a new batch is refused, not lost."""
    sender = house.sender(tables=FAST)

    def kill() -> None:
        house.redis.kill()
        assert sender.send(lines([(1, "green", 0)])).status in (409, 503)
        house.redis.start()

    described = killed_while_applying(house, sender, TEXT, kill)
    check_whole(house, finished(sender, described))


def test_the_spool_is_lost_while_it_applies(house: FeedsHouse) -> None:
    """The sender sends again; what was applied is not applied twice, and nobody else gets in."""
    sender = house.sender(tables=FAST)
    described = killed_while_applying(house, sender, TEXT, house.process.kill)
    shutil.rmtree(house.folder / "spool" / sender.name)
    house.process.start()
    assert sender.batch(described).status == 404
    other = sender.post(sender.manifest(b""), b"")
    assert other.body["code"] == "batch.busy"
    assert sender.post(described, TEXT).status in (200, 202)
    check_whole(house, finished(sender, described))


def test_the_process_is_killed_while_it_receives(house: FeedsHouse) -> None:
    """What was acknowledged is there; damage behind it is cut off; the rest is sent."""
    sender = house.sender(tables=FAST)
    described = sender.manifest(TEXT)
    half = TEXT.index(b"\n", len(TEXT) // 2) + 1
    answer = sender.post(described, TEXT[:half])
    assert (answer.status, answer.body["octets"]) == (202, half)
    house.process.kill()
    with (house.folder / "spool" / sender.name / "lines").open("ab") as spooled:
        spooled.write(b"half a rec")
    house.process.start()
    assert sender.batch(described).body["octets"] == half
    assert house.plane(Plane.HEALTH) == bytes(len(house.plane(Plane.HEALTH)))
    sender.patch(described, half, TEXT[half:])
    check_whole(house, finished(sender, described))


@pytest.mark.parametrize("damaged", ["state", "lines", "manifest"])
def test_a_damaged_spool_is_no_batch(house: FeedsHouse, damaged: str) -> None:
    """Nothing of it is applied; the batch is sent anew."""
    sender = house.sender()
    text = lines([(7, "red", 0), (8, "red", 0)])
    described = sender.manifest(text)
    assert sender.post(described, text[:-1]).status == 202
    house.process.kill()
    (house.folder / "spool" / sender.name / damaged).write_bytes(b"")
    house.process.start()
    assert sender.batch(described).status == 404
    assert sender.post(described, text).status == 200
    assert house.value(Plane.HEALTH, 8) == 3


def test_a_store_set_back_is_not_fed_across_the_gap(house: FeedsHouse) -> None:
    """A spool of number 3 does not go into a store that knows of none; the source is told."""
    sender = house.sender()
    for _ in range(2):
        assert sender.send(b"").status == 200
    text = lines([(9, "red", 0), (10, "red", 0)])
    described = sender.manifest(text)
    assert sender.post(described, text[:-1]).status == 202
    with house.redis.client() as client:
        client.delete(f"v:{{status}}:feed:{sender.name}", f"v:feed-reports:{sender.name}")
    offset = sender.batch(described).body["octets"]
    sender.patch(described, offset, text[offset:])
    eventually("it is dropped", lambda: sender.state()["open_batch"] is None)
    assert house.value(Plane.HEALTH, 9) == 0
    answer = sender.post(described, text)
    assert (answer.body["code"], answer.body["expected"]) == ("batch.gap", 1)


def test_a_second_process_is_refused(house: FeedsHouse) -> None:
    """Two would take each other's batches."""
    second = Process("feeds", house.process.settings, house.process.port, house.folder / "2.log")
    second.start(ready=False)
    assert second.wait() == 2
    assert house.process.readiness().status == 200
