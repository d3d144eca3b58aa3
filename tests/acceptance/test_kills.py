"""Kill every part of the house under load: nothing acknowledged is lost, no code passes twice.

Then damage it in other ways: `kapok status` names what is wrong, and ceases when it is repaired.

Each test states how many scans were in flight at the kill; it must be more than none.
"""

import asyncio
import json
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Final

import psutil
import pytest
import redis

from deploy.local.configuration import settings_file
from deploy.status.look import look
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


def codes_of(house: RunningHouse) -> set[str]:
    """Return the codes of what is wrong with a house."""
    return {row.code for row in asyncio.run(look(house.data)).wrong}


@contextmanager
def edited(
    house: RunningHouse, path: Path, process: str, edit: Callable[[str], str]
) -> Iterator[None]:
    """Edit a file that a process reads on SIGHUP; put it back afterwards."""
    before = path.read_text(encoding="utf-8")
    for text in (edit(before), before):
        path.write_text(text, encoding="utf-8")  # in place: its owner stays
        os.kill(house.pid(process), signal.SIGHUP)
        if text != before:
            yield


@contextmanager
def a_wrong_profile(house: RunningHouse) -> Iterator[set[str]]:
    """Break a profile file."""
    path = house.data / "profiles" / "gz-hall-01.toml"
    with edited(house, path, "issuing", lambda text: f"{text}\nx = = 1\n"):
        yield {"profiles.refused"}


@contextmanager
def a_wrong_registry(house: RunningHouse) -> Iterator[set[str]]:
    """Break the registry."""
    with edited(
        house, house.data / "registry" / "places.toml", "fleet", lambda text: f"{text}\nx = = 1\n"
    ):
        yield {"registry.refused"}


@contextmanager
def a_stalled_source(house: RunningHouse) -> Iterator[set[str]]:
    """Let a source that a plane requires tell nothing for longer than it may."""
    assert house.run("feed", "send").returncode == 0
    source = house.data / "feeds" / "demo-hospital.toml"

    def impatient(text: str) -> str:
        needed = text.replace("required = []", 'required = ["health"]')
        return re.sub(r"(?m)^(every|stale_after) = \d+", r"\1 = 1", needed)

    with edited(house, source, "feeds", impatient):
        yield {"source.stale", "plane.stale"}


@contextmanager
def a_full_store(house: RunningHouse) -> Iterator[set[str]]:
    """Give Redis less memory than it uses."""
    with configured(house, "maxmemory", "1mb", "0"):
        yield {"store.full", "store.unfit"}


@contextmanager
def a_careless_store(house: RunningHouse) -> Iterator[set[str]]:
    """Let Redis answer before it has written."""
    with configured(house, "appendfsync", "everysec", "always"):
        yield {"store.durability", "store.unfit", "store.unavailable"}


@contextmanager
def a_frozen_worker(house: RunningHouse) -> Iterator[set[str]]:
    """Stop a worker without ending it."""
    pid = house.pid("worker-0")
    os.kill(pid, signal.SIGSTOP)
    try:
        yield {"process.silent"}
    finally:
        os.kill(pid, signal.SIGCONT)


@contextmanager
def a_changed_audit_log(house: RunningHouse) -> Iterator[set[str]]:
    """Change one letter of an entry."""
    assert house.run("operator", "token", "--as", "ling").returncode == 0
    log = house.data / "audit" / "fleet" / "fleet.ndjson"
    before = log.read_bytes()
    log.write_bytes(before.replace(b"ling", b"lung", 1))
    try:
        yield {"audit.broken"}
    finally:
        log.write_bytes(before)


def switchable(house: RunningHouse) -> redis.Redis:
    """Return a client that may reconfigure Redis: as its administrator, give it a user of ours.

    No user of the house may; whoever owns the machine edits the access list and restarts Redis.
    """
    password, acl = "of the tests", settings_file(house.data, "redis").with_name("redis.acl")
    client = redis.Redis(
        unix_socket_path=house.endpoints.redis_socket, username="switch", password=password
    )
    if "user switch " not in acl.read_text():
        with acl.open("a") as file:
            file.write(f"user switch on #{sha256(password.encode()).hexdigest()} ~* +@all\n")
        os.kill(house.pid("redis"), signal.SIGKILL)

    def answers() -> bool:
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False

    wait_until(answers, "Redis to know us")
    wait_until(lambda: not codes_of(house), "the house to be well")
    return client


@contextmanager
def configured(house: RunningHouse, name: str, value: str, back: str) -> Iterator[None]:
    """Reconfigure the house's Redis, and back."""
    with switchable(house) as client:
        client.config_set(name, value)
        try:
            yield
        finally:
            client.config_set(name, back)


Damage = Callable[[RunningHouse], AbstractContextManager[set[str]]]
DAMAGES: Final[tuple[Damage, ...]] = (
    a_wrong_registry,
    a_stalled_source,
    a_full_store,
    a_careless_store,
    a_frozen_worker,
    a_changed_audit_log,
)


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


def is_another(house: RunningHouse, name: str, pid: int) -> bool:
    """Return whether a child runs as another process than this one."""
    return house.pids().get(name, pid) != pid


def test_the_fleet_steers_again_after_kills(house: RunningHouse) -> None:
    """After the broker and the fleet were killed, a command reaches its terminal."""
    for victim in ("mosquitto", "fleet"):
        restarted = partial(is_another, house, victim, house.kill(victim))
        wait_until(restarted, f"{victim} to be started anew")
    wait_until(
        lambda: house.run("command", "open-gate", "hall-1", "--wait", "20").returncode == 0,
        "a command to succeed",
    )


@pytest.mark.parametrize("damage", DAMAGES, ids=[each.__name__ for each in DAMAGES])
def test_the_status_names_what_is_damaged(house: RunningHouse, damage: Damage) -> None:
    """Within seconds, by its code; and no more once it is repaired."""
    with damage(house) as expected:
        wait_until(lambda: expected <= codes_of(house), f"{expected} to be said", seconds=20)
    wait_until(lambda: not expected & codes_of(house), f"{expected} to be over", seconds=20)


def test_the_status_is_printed(house: RunningHouse) -> None:
    """With exit code 1 while something is wrong, and what to do; 0 when all is well again."""
    with a_wrong_profile(house):
        wait_until(lambda: "profiles.refused" in codes_of(house), "it to be said")
        done = house.run("status")
        assert (done.returncode, "SIGHUP to issuing" in done.stdout) == (1, True)
    told = json.loads(house.run("status", "--json").stdout)
    assert told["answers"]
    assert {"processes", "planes", "store", "audit", "terminals", "ends"} <= set(told["sections"])


def test_up_is_killed_under_load() -> None:
    """No child survives its supervisor; the next start finds the data and every answer."""
    with running_house() as house:
        children = house.pids()
        load, in_flight = load_and_kill(house, house.kill_up, finish=False)
        print(f"up: in flight {in_flight}, answered {len(load.answers)}")  # noqa: T201
        assert in_flight > 0
        wait_until(lambda: not _alive(children), "every child to be gone", seconds=20)
        assert house.run("status").returncode == 2
        house.start()
        assert set(load.passes().values()) == {1}, "a code passed twice"
        check_answers(house, load)


def _alive(children: dict[str, int]) -> list[str]:
    return [
        name
        for name, pid in children.items()
        if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    ]
