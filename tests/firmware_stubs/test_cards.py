"""The machine and cards of several symbols: one scan, one decision, none before the last one."""

import pytest

from firmware_stubs import actions, events
from firmware_stubs.chunks import NEXT_S
from firmware_stubs.terminal import State, Terminal
from tests.support.health import chunks
from verifier.codes.shc import join
from verifier.contract.reasons import Language

NOW = 1_700_000_000.0


def brought_to(state: State) -> Terminal:
    """Make a terminal and bring it to a state by events alone."""
    terminal = Terminal("hall-1", language=Language.EN)
    terminal.handle(events.Equipped(usable=True), NOW)
    if state is not State.BOOT:
        terminal.handle(events.Loaded(identity=state is not State.ENROLLING), NOW)
    if state is State.OFFLINE:
        terminal.handle(events.Switched(cut=True), NOW)
    if state is State.SUSPENDED:
        terminal.handle(events.CentreRefused(), NOW)
    assert terminal.state is state
    return terminal


def kinds(done: list[actions.Action]) -> list[type]:
    """Return the types of actions, in order."""
    return [type(action) for action in done]


def show_chunks(terminal: Terminal, *texts: str, now: float = NOW) -> list[actions.Action]:
    """Show symbols of a card, in one frame."""
    return terminal.handle(events.Presented(texts=texts, random=bytes(6)), now)


@pytest.mark.parametrize(
    ("state", "then"),
    [(State.ONLINE, [actions.Note, actions.Ask]), (State.OFFLINE, [actions.Decide])],
)
def test_card_of_several_symbols_is_one_scan(state: State, then: list[type]) -> None:
    """Nothing is noted, asked or decided before it is whole; then once, as its joined text."""
    terminal, card = brought_to(state), chunks(3)
    for number in (2, 0):
        (asked_for,) = show_chunks(terminal, card[number])
        assert isinstance(asked_for, actions.ShowNext)
    assert len(terminal.scans) == 0
    done = show_chunks(terminal, card[1], now=NOW + 3)
    assert kinds(done) == then
    assert isinstance(done[-1], actions.Ask | actions.Decide)
    assert (done[-1].scan.text, done[-1].scan.at) == (join(card), NOW + 3)
    assert kinds(show_chunks(terminal, card[1], now=NOW + 4)) == [actions.Wait]


def test_card_in_one_frame() -> None:
    """All its symbols at once are decided at once; some of them wait for the others."""
    card = chunks(3)
    terminal = brought_to(State.OFFLINE)
    assert kinds(show_chunks(terminal, card[2], card[0])) == [actions.ShowNext]
    assert kinds(show_chunks(terminal, card[0], card[1])) == [actions.Decide]
    assert kinds(show_chunks(brought_to(State.OFFLINE), *reversed(card))) == [actions.Decide]


@pytest.mark.parametrize("state", [State.BOOT, State.ENROLLING, State.SUSPENDED])
def test_half_a_card_where_nobody_decides(state: State) -> None:
    """Nobody is asked for the next symbol of a card that will not be looked at."""
    assert kinds(show_chunks(brought_to(state), chunks(2)[0])) == [actions.Show]


def test_half_a_card_is_forgotten_with_time() -> None:
    """A tick ends it."""
    terminal, card = brought_to(State.OFFLINE), chunks(2)
    show_chunks(terminal, card[0])
    terminal.handle(events.Tick(), NOW + NEXT_S)
    assert kinds(show_chunks(terminal, card[1], now=NOW + 1)) == [actions.ShowNext]
