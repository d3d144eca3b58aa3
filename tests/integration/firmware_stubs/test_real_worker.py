"""A terminal's process at the verifier's real worker: real store, real claims, mutual TLS."""

import os
import signal
import time
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from fleet import identity
from tests.support.centre import (
    ADMIN_KEY,
    Centre,
    Process,
    centre,
    free_ports,
    paper,
    root_file,
    shown,
)
from tests.support.terminal_process import Identities, TerminalProcess, terminal_process
from verifier.contract.vocabulary import GrantState

NAME = "metro-a1"


@pytest.fixture
def verifier(identities: Identities) -> Iterator[Centre]:
    """Run a store with bundles and the terminal's door in its workers' settings."""
    certificate, key = identities.server("worker")
    (port,) = free_ports(1)
    with centre() as it:
        it.tls = {
            "host": "127.0.0.1",
            "port": port,
            "certificate": str(certificate),
            "key": str(key),
            "client_ca": str(identities.folder / "terminal-ca.pem"),
        }
        yield it


@pytest.fixture
def worker(verifier: Centre) -> Process:
    """Start a worker."""
    return verifier.worker()


@pytest.fixture
def terminal(
    identities: Identities, verifier: Centre, worker: Process
) -> Iterator[TerminalProcess]:
    """Start a terminal that has a grant and its bundles."""
    assert worker.pid
    assert verifier.tls is not None
    url = f"https://127.0.0.1:{verifier.tls['port']}"
    with terminal_process(identities, root_file(), verifier_url=url, name=NAME) as process:
        fingerprint = identities.terminal(NAME, process.folder)
        verifier.grant(NAME, fingerprint=fingerprint)
        process.start()
        process.await_state(
            lambda state: (
                state["equipped"] and len(state["bundles"]) >= 4 and state["clock"]["sure"]
            ),
            "it has its bundles",
        )
        yield process


def records(verifier: Centre) -> list[dict[str, Any]]:
    """Return the centre's records, oldest first."""
    found: list[dict[str, Any]] = []
    cursor = "0"
    while True:
        page = verifier.ask("GET", f"/v1/records?after={cursor}&limit=100", key=ADMIN_KEY).body
        if not page["records"]:
            return found
        found += page["records"]
        cursor = page["cursor"]


def empty(state: dict[str, Any]) -> bool:
    """Say whether the terminal is online and nothing waits."""
    return state["state"] == "online" and state["outbox"]["waiting"] == 0


def test_scan_online(terminal: TerminalProcess) -> None:
    """Passed and recorded by the centre; a second code of the same person is used."""
    first, second = terminal.wedge(shown(7)), terminal.wedge(shown(7))
    assert (first["decision"], first["online"], first["recorded"]) == ("pass", True, True)
    assert (second["decision"], second["reason"], second["online"]) == (
        "deny",
        "use.replayed",
        True,
    )


def test_a_code_that_passed_before_a_restart_has_passed_already(
    terminal: TerminalProcess,
) -> None:
    """A killed terminal remembers for whom its gate has opened."""
    text = paper(8)
    assert terminal.wedge(text)["decision"] == "pass"
    terminal.kill()
    terminal.start()
    again = terminal.wedge(text)
    assert (again["decision"], again["reason"]) == ("deny", "use.shown_again")


def test_cut_scans_are_uploaded_and_count(terminal: TerminalProcess, verifier: Centre) -> None:
    """What passed alone is a record at the centre, and used there too."""
    terminal.cut()
    answer = terminal.wedge(shown(21))
    assert (answer["decision"], answer["online"]) == ("pass", False)
    terminal.cut(cut=False)
    terminal.await_state(empty, "the outbox is empty", within=60)
    replayed = terminal.wedge(shown(21))
    assert (replayed["reason"], replayed["online"]) == ("use.replayed", True)
    terminal.await_state(
        lambda _: any(
            record["scan_id"] == answer["scan_id"] and record["offline"]
            for record in records(verifier)
        ),
        "the record is at the centre",
    )


def test_worker_that_dies_costs_nobody_the_way(
    terminal: TerminalProcess, verifier: Centre, worker: Process
) -> None:
    """Killed and gone: decided alone; started again: uploaded, once each, nothing lost."""
    before = terminal.wedge(shown(31))
    worker.kill()
    answers = [terminal.wedge(shown(person)) for person in range(32, 38)]
    assert {answer["decision"] for answer in answers} == {"pass"}
    assert not any(answer["online"] for answer in answers)
    assert terminal.wedge(shown(31))["reason"] == "use.replayed"
    worker.start()
    terminal.await_state(empty, "the outbox is empty", within=90)
    wanted = {answer["scan_id"] for answer in (before, *answers)}
    terminal.await_state(
        lambda _: wanted <= {record["scan_id"] for record in records(verifier)},
        "all are at the centre",
    )
    for person in range(31, 38):
        assert terminal.wedge(shown(person))["reason"] == "use.replayed"
    assert terminal.state()["gate_openings"] == 1 + len(answers)


def test_store_that_stands_still_leaves_the_decision_to_the_terminal(
    terminal: TerminalProcess, verifier: Centre, worker: Process
) -> None:
    """At a closed place too its own claims decide, and the upload tells the centre."""
    assert terminal.wedge(shown(40))["decision"] == "pass"
    os.kill(verifier.redis.pid, signal.SIGSTOP)
    try:
        answer = terminal.wedge(shown(41))
        assert (answer["decision"], answer["online"]) == ("pass", False)
        assert terminal.wedge(shown(40, ago=1))["reason"] == "use.replayed"
        time.sleep(2)  # what is asked at a start, and at each attempt, is not answered in time
    finally:
        os.kill(verifier.redis.pid, signal.SIGCONT)
    terminal.await_state(empty, "the outbox is empty", within=90)
    worker.await_ready()
    assert answer["scan_id"] in {record["scan_id"] for record in records(verifier)}
    assert "Traceback" not in worker.log.read_text()
    assert "could not be used" not in worker.log.read_text()


def test_suspended_grant_lets_nobody_in(terminal: TerminalProcess, verifier: Centre) -> None:
    """At once, and until the grant is active again; the cut does not help."""
    fingerprint = grant_fingerprint(terminal)
    verifier.grant(NAME, fingerprint=fingerprint, state=GrantState.SUSPENDED)
    person = iter(range(100, 1000))
    terminal.await_state(
        lambda _: terminal.wedge(paper(next(person))).get("reason") == "system.unavailable",
        "the suspension has arrived",
    )
    terminal.cut()
    assert terminal.wedge(paper(60))["reason"] == "system.unavailable"
    verifier.grant(NAME, fingerprint=fingerprint)
    terminal.cut(cut=False)
    terminal.await_state(lambda state: state["state"] == "online", "it is admitted", within=90)
    assert terminal.wedge(paper(60))["decision"] == "pass"


def test_a_renewed_certificate_is_taken_while_it_runs(
    identities: Identities, verifier: Centre, terminal: TerminalProcess
) -> None:
    """When the grant names it, the next scan is the centre's still: nothing is suspended."""
    assert terminal.wedge(paper(300))["online"]
    renewed = identities.terminal(NAME, terminal.folder)
    assert terminal.wedge(paper(301))["online"]  # the grant names the one before
    verifier.grant(NAME, fingerprint=renewed)
    for number in count(302):
        answer = terminal.wedge(paper(number))
        assert (answer["decision"], answer["online"]) == ("pass", True)
        assert number < 302 + 100, "the centre goes by the grant before"
        if "certificate.renewed" in (terminal.folder / "log").read_text():
            break
        time.sleep(0.1)
    assert terminal.state()["state"] == "online"


def grant_fingerprint(terminal: TerminalProcess) -> str:
    """Return the fingerprint of the terminal's certificate."""
    data = (terminal.folder / "cert.pem").read_bytes()
    return identity.fingerprint(identity.load_certificate(data))
