"""One showing of a code is one scan; shown again after it left the view, it has passed already."""

import pytest

from firmware_stubs import actions, events
from firmware_stubs.scans import SAME_S, restored
from firmware_stubs.terminal import State, Terminal
from tests.support.terminal_machine import NOW, TEXT, answer, asked, brought_to, kinds, present
from verifier.contract.scan import TerminalAnswer
from verifier.contract.vocabulary import Outcome


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


def test_a_denial_shown_again_is_the_same_denial() -> None:
    """Under its scan_id, for ten seconds from the first reading."""
    terminal = brought_to(State.ONLINE)
    said = answer(asked(terminal).scan_id, Outcome.DENY)
    terminal.handle(events.CentreAnswered(answer=said, seconds=0.05), NOW)
    assert last_shown(present(terminal, now=NOW + 5)).answer == said
    assert asked(terminal, now=NOW + SAME_S).scan_id != said.scan_id
