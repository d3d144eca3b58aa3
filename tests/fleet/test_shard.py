"""A shard and the work on it: what arrives, what is written, what goes out afterwards."""

from typing import Any

import msgspec
import pytest

from fleet import commands
from fleet.commands import CommandRecord, Order
from fleet.contract import messages, topics
from fleet.contract.commands import CommandState, CommandType, ResultCode, ResultState
from fleet.contract.errors import Breach
from fleet.contract.messages import ClockState, Epoch
from fleet.contract.topics import TerminalId, TopicName
from fleet.errors import CommandError
from fleet.incidents import IncidentKind
from fleet.presence import Presence
from fleet.registry import District, Gate, Place, RegisteredTerminal, Registry
from fleet.shard import MAX_OPEN_COMMANDS, Arrival, Dead, ReadMessage, Shard, Work, read_arrival
from verifier.contract.vocabulary import Direction, GrantState

NAME = TerminalId("gate-a")
SHARD = topics.shard_of(NAME)
BOOT = "0" * 32
T0 = 1_000_000


def registry(state: GrantState = GrantState.ACTIVE) -> Registry:
    """Return a registry with one terminal."""
    terminal = RegisteredTerminal(
        id=NAME, place="hall", gate="g1", fingerprint="0" * 64, state=state
    )
    gate = Gate(id="g1", direction=Direction.IN)
    place = Place(id="hall", name="大厅", district="d1", gate=(gate,))
    return Registry(
        districts={"d1": District(id="d1", name="区")},
        places={"hall": place},
        terminals={NAME: terminal},
    )


def arrival(name: TopicName, message: messages.Message) -> Arrival:
    """Return a message as it would arrive."""
    return Arrival(str(topics.topic(name, NAME)), messages.encode(message))


def birth(counter: int = 1, result_from: int = 1) -> Arrival:
    """Return a birth."""
    message = messages.Birth(
        epoch=Epoch(1, counter),
        boot=BOOT,
        at=1,
        clock=ClockState.OK,
        software=messages.Software(name="t", version="1"),
        bundles={},
        capabilities=(),
        reported_from=1,
        result_from=result_from,
    )
    return arrival(TopicName.BIRTH, message)


def result(
    command: str, sequence: int, state: ResultState = ResultState.SUCCEEDED, counter: int = 1
) -> Arrival:
    """Return a result."""
    message = messages.Result(
        epoch=Epoch(1, counter),
        boot=BOOT,
        sequence=sequence,
        at=1,
        command=command,
        state=state,
        code=ResultCode.OK,
    )
    return arrival(TopicName.RESULT, message)


def command() -> CommandRecord:
    """Return a command, not yet given."""
    order = Order(type=CommandType.OPEN_GATE, caller="test")
    return commands.create(order, command_id=commands.new_id(NAME), terminal=NAME, now=T0)


def work(shard: Shard, *arrivals: Arrival, now: int = T0) -> Work:
    """Take arrivals in."""
    todo = Work(shard, now)
    for each in arrivals:
        todo.take(read_arrival(each, SHARD, registry()))
    return todo


def acks(todo: Work) -> list[tuple[int, int]]:
    """Return (reported, result) of the acks to send."""
    return [(ack.reported, ack.result) for _, ack in todo.acks()]


@pytest.fixture
def shard() -> Shard:
    """Return a shard whose terminal is online."""
    each = Shard(name=SHARD)
    each.settle(work(each, birth()))
    return each


def test_nothing_counts_before_it_is_settled() -> None:
    """A work changes its shard only when settled; thrown away it leaves no trace."""
    shard = Shard(name=SHARD)
    todo = work(shard, birth())
    assert shard.seen == {}
    assert acks(todo) == [(0, 0)]
    shard.settle(todo)
    assert shard.seen[NAME].presence is Presence.ONLINE


def test_command_to_an_online_terminal_is_sent_after_storing(shard: Shard) -> None:
    """Giving makes a write and a send; the state written says sent."""
    todo = Work(shard, T0)
    given = todo.give(command())
    assert given.state is CommandState.SENT
    assert [each.id for _, each in todo.sends()] == [given.id]
    assert todo.commands[given.id].state is CommandState.SENT


def test_command_to_an_offline_terminal_waits_for_birth() -> None:
    """Queued, nothing goes out; the birth sends it."""
    shard = Shard(name=SHARD)
    todo = Work(shard, T0)
    given = todo.give(command())
    assert given.state is CommandState.QUEUED
    assert list(todo.sends()) == []
    shard.settle(todo)
    assert [each.id for _, each in work(shard, birth()).sends()] == [given.id]


def test_result_in_the_batch_of_its_command(shard: Shard) -> None:
    """A result may come in the same batch in which its command was given."""
    todo = Work(shard, T0)
    given = todo.give(command())
    todo.take(read_arrival(result(given.id, 1), SHARD, registry()))
    assert todo.commands[given.id].state is CommandState.SUCCEEDED
    shard.settle(todo)
    assert shard.commands == {}
    assert shard.open_ids == {}


def test_results_are_counted_once_and_in_order(shard: Shard) -> None:
    """Duplicates and gaps change nothing, but are answered with what is stored."""
    todo = Work(shard, T0)
    given = todo.give(command())
    shard.settle(todo)
    accepted = result(given.id, 1, ResultState.ACCEPTED)
    shard.settle(work(shard, accepted))
    again = work(shard, accepted)
    assert (again.commands, acks(again)) == ({}, [(0, 1)])
    gap = work(shard, result(given.id, 3))
    assert (gap.commands, acks(gap)) == ({}, [(0, 1)])
    done = work(shard, result(given.id, 2))
    assert done.commands[given.id].state is CommandState.SUCCEEDED
    assert acks(done) == [(0, 2)]


def test_results_of_an_older_connection_still_count(shard: Shard) -> None:
    """Presence ignores an old epoch; a result that it carries is stored all the same."""
    todo = Work(shard, T0)
    given = todo.give(command())
    shard.settle(todo)
    shard.settle(work(shard, birth(counter=5)))
    done = work(shard, result(given.id, 1, counter=4))
    assert done.commands[given.id].state is CommandState.SUCCEEDED


def test_unfinished_commands_go_out_at_birth_oldest_first(shard: Shard) -> None:
    """Every birth sends what is open again, and counts it."""
    todo = Work(shard, T0)
    first = todo.give(command())
    second = todo.give(msgspec.structs.replace(command(), created_at=T0 + 1))
    shard.settle(todo)
    again = work(shard, birth(counter=2), now=T0 + 10)
    assert [each.id for _, each in again.sends()] == [first.id, second.id]
    assert again.commands[first.id].sent == 2
    assert list(work(shard, birth(counter=2), now=T0 + 3_600_000).sends()) == []


def test_resend_after_the_fleet_restarted(shard: Shard) -> None:
    """Only terminals that are there get their open commands again."""
    todo = Work(shard, T0)
    given = todo.give(command())
    shard.settle(todo)
    again = Work(shard, T0 + 1)
    again.resend()
    assert [each.id for _, each in again.sends()] == [given.id]
    shard.seen.clear()
    away = Work(shard, T0 + 1)
    away.resend()
    assert list(away.sends()) == []


def test_ticks_end_commands_and_connections(shard: Shard) -> None:
    """Time alone takes terminals offline and commands out of the open ones."""
    todo = Work(shard, T0)
    given = todo.give(command())
    shard.settle(todo)
    later = Work(shard, T0 + 3_600_000)
    later.tick()
    assert later.seen[NAME].presence is Presence.OFFLINE
    assert later.commands[given.id].state is CommandState.TIMED_OUT
    early = Work(shard, T0 + 1)
    early.tick()
    assert (early.seen, early.commands) == ({}, {})


def test_listening_anew_forgives_silence(shard: Shard) -> None:
    """After a pause of the fleet nobody is taken for silent at once."""
    todo = Work(shard, T0 + 3_600_000)
    todo.listen()
    todo.tick()
    assert todo.seen == {}
    shard.settle(todo)
    assert shard.listening_since == T0 + 3_600_000


def test_late_and_unknown_results_are_incidents(shard: Shard) -> None:
    """A late word and a restart in the middle of acting are shown to a person."""
    todo = Work(shard, T0)
    given, other = todo.give(command()), todo.give(command())
    shard.settle(todo)
    unknown = work(shard, result(other.id, 1, ResultState.UNKNOWN))
    assert (IncidentKind.COMMAND_UNKNOWN, NAME) in unknown.incidents
    shard.settle(unknown)
    ended = Work(shard, T0 + 3_600_000)
    ended.tick()
    shard.settle(ended)
    late = Work(shard, T0 + 3_600_001, recalled={given.id: ended.commands[given.id]})
    late.take(read_arrival(result(given.id, 2), SHARD, registry()))
    kept = late.commands[given.id]
    assert kept.state is CommandState.TIMED_OUT
    assert kept.late is not None
    assert (IncidentKind.LATE_RESULT, NAME) in late.incidents


def test_lost_results_are_an_incident(shard: Shard) -> None:
    """A terminal that no longer keeps what was never stored is an incident."""
    todo = work(shard, birth(counter=2, result_from=4))
    assert (IncidentKind.SEQUENCE_GAP, NAME) in todo.incidents
    assert acks(todo) == [(0, 3)]


def test_open_commands_are_bounded(shard: Shard) -> None:
    """A terminal takes only so many unfinished commands."""
    todo = Work(shard, T0)
    for _ in range(MAX_OPEN_COMMANDS):
        todo.give(command())
    with pytest.raises(CommandError) as caught:
        todo.give(command())
    assert caught.value.code == "commands.too_many"


def test_a_result_for_anothers_command_is_dead_but_counted(shard: Shard) -> None:
    """It is kept as a dead letter, and acknowledged, or it would come for ever."""
    todo = work(shard, result("f" * 32, 1))
    assert [letter.breach for letter in todo.dead] == [Breach.COMMAND_UNKNOWN]
    assert acks(todo) == [(0, 1)]


def _topic(name: str, shard: str = SHARD, terminal: str = NAME) -> str:
    return f"kapok/up/{shard}/{terminal}/{name}"


GOOD = birth().payload


@pytest.mark.parametrize(
    ("came", "state", "breach"),
    [
        (Arrival("kapok/what", b"{}"), "active", Breach.TOPIC_UNKNOWN),
        (Arrival(f"kapok/down/{NAME}/ack", b"{}"), "active", Breach.TOPIC_DIRECTION),
        (Arrival("kapok/all/bundle", b"{}"), "active", Breach.TOPIC_DIRECTION),
        (
            Arrival(_topic("birth", "0" if SHARD != "0" else "1"), GOOD),
            "active",
            Breach.TOPIC_SHARD,
        ),
        (Arrival(_topic("birth"), GOOD, retained=True), "active", Breach.RETAINED),
        (Arrival(_topic("birth"), b"{"), "active", Breach.PAYLOAD_MALFORMED),
        (Arrival(_topic("birth"), b" " * 9000), "active", Breach.PAYLOAD_LONG),
        (Arrival(_topic("birth"), GOOD), "revoked", Breach.TERMINAL_REVOKED),
        (
            Arrival(_topic("birth"), GOOD.replace(b"[1,1]", b"[2,1]")),
            "active",
            Breach.GENERATION_WRONG,
        ),
    ],
)
def test_strays_have_a_reason(came: Arrival, state: str, breach: Breach) -> None:
    """Everything that is not part of the contract is dead, with its reason."""
    read = read_arrival(came, SHARD, registry(GrantState(state)))
    assert isinstance(read, Dead)
    assert read.breach is breach


def test_unknown_terminals_are_dead() -> None:
    """Who is not in the registry is not heard."""
    stranger = next(
        name
        for name in (TerminalId(f"gate-{number}") for number in range(1000))
        if topics.shard_of(name) == SHARD
    )
    read = read_arrival(Arrival(_topic("birth", terminal=stranger), GOOD), SHARD, registry())
    assert isinstance(read, Dead)
    assert read.breach is Breach.TERMINAL_UNKNOWN


def test_suspended_terminals_are_still_heard() -> None:
    """Suspension closes the gate, not the line."""
    read = read_arrival(birth(), SHARD, registry(GrantState.SUSPENDED))
    assert isinstance(read, ReadMessage)


def test_working_a_batch_twice_is_the_same(shard: Shard) -> None:
    """A batch whose write was lost is computed again with the same outcome."""
    todo = Work(shard, T0)
    given = todo.give(command())
    shard.settle(todo)
    batch = (birth(counter=2), result(given.id, 1), result(given.id, 1))
    first, second = work(shard, *batch), work(shard, *batch)
    assert _facts(first) == _facts(second)
    shard.settle(first)
    after = work(shard, *batch)
    assert after.commands == {}
    assert acks(after) == acks(first)


def _facts(todo: Work) -> list[Any]:
    return [todo.seen, todo.sequences, todo.commands, acks(todo), list(todo.sends())]
