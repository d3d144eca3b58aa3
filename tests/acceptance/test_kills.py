"""Kill every part of the house under load: nothing acknowledged is lost, no code passes twice.

Each test states how many scans were in flight at the kill; it must be more than none.
"""

import time
from collections.abc import Callable, Iterator
from typing import Final

import psutil
import pytest

from tests.support.house import RunningHouse, running_house, wait_until
from tests.support.scanners import Scanners, papers, scanners

CODES: Final = 150
CONNECTIONS: Final = 24
ANSWERED_FIRST: Final = 40
"""Answers before the kill, so that there is something to lose."""


@pytest.fixture(scope="module")
def house() -> Iterator[RunningHouse]:
    """One house for all kills of its parts: it must survive them one after the other."""
    with running_house() as running:
        yield running


def new_scanners(house: RunningHouse) -> Scanners:
    """Return scanners at the house's door for terminals."""
    return scanners(house.data, house.endpoints.verifier_tls_url)


def load_and_kill(
    house: RunningHouse, kill: Callable[[], object], *, finish: bool
) -> tuple[Scanners, int]:
    """Load the house and kill in the middle; returns the scanners and what was in flight."""
    texts = papers(house.data, CODES)
    wait_for_status(house, texts.pop())
    load = new_scanners(house)
    threads = load.begin(texts, CONNECTIONS)
    wait_until(lambda: len(load.answers) >= ANSWERED_FIRST, "the first answers")
    in_flight = len(load.outstanding)
    kill()
    load.stopped = not finish
    for thread in threads:
        thread.join()
    return load, in_flight


def wait_for_status(house: RunningHouse, text: str) -> None:
    """Wait until the last person issued is green at every worker.

    Which worker a connection lands on is the kernel's choice; this many reach them all.
    """
    deadline = time.monotonic() + 30
    while True:
        probe = new_scanners(house)
        for thread in probe.begin([text] * CONNECTIONS, CONNECTIONS):
            thread.join()
        if all(a.get("reason") != "status.none" for a in probe.answers.values()):
            return
        assert time.monotonic() < deadline, "the status of a new person never arrived"


def check_answers(house: RunningHouse, load: Scanners) -> None:
    """Ask for every answer again: each must be what was acknowledged."""
    again = new_scanners(house)
    for scan_id, answer in load.answers.items():
        repeated = again.again(load.texts[scan_id], scan_id)
        assert repeated["decision"] == answer["decision"], "an answer was forgotten"
        assert repeated.get("reason") == answer.get("reason")


@pytest.mark.parametrize("victim", ["redis", "worker-0", "mosquitto", "fleet", "issuing"])
def test_a_part_is_killed_under_load(house: RunningHouse, victim: str) -> None:
    """Whatever part dies, what was acknowledged stands and nobody passes twice."""
    before = house.pid(victim)
    load, in_flight = load_and_kill(house, lambda: house.kill(victim), finish=True)
    wait_until(lambda: house.pids().get(victim, before) != before, f"{victim} to be started anew")
    print(f"{victim}: in flight {in_flight}, answered {len(load.answers)}, again {load.retries}")  # noqa: T201
    assert in_flight > 0
    assert len(load.answers) == 2 * (CODES - 1)
    assert set(load.passes().values()) == {1}, "a code passed twice"
    assert len(load.passes()) == CODES - 1, f"a code never passed: {load.reasons()}"
    check_answers(house, load)


def test_the_fleet_steers_again_after_kills(house: RunningHouse) -> None:
    """After the broker and the fleet were killed, a command reaches its terminal."""
    for victim in ("mosquitto", "fleet"):
        before = house.kill(victim)
        wait_until(lambda v=victim, b=before: house.pids().get(v, b) != b, f"{victim} anew")
    wait_until(
        lambda: house.run("command", "open-gate", "hall-1", "--wait", "20").returncode == 0,
        "a command to succeed",
    )


def test_up_is_killed_under_load() -> None:
    """No child survives its supervisor; the next start finds the data and every answer."""
    with running_house() as house:
        children = house.pids()
        load, in_flight = load_and_kill(house, house.kill_up, finish=False)
        print(f"up: in flight {in_flight}, answered {len(load.answers)}")  # noqa: T201
        assert in_flight > 0
        wait_until(lambda: not _alive(children), "every child to be gone", seconds=20)
        house.start()
        assert set(load.passes().values()) == {1}, "a code passed twice"
        check_answers(house, load)


def _alive(children: dict[str, int]) -> list[str]:
    return [
        name
        for name, pid in children.items()
        if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    ]
