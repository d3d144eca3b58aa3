"""Commands: the full state × event product, timers, late results."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from fleet import commands
from fleet.commands import ANSWER_GRACE_MS, TABLE, CommandRecord, CommandVerdict, Event, Order
from fleet.contract.commands import (
    COMMAND_RULES,
    FINAL_STATES,
    CommandState,
    CommandType,
    ResultCode,
    ResultState,
)
from fleet.contract.topics import TerminalId, shard_of
from fleet.errors import CommandError

NAME = TerminalId("gate-a")
T0 = 1_000_000
LIFE_S = 60
EXPIRES = T0 + LIFE_S * 1000
OPEN = {state for state in CommandState if state not in FINAL_STATES}
WORDS = {commands.RESULT_EVENTS[state] for state in ResultState}


def make(state: CommandState = CommandState.CREATED) -> CommandRecord:
    """Return a command in a state."""
    order = Order(type=CommandType.OPEN_GATE, caller="test", expires_in_s=LIFE_S)
    made = commands.create(order, command_id=commands.new_id(NAME), terminal=NAME, now=T0)
    return structs.replace(made, state=state)


@pytest.mark.parametrize(("state", "event"), list(product(CommandState, Event)))
def test_full_product(state: CommandState, event: Event) -> None:
    """Every state meets every event, and the outcome is what the rules say."""
    outcome = TABLE[state, event]
    before = make(state)
    if outcome is CommandVerdict.REFUSED:
        with pytest.raises(CommandError) as caught:
            commands.step(before, event, T0 + 1)
        assert caught.value.code == "state.refused"
    else:
        after = commands.step(before, event, T0 + 1, ResultCode.OK)
        assert after.state == (state if isinstance(outcome, CommandVerdict) else outcome)
        if state in FINAL_STATES:
            assert after.state is state
    expected: object
    if state in FINAL_STATES:
        if event in (Event.QUEUE, Event.SEND, Event.CANCEL):
            expected = CommandVerdict.REFUSED
        elif event in WORDS - {Event.ACCEPTED, Event.RUNNING}:
            expected = CommandVerdict.LATE
        else:
            expected = CommandVerdict.SAME
        assert outcome is expected
    if state in (CommandState.SENT, CommandState.ACCEPTED, CommandState.RUNNING):
        assert (outcome is CommandVerdict.REFUSED) == (event is Event.CANCEL)


def test_every_state_can_be_reached() -> None:
    """From `created` the table leads to all twelve states."""
    reached = {CommandState.CREATED}
    while True:
        more = {
            outcome
            for (state, _), outcome in TABLE.items()
            if state in reached and isinstance(outcome, CommandState)
        }
        if more <= reached:
            break
        reached |= more
    assert reached == set(CommandState)


@pytest.mark.parametrize("state", sorted(OPEN))
@pytest.mark.parametrize("word", list(ResultState))
def test_the_terminals_word_counts(state: CommandState, word: ResultState) -> None:
    """In every open state a terminal's word moves forward, never back."""
    after = commands.result(make(state), word, ResultCode.OK, T0 + 1)
    if state is CommandState.RUNNING and word is ResultState.ACCEPTED:
        assert after.state is CommandState.RUNNING
    else:
        assert after.state.value == word.value


@pytest.mark.parametrize("state", sorted(FINAL_STATES))
@pytest.mark.parametrize("word", list(ResultState))
def test_late_words_are_kept_apart(state: CommandState, word: ResultState) -> None:
    """After the end a different final word is late, the same one a replay, progress nothing."""
    before = make(state)
    after = commands.result(before, word, ResultCode.OK, T0 + 9)
    assert after.state is state
    if word in (ResultState.ACCEPTED, ResultState.RUNNING) or word.value == state.value:
        assert after is before
    else:
        assert after.late is not None
        assert (after.late.state.value, after.late.at) == (word.value, T0 + 9)
        again = commands.result(after, ResultState.FAILED, ResultCode.HARDWARE, T0 + 10)
        assert again.late == after.late


@pytest.mark.parametrize("state", sorted(CommandState))
def test_time_alone(state: CommandState) -> None:
    """What was never sent expires; what was sent times out a grace time later."""
    before = make(state)
    assert commands.tick(before, T0).state is state
    at_expiry = commands.tick(before, EXPIRES)
    much_later = commands.tick(before, EXPIRES + ANSWER_GRACE_MS + 10**6)
    if state in (CommandState.CREATED, CommandState.QUEUED):
        assert at_expiry.state is CommandState.EXPIRED
    elif state is CommandState.SENT:
        assert at_expiry.state is CommandState.SENT
        assert commands.tick(before, EXPIRES + ANSWER_GRACE_MS).state is CommandState.TIMED_OUT
    elif state in OPEN:
        assert much_later.state is CommandState.TIMED_OUT
    else:
        assert much_later is before


def test_acting_has_its_own_limit() -> None:
    """From `accepted` on the limit of the type runs, past the expiry if need be."""
    limit = COMMAND_RULES[CommandType.OPEN_GATE].run_limit_s * 1000
    begun = commands.result(make(CommandState.SENT), ResultState.ACCEPTED, ResultCode.OK, EXPIRES)
    assert commands.tick(begun, EXPIRES + limit - 1).state is CommandState.ACCEPTED
    assert commands.tick(begun, EXPIRES + limit).state is CommandState.TIMED_OUT


@pytest.mark.parametrize("state", sorted(CommandState))
def test_what_is_sent_again(state: CommandState) -> None:
    """Open commands are due before their expiry; begun ones also after it; ended ones never."""
    command = make(state)
    assert commands.due_for_sending(command, T0) == (state in OPEN)
    begun = state in (CommandState.ACCEPTED, CommandState.RUNNING)
    assert commands.due_for_sending(command, EXPIRES) == begun


@pytest.mark.parametrize("seconds", [0, -1, 86_401])
def test_expiry_is_bounded(seconds: int) -> None:
    """A command lives between a second and a day."""
    order = Order(type=CommandType.OPEN_GATE, caller="test", expires_in_s=seconds)
    with pytest.raises(CommandError) as caught:
        commands.create(order, command_id="0" * 32, terminal=NAME, now=T0)
    assert caught.value.code == "expiry.range"


def test_unknown_arguments_are_refused() -> None:
    """A type takes only the arguments it names."""
    order = Order(type=CommandType.OPEN_GATE, caller="test", arguments={"wide": True})
    with pytest.raises(CommandError) as caught:
        commands.create(order, command_id="0" * 32, terminal=NAME, now=T0)
    assert caught.value.code == "arguments.bad"


def test_ids_carry_the_shard() -> None:
    """The first digit of an id is its terminal's shard; ids differ."""
    ids = {commands.new_id(NAME) for _ in range(100)}
    assert len(ids) == 100
    assert {each[0] for each in ids} == {shard_of(NAME)}
    assert {len(each) for each in ids} == {32}


@given(st.lists(st.tuples(st.sampled_from(Event), st.integers(0, 40_000)), max_size=30))
def test_any_history_ends_once(history: list[tuple[Event, int]]) -> None:
    """Once final a state never changes, and time always ends a command."""
    command, now = make(), T0
    ended: CommandState | None = None
    for event, later in history:
        now += later
        try:
            command = commands.step(command, event, now, ResultCode.OK)
        except CommandError:
            continue
        command = commands.tick(command, now)
        assert ended in (None, command.state)
        ended = command.state if command.finished else None
    assert commands.tick(command, now + EXPIRES + ANSWER_GRACE_MS).finished
