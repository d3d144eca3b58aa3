"""An online answer arrives, is late, is lost, was never asked for; and what the upload does."""

import time
from typing import Any

import pytest

from firmware_stubs.scans import IN_VIEW_S
from tests.support.centre import shown
from tests.support.far_side import FarSide, Mode
from tests.support.terminal_process import TerminalProcess
from verifier.barcode.render import symbol, to_png


def waiting(count: int) -> Any:
    """Return a probe: so many records wait for upload."""
    return lambda state: state["outbox"]["waiting"] == count


def back_online(state: dict[str, Any]) -> bool:
    """Return a probe: the terminal is online and nothing waits."""
    return state["state"] == "online" and state["outbox"]["waiting"] == 0


def test_answer_arrives(terminal: TerminalProcess, centre: FarSide) -> None:
    """The centre's decision is shown, the gate opens, nothing is uploaded."""
    answer = terminal.wedge(shown(7))
    assert (answer["decision"], answer["online"], answer["recorded"]) == ("pass", True, True)
    state = terminal.state()
    assert state["gate_openings"] == 1
    assert state["outbox"]["waiting"] == 0
    assert state["outbox"]["entries"] == 1
    assert centre.uploaded == []


def test_answer_arrives_unrecorded_and_is_uploaded(
    terminal: TerminalProcess, centre: FarSide
) -> None:
    """The centre's store was away: the terminal keeps the record until it is stored."""
    centre.scans = Mode.UNRECORDED
    answer = terminal.wedge(shown(7))
    assert (answer["online"], answer["recorded"]) == (True, False)
    terminal.await_state(waiting(0), "the record is uploaded")
    (record,) = centre.uploaded
    assert (record.scan_id, record.decision) == (answer["scan_id"], "pass")


def test_answer_is_late_and_the_terminals_own_decision_is_uploaded(
    terminal: TerminalProcess, centre: FarSide
) -> None:
    """Two seconds at most; the centre took the scan in, the terminal decided it."""
    centre.scans = Mode.HANG
    started = time.monotonic()
    answer = terminal.wedge(shown(7, ago=300))
    assert time.monotonic() - started < 20
    assert answer["ms"] >= 1900
    assert (answer["decision"], answer["reason"]) == ("deny", "proof.stale")
    assert not answer["online"]
    assert terminal.state()["gate_openings"] == 0
    terminal.await_state(waiting(0), "the record is uploaded")
    (record,) = centre.uploaded
    assert record.scan_id == answer["scan_id"]
    assert list(centre.asked) == [record.scan_id]
    assert record.decision == "deny"


def test_answer_is_lost_and_uploaded_under_the_same_scan_id(
    terminal: TerminalProcess, centre: FarSide
) -> None:
    """The connection broke after the centre had decided: one scan_id for both."""
    centre.scans = Mode.LOSE
    answer = terminal.wedge(shown(7))
    assert (answer["decision"], answer["online"]) == ("pass", False)
    terminal.await_state(waiting(0), "the record is uploaded")
    assert {record.scan_id for record in centre.uploaded} == {answer["scan_id"]}
    assert set(centre.asked) == {answer["scan_id"]}
    assert terminal.state()["gate_openings"] == 1


def test_never_sent_and_uploaded_after_the_cut(terminal: TerminalProcess, centre: FarSide) -> None:
    """Decided alone within the cut; on return the centre hears of each once, in order."""
    terminal.cut()
    assert terminal.state()["state"] == "offline"
    answers = [terminal.wedge(shown(person)) for person in (1, 2, 2)]
    assert [answer["decision"] for answer in answers] == ["pass", "pass", "deny"]
    assert answers[2]["reason"] == "use.replayed"
    assert not any(answer["online"] for answer in answers)
    assert terminal.state()["outbox"]["waiting"] == 3
    assert centre.asked == {}
    terminal.cut(cut=False)
    terminal.await_state(back_online, "the terminal is back and the outbox empty")
    assert [record.scan_id for record in centre.uploaded] == [
        answer["scan_id"] for answer in answers
    ]
    assert terminal.wedge(shown(3))["online"]


def test_what_passed_online_is_used_offline(terminal: TerminalProcess) -> None:
    """The cut does not make anybody new."""
    assert terminal.wedge(shown(5))["online"]
    terminal.cut()
    answer = terminal.wedge(shown(5))
    assert (answer["decision"], answer["reason"]) == ("deny", "use.replayed")


@pytest.mark.parametrize("mode", [Mode.LOSE, Mode.RETRY, Mode.FAIL])
def test_upload_that_does_not_work_is_repeated(
    terminal: TerminalProcess, centre: FarSide, mode: Mode
) -> None:
    """Lost answer, nothing stored, overload: nothing is lost, and the centre knows it once."""
    centre.uploads = mode
    centre.scans = Mode.FAIL
    answer = terminal.wedge(shown(7))
    terminal.await_state(waiting(1), "the record waits")
    centre.uploads = centre.scans = Mode.ANSWER
    terminal.await_state(waiting(0), "the record is uploaded")
    assert list(centre.known) == [answer["scan_id"]]


def test_two_failures_lead_offline_and_clean_answers_back(
    terminal: TerminalProcess, centre: FarSide
) -> None:
    """By the rule of connectivity; meanwhile nobody waits for the centre."""
    centre.scans = centre.index = Mode.FAIL
    terminal.wedge(shown(1))
    terminal.wedge(shown(2))
    terminal.await_state(lambda state: state["state"] == "offline", "the rule says offline")
    asked = len(centre.asked)
    assert not terminal.wedge(shown(3))["online"]
    assert len(centre.asked) == asked
    centre.scans = centre.index = Mode.ANSWER
    terminal.await_state(back_online, "the rule says online", within=60)
    assert terminal.wedge(shown(4))["online"]


@pytest.mark.parametrize("cut", [False, True])
def test_a_line_typed_again_has_passed_already(
    terminal: TerminalProcess, centre: FarSide, *, cut: bool
) -> None:
    """Two people, one code: one pass, one request, one opening, one record."""
    if cut:
        terminal.cut()
    text = shown(7)
    first, second = terminal.wedge(text), terminal.wedge(text)
    assert first["decision"] == "pass"
    assert second["decision"] != "pass"
    assert second["reason"] == "use.shown_again"
    assert (first["screen"], second["screen"]) == ("green", "blue")
    assert second["scan_id"] != first["scan_id"]
    assert len(centre.asked) == int(not cut)
    state = terminal.state()
    assert state["gate_openings"] == 1
    assert state["counters"]["scans.again"] == 1
    assert state["counters"]["scans.pass"] == 1


def test_frames_in_a_row_are_one_scan(terminal: TerminalProcess, centre: FarSide) -> None:
    """Green for as long as the code is held up; blue once it went away and came back."""
    frame = to_png(symbol(shown(7)), scale=6)
    answers = [terminal.ask("POST", "/frame", frame).body for _ in range(4)]
    assert {answer["decision"] for answer in answers} == {"pass"}
    assert len({answer["scan_id"] for answer in answers}) == 1
    time.sleep(IN_VIEW_S + 1.1)  # the Date of an answer may have set the clock by a second
    again = terminal.ask("POST", "/frame", frame).body
    assert again["decision"] != "pass"
    assert again["reason"] == "use.shown_again"
    assert (answers[-1]["screen"], again["screen"]) == ("green", "blue")
    assert len(centre.asked) == 1
    assert terminal.state()["gate_openings"] == 1


def test_failover_of_the_store_is_answered_by_resending(
    terminal: TerminalProcess, centre: FarSide
) -> None:
    """Another store than before gets everything of the window again, once."""
    answer = terminal.wedge(shown(1))
    centre.store = "store-2"
    terminal.wedge(shown(2))
    terminal.await_state(
        lambda state: state["counters"].get("outbox.uploaded", 0) >= 2, "the window is resent"
    )
    assert answer["scan_id"] in centre.known
    assert len(centre.uploaded) == len(centre.known)


def test_refused_terminal_lets_nobody_in_until_it_is_admitted(
    terminal: TerminalProcess, centre: FarSide
) -> None:
    """403 suspends; over a restart and a cut too; a friendly answer lifts it."""
    centre.scans = centre.index = Mode.REFUSE
    assert terminal.wedge(shown(1))["reason"] == "system.unavailable"
    assert terminal.state()["state"] == "suspended"
    terminal.kill()
    terminal.start()
    terminal.cut()
    assert terminal.wedge(shown(2))["reason"] == "system.unavailable"
    assert terminal.state()["gate_openings"] == 0
    centre.scans = centre.index = Mode.ANSWER
    terminal.cut(cut=False)
    terminal.await_state(back_online, "the terminal is admitted", within=60)
    assert terminal.wedge(shown(3))["decision"] == "pass"


def test_nonsense_from_the_centre_decides_nothing(
    terminal: TerminalProcess, centre: FarSide
) -> None:
    """An answer that is not what was agreed is none; the network is there all the same."""
    centre.scans = Mode.NONSENSE
    for person in (1, 2, 3):
        assert not terminal.wedge(shown(person))["online"]
    assert terminal.state()["state"] == "online"
