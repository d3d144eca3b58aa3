"""Cards of several symbols, shown one after the other: whole, mixed, late, again; one scan."""

from itertools import permutations

import pytest

from firmware_stubs import actions, events
from firmware_stubs.chunks import NEXT_S, CardProgress, Chunks
from firmware_stubs.scans import SAME_S
from firmware_stubs.terminal import State, Terminal
from tests.support.health import card, chunks
from verifier.codes.shc import MAX_TEXT, gather, join
from verifier.contract.reasons import Language

NOW = 1_700_000_000.0
CARD = chunks(3)
OTHER = chunks(3, card({"nbf": 1_699_990_000}))
TWO = chunks(2)


def of(read: int, total: int = 3) -> CardProgress:
    """Say how much of a card was read."""
    return CardProgress(read=read, total=total)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_card_in_any_order(order: tuple[int, ...]) -> None:
    """The third symbol makes it whole, whichever it is, as the same text."""
    held = Chunks()
    found = [held.take(CARD[number], NOW) for number in order]
    assert found == [of(1), of(2), join(CARD)]


def test_the_same_symbol_many_times() -> None:
    """A camera sees it in many frames: it counts once, and keeps nobody's time running."""
    held = Chunks()
    assert [held.take(CARD[0], NOW + second) for second in range(5)] == [of(1)] * 5
    assert held.take(CARD[1], NOW + NEXT_S - 0.1) == of(2)
    assert held.take(CARD[1], NOW + 2 * NEXT_S - 0.2) == of(2)
    assert held.take(CARD[2], NOW + 2 * NEXT_S - 0.1) == of(1)


def test_a_symbol_that_comes_too_late_begins_anew() -> None:
    """Time between two symbols is bounded, not that of the whole card."""
    held = Chunks()
    held.take(CARD[0], NOW)
    held.take(CARD[1], NOW + NEXT_S - 1)
    assert held.take(CARD[2], NOW + 2 * NEXT_S - 2) == join(CARD)
    held = Chunks()
    held.take(CARD[0], NOW)
    assert held.take(CARD[1], NOW + NEXT_S) == of(1)


def test_a_clock_set_back_ends_a_card_too() -> None:
    """Time that cannot be told is too long."""
    held = Chunks()
    held.take(CARD[0], NOW)
    assert held.take(CARD[1], NOW - NEXT_S) == of(1)


@pytest.mark.parametrize("other", [TWO[0], TWO[1], OTHER[0]])
def test_a_symbol_of_another_card_begins_anew(other: str) -> None:
    """Of another total, or another text under a number that is held."""
    held = Chunks()
    held.take(CARD[0], NOW)
    total = 2 if other in TWO else 3
    assert held.take(other, NOW) == of(1, total)
    assert held.take(CARD[1], NOW) == (of(1) if total == 2 else of(2))


def test_mixed_cards_are_for_the_judge() -> None:
    """What cannot be told apart here makes a text; the right card is whole right after it."""
    held = Chunks()
    for text in (CARD[0], OTHER[1]):
        held.take(text, NOW)
    assert held.take(OTHER[2], NOW) == join([CARD[0], *OTHER[1:]])
    assert held.take(OTHER[0], NOW) == of(1)
    assert held.take(OTHER[1], NOW) == of(2)
    assert held.take(OTHER[2], NOW) == join(OTHER)


@pytest.mark.parametrize(
    "text",
    [
        "CC1:ABC",
        "https://poster.example",
        join(CARD),
        CARD[0].replace("shc:/1/3/", "shc:/4/3/"),
        CARD[0].replace("shc:/1/3/", "shc:/0/3/"),
        CARD[0].replace("shc:/1/3/", "shc:/1/1/"),
        CARD[0].replace("shc:/1/3/", "shc:/01/3/"),
        CARD[0] + "7",
        CARD[0] + "\n",
        "shc:/1/3/",
    ],
)
def test_what_is_no_chunk_is_judged_at_once(text: str) -> None:
    """And whoever began a card before begins anew: it is another person's turn."""
    held = Chunks()
    held.take(CARD[0], NOW)
    assert held.take(text, NOW) == text
    assert held.take(CARD[1], NOW) == of(1)


def test_a_whole_card_shown_on_is_the_same_card() -> None:
    """Its symbols mean it again for ten seconds, as a code's text does; then they begin anew."""
    held = Chunks()
    for text in CARD:
        held.take(text, NOW)
    assert held.take(CARD[2], NOW + SAME_S - 0.1) == join(CARD)
    assert held.take(CARD[0], NOW + SAME_S - 0.1) == join(CARD)
    assert held.take(CARD[2], NOW + SAME_S) == of(1)


def test_no_more_is_held_than_a_card_can_be() -> None:
    """The symbol that is too much is judged alone, and nothing stays."""
    held = Chunks()
    long = [f"shc:/{number}/3/" + "00" * 4000 for number in (1, 2, 3)]
    assert [held.take(text, NOW) for text in long] == [of(1), of(2), long[2]]
    assert sum(map(len, long)) > MAX_TEXT
    assert held.take(CARD[0], NOW) == of(1)


def test_a_tick_forgets() -> None:
    """No half of a card outlives its time."""
    held = Chunks()
    held.take(CARD[0], NOW)
    held.forget(NOW + NEXT_S)
    assert held.take(CARD[1], NOW + 1) == of(1)


@pytest.mark.parametrize("language", list(Language))
def test_how_much_was_read_is_said(language: Language) -> None:
    """In both languages, with both numbers."""
    said = of(1).sentence(language)
    assert "1" in said
    assert "3" in said


def test_chunks_of_no_card_are_one_text_in_any_order() -> None:
    """Doubled, missing or foreign: the same text, and none of a card."""
    for texts in ([CARD[0], CARD[0]], CARD[:2], [*CARD[:2], "CC1:ABC"], [*CARD, TWO[0]]):
        made = {gather(list(order)) for order in permutations(texts)}
        assert len(made) == 1
        assert "\n" in made.pop()


def brought_to(state: State) -> Terminal:
    """Make a terminal and bring it to a state by events alone."""
    terminal = Terminal("hall-1", language=Language.EN)
    terminal.handle(events.Equipped(usable=True), NOW)
    if state is not State.BOOT:
        terminal.handle(events.StateLoaded(identity=state is not State.ENROLLING), NOW)
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
