import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_stubs import actions, events
from firmware_stubs.scans import (
    MAX_OPEN,
    MOVES,
    SAME_S,
    FinalDecision,
    Phase,
    Scan,
    Scans,
    ScanSignal,
    restored,
)
from firmware_stubs.terminal import State, Terminal
from tests.support.terminal_machine import NOW, TEXT, answer, asked, brought_to, kinds, present
from verifier.contract.reasons import Reason
from verifier.contract.scan import ScanId, TerminalAnswer, scan_id_tail
from verifier.contract.vocabulary import Outcome


def verdict(scan_id: str) -> FinalDecision:
    """Make a denial."""
    answer = TerminalAnswer(scan_id=scan_id, decision=Outcome.DENY, sentence="", recorded=False)
    return FinalDecision(answer=answer, online=False)


def test_scan_id_is_the_terminals_own() -> None:
    """Its tail is the caller's, its head the time."""
    scan = Scans("hall-1").begin("x", NOW, b"abcdef", Phase.ASKING)
    assert scan is not None
    assert scan.scan_id.endswith(scan_id_tail("hall-1"))
    assert int(scan.scan_id.replace("-", "")[:12], 16) == int(NOW * 1000)


def test_first_decision_is_the_only_one() -> None:
    """A second one comes too late."""
    scans = Scans("hall-1")
    scan = scans.begin("x", NOW, bytes(6), Phase.ASKING)
    assert scan is not None
    first = verdict(scan.scan_id)
    assert scans.settle(scan, first)
    assert not scans.settle(scan, verdict(scan.scan_id))
    assert scan.final is first


@pytest.mark.parametrize(("phase", "signal"), list(itertools.product(Phase, ScanSignal)))
def test_a_scan_moves_by_the_table_alone(phase: Phase, signal: ScanSignal) -> None:
    """What stands in it moves the scan, anything else is an error; a decision is the end."""
    scan = Scan(scan_id=ScanId("x"), text="x", at=NOW, phase=phase)
    if (phase, signal) in MOVES:
        scan.move(signal)
        assert scan.phase is MOVES[phase, signal]
        assert phase is not Phase.FINAL
    else:
        with pytest.raises(KeyError):
            scan.move(signal)
        assert scan.phase is phase


def test_clock_set_back_does_not_hold_a_scan_for_ever() -> None:
    """Far in the future is as old as far in the past."""
    scans = Scans("hall-1")
    scan = scans.begin("x", NOW, bytes(6), Phase.ASKING)
    assert scan is not None
    scans.settle(scan, verdict(scan.scan_id))
    assert scans.find("x", NOW - 3600) is None
    scans.forget(NOW - 3600)
    assert len(scans) == 0


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0, 30)), max_size=60))
def test_same_text_same_scan_within_ten_seconds(readings: list[tuple[int, float]]) -> None:
    """Whatever is read in between, and however often."""
    scans, now, first = Scans("hall-1"), NOW, dict[str, tuple[str, float]]()
    for number, (text, later) in enumerate(readings):
        now += later
        scans.forget(now)
        found = scans.find(str(text), now)
        if found is None:
            found = scans.begin(str(text), now, number.to_bytes(6, "big"), Phase.ASKING)
            assert found is not None
            scans.settle(found, verdict(found.scan_id))
            before = first.get(str(text))
            assert before is None or now - before[1] >= SAME_S
            first[str(text)] = found.scan_id, now
        assert first[str(text)] == (found.scan_id, found.at)


def test_memory_is_bounded() -> None:
    """Decided ones make room, undecided ones never."""
    scans = Scans("hall-1")
    for number in range(2 * MAX_OPEN):
        scan = scans.begin(str(number), NOW, number.to_bytes(6, "big"), Phase.ASKING)
        assert scan is not None
        scans.settle(scan, verdict(scan.scan_id))
    assert len(scans) == MAX_OPEN


def passed(terminal: Terminal, *, now: float = NOW) -> TerminalAnswer:
    """Let a code pass."""
    said = answer(asked(terminal, now=now).scan_id)
    terminal.handle(events.CentreAnswered(answer=said, seconds=0.05), now)
    return said


def last_shown(done: list[actions.Action]) -> actions.Show:
    """Return what is shown last; nothing of it opens the gate."""
    assert actions.OpenGate not in kinds(done)
    shown = done[-1]
    assert isinstance(shown, actions.Show)
    return shown


def test_a_code_in_view_keeps_its_decision() -> None:
    """Frame after frame, for as long as it is held there; the gate stays closed."""
    terminal = brought_to(State.ONLINE)
    said = passed(terminal)
    for number in range(1, 300):
        shown = last_shown(present(terminal, now=NOW + number * 0.1))
        assert shown.answer == said


@pytest.mark.parametrize("gap", [2.0, 5.0, SAME_S - 0.1])
def test_a_code_shown_again_has_passed_already(gap: float) -> None:
    """Who shows another's code after it left the view sees no green, and nothing opens."""
    terminal = brought_to(State.ONLINE)
    said = passed(terminal)
    for after in (gap, gap + 0.1, gap + 0.2):
        shown = last_shown(present(terminal, now=NOW + after))
        assert shown.answer.decision is not Outcome.PASS
        assert shown.answer.scan_id != said.scan_id
        assert shown.answer.reason == "use.shown_again"
        assert not shown.answer.recorded


def test_a_line_typed_again_has_passed_already() -> None:
    """A wedge has no frames: each line is a showing of its own, however soon."""
    terminal = brought_to(State.ONLINE)
    passed(terminal)
    random = bytes(5) + b"x"
    typed = events.Presented(texts=(TEXT,), random=random, typed=True)
    counted, shown = terminal.handle(typed, NOW + 0.2)
    assert isinstance(counted, actions.Count)
    assert isinstance(shown, actions.Show)
    assert shown.answer.reason == "use.shown_again"
    assert shown.screen is actions.Screen.BLUE


def test_each_showing_is_counted_once() -> None:
    """Not each of its frames."""
    terminal = brought_to(State.ONLINE)
    passed(terminal)
    times = [3.0, 3.1, 3.2, 6.0, 6.1, 9.0]
    done = [present(terminal, now=NOW + after) for after in times]
    counted = [isinstance(first, actions.Count) for first, *_ in done]
    assert counted == [True, False, False, True, False, True]


def test_a_code_shown_again_while_it_is_decided_does_not_pass_with_the_first() -> None:
    """The one decision opens once and is green for the first showing alone."""
    terminal = brought_to(State.ONLINE)
    scan = asked(terminal)
    (waits,) = present(terminal, now=NOW + 1.9)
    assert isinstance(waits, actions.Wait)
    assert waits.scan_id != scan.scan_id
    said = answer(scan.scan_id)
    done = terminal.handle(events.CentreAnswered(answer=said, seconds=0.05), NOW + 1.95)
    shown = {it.answer.scan_id: it.answer for it in done if isinstance(it, actions.Show)}
    assert shown[scan.scan_id].decision is Outcome.PASS
    assert shown[waits.scan_id].reason == "use.shown_again"
    assert kinds(done).count(actions.OpenGate) == 1


def test_a_code_that_passed_before_a_restart_has_passed_already() -> None:
    """What was noted of its gate says so, online and offline."""
    for state in (State.ONLINE, State.OFFLINE):
        before = brought_to(State.ONLINE)
        said = passed(before)
        kept = before.scans.get(said.scan_id)
        assert kept is not None
        assert kept.final is not None
        again = brought_to(state)
        again.scans.restore(restored(kept.scan_id, TEXT, kept.at, opened=True, final=kept.final))
        shown = last_shown(present(again, now=NOW + 1))
        assert shown.answer.reason == "use.shown_again"


def test_a_pass_whose_gate_never_opened_opens_once_after_a_restart() -> None:
    """The terminal died between both: nobody went in."""
    before = brought_to(State.ONLINE)
    said = passed(before)
    kept = before.scans.get(said.scan_id)
    assert kept is not None
    again = brought_to(State.ONLINE)
    again.scans.restore(restored(kept.scan_id, TEXT, kept.at, opened=False, final=kept.final))
    assert kinds(present(again, now=NOW + 3)) == [actions.OpenGate, actions.Show]
    assert last_shown(present(again, now=NOW + 3.1)).answer.scan_id == said.scan_id
    assert last_shown(present(again, now=NOW + 6)).answer.reason == "use.shown_again"


def test_a_group_s_review_shown_again_has_let_them_in_already() -> None:
    """Staff let in all but the exceptions: the paper held up again is told so, in blue."""
    terminal = brought_to(State.ONLINE)
    scan = asked(terminal)
    said = answer(scan.scan_id, Outcome.REVIEW, reason=Reason.GROUP_EXCEPTIONS)
    terminal.handle(events.CentreAnswered(answer=said, seconds=0.05), NOW)
    assert last_shown(present(terminal, now=NOW + 1)).answer.reason == "group.exceptions"
    again = present(terminal, now=NOW + 4)
    assert last_shown(again).answer.reason == "use.shown_again"
    assert kinds(again) == [actions.Count, actions.Show]


def test_a_denial_shown_again_is_the_same_denial() -> None:
    """Under its scan_id, for ten seconds from the first reading."""
    terminal = brought_to(State.ONLINE)
    said = answer(asked(terminal).scan_id, Outcome.DENY)
    terminal.handle(events.CentreAnswered(answer=said, seconds=0.05), NOW)
    assert last_shown(present(terminal, now=NOW + 5)).answer == said
    assert asked(terminal, now=NOW + SAME_S).scan_id != said.scan_id
