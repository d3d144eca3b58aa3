from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware_stubs.commands import CommandPlan, Ring
from firmware_stubs.edge.disk.database import Database
from firmware_stubs.edge.disk.messages import SqliteMessages
from firmware_stubs.storage import KeptKind
from fleet.contract.commands import CommandType, ResultState
from fleet.contract.messages import Ack, Command, Epoch, Result

NOW = 1_790_000_000_000
EPOCH = Epoch(generation=1, counter=7)
BOOT = "b" * 32


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """Open an empty database."""
    opened = Database(tmp_path / "state.db")
    yield opened
    opened.close()


@pytest.fixture
def messages(database: Database) -> SqliteMessages:
    """Keep nothing yet."""
    return SqliteMessages(database, generation=1)


def command(number: int) -> Command:
    """Make an open_gate."""
    return Command(
        id=f"{number:032x}",
        type=CommandType.OPEN_GATE,
        issued_at=NOW,
        expires_at=NOW + 60_000,
    )


def do(messages: SqliteMessages, ring: Ring, number: int) -> None:
    """Carry a command out as the shell does."""
    told = {"now": NOW, "clock_sure": True, "suspended": False, "retained": False}
    messages.write(ring.receive(command(number), **told), NOW)  # type: ignore[arg-type]
    messages.write(ring.finish(command(number).id, done=True), NOW)


def sequences(messages: SqliteMessages) -> list[tuple[str, int]]:
    """Return kind and sequence of what is kept."""
    return [(type(message).__name__, message.sequence) for message in messages.kept(EPOCH, BOOT)]


def test_words_count_without_gaps(messages: SqliteMessages) -> None:
    """Two a command, in order, with the epoch and boot of the connection they go over."""
    ring = Ring()
    do(messages, ring, 1)
    do(messages, ring, 2)
    kept = [message for message in messages.kept(EPOCH, BOOT) if isinstance(message, Result)]
    assert [message.sequence for message in kept] == [1, 2, 3, 4]
    assert [message.state for message in kept[:2]] == [ResultState.RUNNING, ResultState.SUCCEEDED]
    assert {(message.epoch, message.boot) for message in kept} == {(EPOCH, BOOT)}


def test_replay_is_answered_under_the_kept_sequence(messages: SqliteMessages) -> None:
    """Only once the word was acknowledged does a replay get a new one."""
    ring = Ring()
    do(messages, ring, 1)
    replay = CommandPlan(word=ring.receive(command(1), now=NOW, clock_sure=True, suspended=False,
                                    retained=False).word)  # fmt: skip
    assert not messages.write(replay, NOW)
    assert len(sequences(messages)) == 2
    messages.acknowledge(Ack(generation=1, reported=0, result=2))
    assert messages.write(replay, NOW)
    assert sequences(messages) == [("Result", 3)]


def test_acknowledged_is_forgotten_and_the_rest_kept(messages: SqliteMessages) -> None:
    """The one number speaks for all below it."""
    ring = Ring()
    do(messages, ring, 1)
    do(messages, ring, 2)
    messages.acknowledge(Ack(generation=1, reported=0, result=3))
    assert sequences(messages) == [("Result", 4)]
    assert messages.lowest(KeptKind.RESULT) == 4
    messages.acknowledge(Ack(generation=1, reported=0, result=4))
    assert messages.lowest(KeptKind.RESULT) == 5


def test_acknowledgement_of_another_generation_is_ignored(messages: SqliteMessages) -> None:
    """It speaks of other numbers."""
    do(messages, Ring(), 1)
    messages.acknowledge(Ack(generation=2, reported=9, result=9))
    assert len(sequences(messages)) == 2


def test_wiped_terminal_goes_on_after_what_the_fleet_has(messages: SqliteMessages) -> None:
    """Or its words would be taken for old ones."""
    messages.acknowledge(Ack(generation=1, reported=5, result=9))
    do(messages, Ring(), 1)
    assert sequences(messages) == [("Result", 10), ("Result", 11)]


def test_only_the_newest_report_counts_while_none_was_sent(messages: SqliteMessages) -> None:
    """The birth says from where; numbers are never used again."""
    messages.report({"trust": 1}, NOW, replaces=True)
    messages.report({"trust": 2}, NOW, replaces=True)
    assert sequences(messages) == [("Reported", 2)]
    assert messages.lowest(KeptKind.REPORTED) == 2
    messages.report({"trust": 3}, NOW, replaces=False)
    assert sequences(messages) == [("Reported", 2), ("Reported", 3)]


def test_ring_and_words_survive(database: Database, messages: SqliteMessages) -> None:
    """A new process finds them."""
    do(messages, Ring(), 1)
    again = SqliteMessages(database, generation=1)
    assert [entry.id for entry in again.ring()] == [command(1).id]
    assert sequences(again) == sequences(messages)


def test_new_generation_counts_from_one(database: Database, messages: SqliteMessages) -> None:
    """Another enrolment, other numbers."""
    do(messages, Ring(), 1)
    messages.acknowledge(Ack(generation=1, reported=0, result=2))
    assert SqliteMessages(database, generation=2).lowest(KeptKind.RESULT) == 1
    assert messages.lowest(KeptKind.RESULT) == 3


def test_plan_of_nothing_writes_nothing(messages: SqliteMessages) -> None:
    """A dropped command leaves no trace."""
    messages.write(CommandPlan(), NOW)
    assert sequences(messages) == []
