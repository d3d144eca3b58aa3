"""A shard and the work on it: what arrives, what is written, what goes out afterwards."""

from typing import Any

import msgspec
import pytest

from fleet import commands
from fleet.arrivals import Arrival, read_arrival
from fleet.books.commands import COMMAND, MAX_OPEN_COMMANDS, CommandBook
from fleet.books.dead_letters import DeadLetterBook
from fleet.books.incidents import IncidentBook
from fleet.books.presence import PresenceBook
from fleet.books.rows import SetRows
from fleet.books.sequences import SequenceBook
from fleet.commands import CommandRecord, Order
from fleet.contract.commands import CommandState, CommandType, ResultState
from fleet.contract.errors import Breach
from fleet.contract.messages import Ack, Command
from fleet.errors import CommandError
from fleet.incidents import IncidentKind
from fleet.presence import Presence
from fleet.shard import Shard, Work
from tests.support.shard_messages import NAME, SHARD, beat, birth, registry, result

T0 = 1_000_000


def command() -> CommandRecord:
    """Return a command, not yet given."""
    order = Order(type=CommandType.OPEN_GATE, caller="test")
    return commands.create(order, command_id=commands.new_id(NAME), terminal=NAME, now=T0)


def work(shard: Shard, *arrivals: Arrival, now: int = T0) -> Work:
    """Take arrivals in."""
    todo = Work(shard, now)
    for each in arrivals:
        todo.take(read_arrival(each, SHARD, registry(), 1))
    return todo


def acks(todo: Work) -> list[tuple[int, int]]:
    """Return (reported, result) of the acks to send."""
    return [(ack.reported, ack.result) for _, ack in todo.outgoing() if isinstance(ack, Ack)]


def sends(todo: Work) -> list[str]:
    """Return the ids of the commands to send."""
    return [each.id for _, each in todo.outgoing() if isinstance(each, Command)]


@pytest.fixture
def shard() -> Shard:
    """Return a shard whose terminal is online."""
    each = Shard(name=SHARD)
    work(each, birth()).settle()
    return each


def test_nothing_counts_before_it_is_settled() -> None:
    """A work changes its shard only when settled; thrown away it leaves no trace."""
    shard = Shard(name=SHARD)
    todo = work(shard, birth())
    assert shard[PresenceBook].seen == {}
    assert acks(todo) == [(0, 0)]
    todo.settle()
    assert shard[PresenceBook].seen[NAME].presence is Presence.ONLINE


def test_command_to_an_online_terminal_is_sent_after_storing(shard: Shard) -> None:
    """Giving makes a write and a send; the state written says sent."""
    todo = Work(shard, T0)
    given = todo[CommandBook].give(command())
    assert given.state is CommandState.SENT
    assert sends(todo) == [given.id]
    assert todo[CommandBook].changed[given.id].state is CommandState.SENT


def test_command_to_an_offline_terminal_waits_for_birth() -> None:
    """Queued, nothing goes out; the birth sends it."""
    shard = Shard(name=SHARD)
    todo = Work(shard, T0)
    given = todo[CommandBook].give(command())
    assert given.state is CommandState.QUEUED
    assert sends(todo) == []
    todo.settle()
    assert sends(work(shard, birth())) == [given.id]


def test_result_in_the_batch_of_its_command(shard: Shard) -> None:
    """A result may come in the same batch in which its command was given."""
    todo = Work(shard, T0)
    given = todo[CommandBook].give(command())
    todo.take(read_arrival(result(given.id, 1), SHARD, registry(), 1))
    assert todo[CommandBook].changed[given.id].state is CommandState.SUCCEEDED
    todo.settle()
    assert shard[CommandBook].open == {}
    assert shard[CommandBook].ids == {}


def test_results_are_counted_once_and_in_order(shard: Shard) -> None:
    """Duplicates and gaps change nothing, but are answered with what is stored."""
    todo = Work(shard, T0)
    given = todo[CommandBook].give(command())
    todo.settle()
    accepted = result(given.id, 1, ResultState.ACCEPTED)
    work(shard, accepted).settle()
    again = work(shard, accepted)
    assert (again[CommandBook].changed, acks(again)) == ({}, [(0, 1)])
    gap = work(shard, result(given.id, 3))
    assert (gap[CommandBook].changed, acks(gap)) == ({}, [(0, 1)])
    done = work(shard, result(given.id, 2))
    assert done[CommandBook].changed[given.id].state is CommandState.SUCCEEDED
    assert acks(done) == [(0, 2)]


def test_results_of_an_older_connection_still_count(shard: Shard) -> None:
    """Presence ignores an old epoch; a result that it carries is stored all the same."""
    todo = Work(shard, T0)
    given = todo[CommandBook].give(command())
    todo.settle()
    work(shard, birth(counter=5)).settle()
    done = work(shard, result(given.id, 1, counter=4))
    assert done[CommandBook].changed[given.id].state is CommandState.SUCCEEDED


def test_unfinished_commands_go_out_at_birth_oldest_first(shard: Shard) -> None:
    """Every birth sends what is open again, and counts it."""
    todo = Work(shard, T0)
    first = todo[CommandBook].give(command())
    second = todo[CommandBook].give(msgspec.structs.replace(command(), created_at=T0 + 1))
    todo.settle()
    again = work(shard, birth(counter=2), now=T0 + 10)
    assert sends(again) == [first.id, second.id]
    assert again[CommandBook].changed[first.id].sent == 2
    assert sends(work(shard, birth(counter=2), now=T0 + 3_600_000)) == []


def test_resend_after_the_fleet_restarted(shard: Shard) -> None:
    """Only terminals that are there get their open commands again."""
    todo = Work(shard, T0)
    given = todo[CommandBook].give(command())
    todo.settle()
    again = Work(shard, T0 + 1)
    again.connected(present=True)
    assert sends(again) == [given.id]
    shard[PresenceBook].seen.clear()
    away = Work(shard, T0 + 1)
    away.connected(present=True)
    assert sends(away) == []


def test_ticks_end_commands_and_connections(shard: Shard) -> None:
    """Time alone takes terminals offline and commands out of the open ones."""
    todo = Work(shard, T0)
    given = todo[CommandBook].give(command())
    todo.settle()
    later = Work(shard, T0 + 3_600_000)
    later.tick()
    assert later[PresenceBook].seen[NAME].presence is Presence.OFFLINE
    assert later[CommandBook].changed[given.id].state is CommandState.TIMED_OUT
    early = Work(shard, T0 + 1)
    early.tick()
    assert (early[PresenceBook].seen, early[CommandBook].changed) == ({}, {})


def test_listening_anew_forgives_silence(shard: Shard) -> None:
    """After a pause of the fleet nobody is taken for silent at once."""
    todo = Work(shard, T0 + 3_600_000)
    todo.connected(present=True)
    todo.tick()
    assert todo[PresenceBook].seen == {}
    todo.settle()
    assert shard[PresenceBook].listening_since == T0 + 3_600_000


def test_late_and_unknown_results_are_incidents(shard: Shard) -> None:
    """A late word and a restart in the middle of acting are shown to a person."""
    todo = Work(shard, T0)
    given, other = todo[CommandBook].give(command()), todo[CommandBook].give(command())
    todo.settle()
    unknown = work(shard, result(other.id, 1, ResultState.UNKNOWN))
    assert (IncidentKind.COMMAND_UNKNOWN, NAME) in unknown[IncidentBook].noted
    unknown.settle()
    ended = Work(shard, T0 + 3_600_000)
    ended.tick()
    ended.settle()
    late = Work(shard, T0 + 3_600_001)
    late.recall({COMMAND.key(given.id): COMMAND.encode(ended[CommandBook].changed[given.id])})
    late.take(read_arrival(result(given.id, 2), SHARD, registry(), 1))
    kept = late[CommandBook].changed[given.id]
    assert kept.state is CommandState.TIMED_OUT
    assert kept.late is not None
    assert (IncidentKind.LATE_RESULT, NAME) in late[IncidentBook].noted


def test_lost_results_are_an_incident(shard: Shard) -> None:
    """A terminal that no longer keeps what was never stored is an incident."""
    todo = work(shard, birth(counter=2, result_from=4))
    assert (IncidentKind.SEQUENCE_GAP, NAME) in todo[IncidentBook].noted
    assert acks(todo) == [(0, 3)]


def test_open_commands_are_bounded(shard: Shard) -> None:
    """A terminal takes only so many unfinished commands."""
    todo = Work(shard, T0)
    for _ in range(MAX_OPEN_COMMANDS):
        todo[CommandBook].give(command())
    with pytest.raises(CommandError) as caught:
        todo[CommandBook].give(command())
    assert caught.value.code == "commands.too_many"


def test_a_result_for_anothers_command_is_dead_but_counted(shard: Shard) -> None:
    """It is kept as a dead letter, and acknowledged, or it would come for ever."""
    todo = work(shard, result("f" * 32, 1))
    assert [letter.breach for letter in todo[DeadLetterBook].letters] == [Breach.COMMAND_UNKNOWN]
    assert acks(todo) == [(0, 1)]


def test_working_a_batch_twice_is_the_same(shard: Shard) -> None:
    """A batch whose write was lost is computed again with the same outcome."""
    todo = Work(shard, T0)
    given = todo[CommandBook].give(command())
    todo.settle()
    batch = (birth(counter=2), result(given.id, 1), result(given.id, 1))
    first, second = work(shard, *batch), work(shard, *batch)
    assert _facts(first) == _facts(second)
    first.settle()
    after = work(shard, *batch)
    assert after[CommandBook].changed == {}
    assert acks(after) == acks(first)


def test_rows_are_written_in_the_order_of_the_books(shard: Shard) -> None:
    """One batch with something of everything; docs/store-fleet.md has the names."""
    todo = work(
        shard, birth(counter=2, result_from=4), beat(counter=2), result("f" * 32, 4, counter=2)
    )
    todo[CommandBook].give(command())
    written = [
        each.hash if isinstance(each, SetRows) else type(each).__name__ for each in todo.writes()
    ]
    rows = ["presence", "sequences", "birth", "beat", "incidents"]
    assert written == [*rows, "SetString", "open", "Append"]


def _facts(todo: Work) -> list[Any]:
    return [
        todo[PresenceBook].seen,
        todo[SequenceBook].counted,
        todo[CommandBook].changed,
        list(todo.outgoing()),
        list(todo.writes()),
    ]


def noted_of(shard: Shard, *arrivals: Arrival) -> set[str]:
    """Take arrivals in, settle them, and return the incidents that they are."""
    todo = work(shard, *arrivals)
    found = {kind.value for kind, _ in todo[IncidentBook].noted}
    todo.settle()
    return found


def test_what_a_terminal_says_is_wrong_with_it_is_an_incident(shard: Shard) -> None:
    """An unsure clock, a contradicted one, refused bundles: once, until there is more of it."""
    assert noted_of(shard, beat()) == set()
    unsure = beat(clock="unsure", counters={"bundles.refused": 1, "clock.against": 2})
    assert noted_of(shard, unsure) == {"clock.unsure", "bundle.refused", "clock.contradicted"}
    assert noted_of(shard, unsure) == set()
    assert noted_of(shard, beat(counters={"bundles.refused": 2})) == {"bundle.refused"}
    assert noted_of(shard, beat(counters={"clock.jumps": 1})) == {"clock.moved"}
