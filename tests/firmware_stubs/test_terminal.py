from collections.abc import Callable
from itertools import product

import pytest

from firmware_stubs import actions, events
from firmware_stubs.commands import RingEntry
from firmware_stubs.scans import SAME_S, Phase, Scan
from firmware_stubs.terminal import TABLE, State, TerminalSignal
from fleet.contract.commands import CommandType, ResultCode, ResultState
from fleet.contract.messages import Command
from tests.support.terminal_machine import (
    NOW,
    TEXT,
    answer,
    asked,
    brought_to,
    fresh,
    kinds,
    present,
)
from verifier.contract.reasons import Reason
from verifier.contract.scan import make_scan_id
from verifier.contract.vocabulary import Outcome

COMMAND = Command(
    id="0" * 32,
    type=CommandType.OPEN_GATE,
    issued_at=int(NOW * 1000),
    expires_at=int(NOW * 1000) + 60_000,
)

MOVES = {
    (State.BOOT, TerminalSignal.READY): State.ONLINE,
    (State.BOOT, TerminalSignal.NOBODY): State.ENROLLING,
    (State.BOOT, TerminalSignal.BARRED): State.SUSPENDED,
    (State.ENROLLING, TerminalSignal.ENROLLED): State.ONLINE,
    (State.ONLINE, TerminalSignal.LOST): State.OFFLINE,
    (State.ONLINE, TerminalSignal.REFUSED): State.SUSPENDED,
    (State.OFFLINE, TerminalSignal.BACK): State.ONLINE,
    (State.OFFLINE, TerminalSignal.REFUSED): State.SUSPENDED,
    (State.SUSPENDED, TerminalSignal.ADMITTED): State.ONLINE,
}


@pytest.mark.parametrize(("state", "signal"), list(product(State, TerminalSignal)))
def test_every_state_meets_every_signal(state: State, signal: TerminalSignal) -> None:
    """What is no move of the design leaves the terminal where it is."""
    assert TABLE[state, signal] is MOVES.get((state, signal), state)


SCAN_ID = make_scan_id("hall-1", milliseconds=1, random=bytes(6))
EVENTS: dict[str, Callable[[], events.Event]] = {
    "loaded": lambda: events.StateLoaded(identity=True),
    "loaded without identity": lambda: events.StateLoaded(identity=False),
    "loaded suspended": lambda: events.StateLoaded(identity=True, suspended=True),
    "enrolled": events.Enrolled,
    "equipped": lambda: events.Equipped(usable=True),
    "presented": lambda: events.Presented(texts=("y",), random=bytes(6)),
    "answered a stranger": lambda: events.CentreAnswered(answer=answer("no"), seconds=0.01),
    "failed": lambda: events.CentreFailed(scan_id="no", seconds=2.0),
    "refused": events.CentreRefused,
    "probe answered": lambda: events.Probed(ok=True, seconds=0.01),
    "probe failed": lambda: events.Probed(ok=False, seconds=0.01),
    "decided a stranger": lambda: events.DecidedAlone(answer=answer("no")),
    "cut": lambda: events.Switched(cut=True),
    "joined": lambda: events.Switched(cut=False),
    "told": lambda: events.CommandArrived(command=COMMAND, retained=False, clock_sure=True),
    "acted a stranger": lambda: events.Acted(command="1" * 32, done=True),
    "tick": events.Tick,
}
LEADS = {
    (State.BOOT, "loaded"): State.ONLINE,
    (State.BOOT, "loaded without identity"): State.ENROLLING,
    (State.BOOT, "loaded suspended"): State.SUSPENDED,
    (State.ENROLLING, "enrolled"): State.ONLINE,
    (State.ONLINE, "refused"): State.SUSPENDED,
    (State.ONLINE, "cut"): State.OFFLINE,
    (State.OFFLINE, "refused"): State.SUSPENDED,
    (State.SUSPENDED, "probe answered"): State.ONLINE,
}


@pytest.mark.parametrize(("state", "event"), list(product(State, EVENTS)))
def test_every_state_meets_every_event(state: State, event: str) -> None:
    """Each event leads where the table says, and none ever opens the gate by itself."""
    terminal = brought_to(state)
    done = terminal.handle(EVENTS[event](), NOW)
    assert terminal.state is LEADS.get((state, event), state)
    assert actions.OpenGate not in kinds(done)
    acts = actions.CarryOut in kinds(done)
    assert acts == (event == "told" and state in (State.ONLINE, State.OFFLINE))


@pytest.mark.parametrize("state", [State.BOOT, State.ENROLLING, State.SUSPENDED])
def test_nobody_passes_in_a_state_that_may_not_decide(state: State) -> None:
    """Before it is loaded, without identity, or suspended, a terminal says unavailable."""
    (shown,) = present(brought_to(state))
    assert isinstance(shown, actions.Show)
    assert shown.answer.decision is Outcome.DENY
    assert shown.answer.reason is Reason.SYSTEM_UNAVAILABLE


def test_nobody_passes_without_bundles() -> None:
    """Offline with nothing to decide by is unavailable, never a pass."""
    (shown,) = present(brought_to(State.OFFLINE, equipped=False))
    assert isinstance(shown, actions.Show)
    assert shown.answer.reason is Reason.SYSTEM_UNAVAILABLE


def test_online_notes_before_it_asks() -> None:
    """The scan_id is written down before the centre can know it."""
    assert kinds(present(brought_to(State.ONLINE))) == [actions.Note, actions.Ask]


def test_offline_decides_alone() -> None:
    """Nobody is asked."""
    assert kinds(present(brought_to(State.OFFLINE))) == [actions.Decide]


def test_case_answer_arrives() -> None:
    """In time: it is kept as acknowledged before the gate opens; nothing waits for upload."""
    terminal = brought_to(State.ONLINE)
    scan = asked(terminal)
    done = terminal.handle(events.CentreAnswered(answer=answer(scan.scan_id), seconds=0.05), NOW)
    assert kinds(done) == [actions.Keep, actions.OpenGate, actions.Show]
    assert isinstance(done[0], actions.Keep)
    assert done[0].acknowledged


def test_case_answer_arrives_unrecorded() -> None:
    """In time, but the centre's store was away: the record waits in the outbox."""
    terminal = brought_to(State.ONLINE)
    said = answer(asked(terminal).scan_id, recorded=False)
    kept = terminal.handle(events.CentreAnswered(answer=said, seconds=0.05), NOW)[0]
    assert isinstance(kept, actions.Keep)
    assert not kept.acknowledged


@pytest.mark.parametrize("decision", [Outcome.DENY, Outcome.PASS], ids=("closed", "open"))
def test_case_the_centre_cannot_ask_who_passed(decision: Outcome) -> None:
    """Its store was away: the terminal decides by its own claims, as when nobody answers."""
    terminal = brought_to(State.ONLINE)
    scan = asked(terminal)
    said = answer(scan.scan_id, decision, recorded=False, reason=Reason.USE_UNKNOWN)
    done = terminal.handle(events.CentreAnswered(answer=said, seconds=1.0), NOW)
    assert done == [actions.Decide(scan=scan)]
    passed = events.DecidedAlone(answer=answer(scan.scan_id, recorded=False))
    assert kinds(terminal.handle(passed, NOW)) == [
        actions.OpenGate,
        actions.Show,
        actions.Upload,
    ]


def test_case_the_centre_cannot_ask_and_neither_can_the_terminal() -> None:
    """Without bundles of its own the place's stance, as the centre knows it, stands."""
    terminal = brought_to(State.ONLINE, equipped=False)
    said = answer(asked(terminal).scan_id, Outcome.DENY, recorded=False, reason=Reason.USE_UNKNOWN)
    done = terminal.handle(events.CentreAnswered(answer=said, seconds=1.0), NOW)
    assert kinds(done) == [actions.Keep, actions.Show]


def test_case_answer_is_late() -> None:
    """The terminal decides alone under the same scan_id; what the centre says then is ignored."""
    terminal = brought_to(State.ONLINE)
    scan = asked(terminal)
    (decide,) = terminal.handle(events.CentreFailed(scan_id=scan.scan_id, seconds=0.5), NOW)
    assert isinstance(decide, actions.Decide)
    assert decide.scan.scan_id == scan.scan_id
    late = events.CentreAnswered(answer=answer(scan.scan_id), seconds=0.4)
    assert kinds(terminal.handle(late, NOW)) == []
    denied = events.DecidedAlone(answer=answer(scan.scan_id, Outcome.DENY, recorded=False))
    assert kinds(terminal.handle(denied, NOW)) == [actions.Show, actions.Upload]
    assert kinds(terminal.handle(late, NOW)) == []


def test_case_answer_is_lost() -> None:
    """No answer at all: decided alone, shown, uploaded."""
    terminal = brought_to(State.ONLINE)
    scan = asked(terminal)
    terminal.handle(events.CentreFailed(scan_id=scan.scan_id, seconds=2.0), NOW)
    passed = events.DecidedAlone(answer=answer(scan.scan_id, recorded=False))
    done = terminal.handle(passed, NOW)
    assert kinds(done) == [actions.OpenGate, actions.Show, actions.Upload]


def test_case_never_sent() -> None:
    """Offline: decided alone, shown, uploaded when the centre is back."""
    terminal = brought_to(State.OFFLINE)
    (decide,) = present(terminal)
    assert isinstance(decide, actions.Decide)
    passed = events.DecidedAlone(answer=answer(decide.scan.scan_id, recorded=False))
    assert kinds(terminal.handle(passed, NOW))[-1] is actions.Upload
    for _ in range(4):
        assert terminal.handle(events.Probed(ok=True, seconds=0.01), NOW) == []
    back = terminal.handle(events.Probed(ok=True, seconds=0.01), NOW)
    assert kinds(back) == [actions.Upload]
    assert terminal.state is State.ONLINE


def test_lost_answer_without_bundles_is_asked_again_under_the_same_scan_id() -> None:
    """Nobody is let in, and the next showing finds what the centre stored."""
    terminal = brought_to(State.ONLINE, equipped=False)
    scan = asked(terminal)
    (shown,) = terminal.handle(events.CentreFailed(scan_id=scan.scan_id, seconds=0.2), NOW)
    assert isinstance(shown, actions.Show)
    assert shown.answer.reason is Reason.SYSTEM_UNAVAILABLE
    assert asked(terminal, now=NOW + 3).scan_id == scan.scan_id


def test_lost_answer_without_bundles_ends_as_a_denial() -> None:
    """After ten seconds it is written down that nobody was let in."""
    terminal = brought_to(State.ONLINE, equipped=False)
    scan = asked(terminal)
    terminal.handle(events.CentreFailed(scan_id=scan.scan_id, seconds=0.2), NOW)
    done = terminal.handle(events.Tick(), NOW + SAME_S)
    assert kinds(done) == [actions.Keep, actions.Upload]
    assert isinstance(done[0], actions.Keep)
    assert done[0].verdict.answer.decision is Outcome.DENY
    assert not done[0].acknowledged
    assert terminal.handle(events.Tick(), NOW + SAME_S + 1) == []


def test_same_text_later_is_a_new_scan() -> None:
    """After ten seconds the same text gets a scan_id of its own."""
    terminal = brought_to(State.ONLINE)
    first = asked(terminal)
    terminal.handle(events.CentreAnswered(answer=answer(first.scan_id), seconds=0.05), NOW)
    assert asked(terminal, now=NOW + SAME_S).scan_id != first.scan_id


def test_same_text_while_asking_waits() -> None:
    """A second frame of the same code joins the scan that is under way."""
    terminal = brought_to(State.ONLINE)
    scan = asked(terminal)
    assert present(terminal) == [actions.Wait(scan_id=scan.scan_id)]


def test_answer_of_no_use_does_not_count_against_the_network() -> None:
    """A far side that answers nonsense is there; the terminal decides alone and stays online."""
    terminal = brought_to(State.ONLINE)
    for number in range(5):
        scan = asked(terminal, f"CC1:{number}")
        failed = events.CentreFailed(scan_id=scan.scan_id, seconds=0.1, network=False)
        assert kinds(terminal.handle(failed, NOW)) == [actions.Decide]
    assert terminal.state is State.ONLINE


def test_two_failures_lead_offline_and_probing_begins() -> None:
    """The rule of connectivity moves the machine."""
    terminal = brought_to(State.ONLINE)
    first, second = asked(terminal, "CC1:1"), asked(terminal, "CC1:2")
    terminal.handle(events.CentreFailed(scan_id=first.scan_id, seconds=0.1), NOW)
    done = terminal.handle(events.CentreFailed(scan_id=second.scan_id, seconds=0.1), NOW)
    assert kinds(done) == [actions.Decide, actions.Probe]
    assert terminal.state is State.OFFLINE


def test_refusal_suspends_durably_and_lets_nobody_in() -> None:
    """403 over mutual TLS ends it, for the scan that was asked too."""
    terminal = brought_to(State.ONLINE)
    scan = asked(terminal)
    done = terminal.handle(events.CentreRefused(scan_id=scan.scan_id), NOW)
    assert done[0] == actions.Suspend(suspended=True)
    assert isinstance(done[1], actions.Show)
    assert done[1].answer.decision is Outcome.DENY


def test_cutting_the_network_does_not_lift_a_suspension() -> None:
    """Only the centre does."""
    terminal = brought_to(State.SUSPENDED)
    terminal.handle(events.Switched(cut=True), NOW)
    terminal.handle(events.Probed(ok=True, seconds=0.01), NOW)
    assert terminal.state is State.SUSPENDED
    terminal.handle(events.Switched(cut=False), NOW)
    done = terminal.handle(events.Probed(ok=True, seconds=0.01), NOW)
    assert done == [actions.Suspend(suspended=False), actions.Upload()]
    assert terminal.state is State.ONLINE


def test_cut_is_offline_at_once_whatever_still_answers() -> None:
    """No result counts while the network is cut."""
    terminal = brought_to(State.ONLINE)
    terminal.handle(events.Switched(cut=True), NOW)
    for _ in range(9):
        terminal.handle(events.Probed(ok=True, seconds=0.01), NOW)
    assert terminal.state is State.OFFLINE


def test_command_is_written_before_it_is_done() -> None:
    """Started is durable, then the act, then the result."""
    terminal = brought_to(State.OFFLINE)
    told = events.CommandArrived(command=COMMAND, retained=False, clock_sure=True)
    assert kinds(terminal.handle(told, NOW)) == [actions.Write, actions.CarryOut]
    (written,) = terminal.handle(events.Acted(command=COMMAND.id, done=True), NOW)
    assert isinstance(written, actions.Write)
    assert written.plan.word is not None
    assert written.plan.word.state is ResultState.SUCCEEDED


def test_repeated_command_is_answered_not_done() -> None:
    """A replay says the same word again."""
    terminal = brought_to(State.ONLINE)
    told = events.CommandArrived(command=COMMAND, retained=False, clock_sure=True)
    terminal.handle(told, NOW)
    terminal.handle(events.Acted(command=COMMAND.id, done=True), NOW)
    (written,) = terminal.handle(told, NOW)
    assert isinstance(written, actions.Write)
    assert written.plan.entry is None
    assert written.plan.word is not None
    assert written.plan.word.state is ResultState.SUCCEEDED


def test_started_command_is_unknown_after_a_restart() -> None:
    """It is told so and never done again."""
    terminal = fresh()
    running = RingEntry(
        id=COMMAND.id, forget_at=2**50, state=ResultState.RUNNING, code=ResultCode.OK
    )
    done = terminal.handle(events.StateLoaded(identity=True, ring=(running,)), NOW)
    assert kinds(done) == [actions.Write, actions.Probe]
    assert isinstance(done[0], actions.Write)
    assert done[0].plan.word is not None
    assert done[0].plan.word.state is ResultState.UNKNOWN
    again = terminal.handle(
        events.CommandArrived(command=COMMAND, retained=False, clock_sure=True), NOW
    )
    assert actions.CarryOut not in kinds(again)


def test_asked_scan_of_before_a_restart_keeps_its_scan_id() -> None:
    """Shown again within ten seconds it is asked again, so that the centre's answer is found."""
    terminal = fresh()
    orphan = Scan(scan_id=SCAN_ID, text=TEXT, at=NOW, phase=Phase.ORPHAN)
    terminal.handle(events.StateLoaded(identity=True, scans=(orphan,)), NOW + 2)
    assert asked(terminal, now=NOW + 3).scan_id == orphan.scan_id


def test_asked_scan_of_before_a_restart_ends_as_a_denial() -> None:
    """Not shown again, it is written down that nobody was let in."""
    terminal = fresh()
    orphan = Scan(scan_id=SCAN_ID, text=TEXT, at=NOW, phase=Phase.ORPHAN)
    done = terminal.handle(events.StateLoaded(identity=True, scans=(orphan,)), NOW + 60)
    assert kinds(done) == [actions.Keep, actions.Upload, actions.Probe]


def test_too_many_open_scans_are_refused() -> None:
    """The bound on open scans holds; the one too many is told so."""
    terminal = brought_to(State.ONLINE)
    for number in range(256):
        present(terminal, f"CC1:{number}")
    (shown,) = present(terminal, "CC1:ONE TOO MANY")
    assert isinstance(shown, actions.Show)
    assert shown.answer.reason is Reason.SYSTEM_UNAVAILABLE
