"""The terminal's machine for tests: brought to a state, shown codes, by events alone."""

import hashlib
from typing import Final

from firmware_stubs import actions, events
from firmware_stubs.scans import Scan
from firmware_stubs.terminal import State, Terminal
from verifier.contract.reasons import Language, Reason
from verifier.contract.scan import TerminalAnswer
from verifier.contract.vocabulary import Outcome

NOW: Final = 1_790_000_000.0
TEXT: Final = "CC1:ANYTHING"


def fresh(*, equipped: bool = True) -> Terminal:
    """Make a terminal in boot."""
    terminal = Terminal("hall-1", language=Language.EN)
    terminal.handle(events.Equipped(usable=equipped), NOW)
    return terminal


def brought_to(state: State, *, equipped: bool = True) -> Terminal:
    """Make a terminal and bring it to a state by events alone."""
    terminal = fresh(equipped=equipped)
    if state is State.BOOT:
        return terminal
    identity = state is not State.ENROLLING
    terminal.handle(events.StateLoaded(identity=identity), NOW)
    if state is State.OFFLINE:
        terminal.handle(events.Probed(ok=False, seconds=0.1), NOW)
        terminal.handle(events.Probed(ok=False, seconds=0.1), NOW)
    if state is State.SUSPENDED:
        terminal.handle(events.CentreRefused(), NOW)
    assert terminal.state is state
    return terminal


def present(terminal: Terminal, text: str = TEXT, *, now: float = NOW) -> list[actions.Action]:
    """Show a code."""
    random = hashlib.sha256(text.encode()).digest()[:6]
    return terminal.handle(events.Presented(texts=(text,), random=random), now)


def answer(
    scan_id: str,
    decision: Outcome = Outcome.PASS,
    *,
    recorded: bool = True,
    reason: Reason | None = None,
) -> TerminalAnswer:
    """Make what the centre or the terminal itself says."""
    return TerminalAnswer(
        scan_id=scan_id, decision=decision, reason=reason, sentence="", recorded=recorded
    )


def asked(terminal: Terminal, text: str = TEXT, *, now: float = NOW) -> Scan:
    """Show a code online and return the scan that was asked."""
    _, ask = present(terminal, text, now=now)
    assert isinstance(ask, actions.Ask)
    return ask.scan


def kinds(done: list[actions.Action]) -> list[type]:
    """Return the types of actions, in order."""
    return [type(action) for action in done]
