from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware_stubs.commands import CommandPlan, Ring
from firmware_stubs.edge.disk.database import Database
from firmware_stubs.edge.disk.messages import REPORTED, RESULT, MessageQueue
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
def lanes(database: Database) -> MessageQueue:
    """Make empty lanes."""
    return MessageQueue(database, generation=1)


def command(number: int) -> Command:
    """Make an open_gate."""
    return Command(
        id=f"{number:032x}",
        type=CommandType.OPEN_GATE,
        issued_at=NOW,
        expires_at=NOW + 60_000,
    )


def do(lanes: MessageQueue, ring: Ring, number: int) -> None:
    """Carry a command out as the shell does."""
    told = {"now": NOW, "clock_sure": True, "suspended": False, "retained": False}
    lanes.write(ring.receive(command(number), **told), NOW)  # type: ignore[arg-type]
    lanes.write(ring.finish(command(number).id, done=True), NOW)


def sequences(lanes: MessageQueue) -> list[tuple[str, int]]:
    """Return kind and sequence of what is kept."""
    return [(type(message).__name__, message.sequence) for message in lanes.kept(EPOCH, BOOT)]


def test_words_count_without_gaps(lanes: MessageQueue) -> None:
    """Two a command, in order, with the epoch and boot of the connection they go over."""
    ring = Ring()
    do(lanes, ring, 1)
    do(lanes, ring, 2)
    kept = [message for message in lanes.kept(EPOCH, BOOT) if isinstance(message, Result)]
    assert [message.sequence for message in kept] == [1, 2, 3, 4]
    assert [message.state for message in kept[:2]] == [ResultState.RUNNING, ResultState.SUCCEEDED]
    assert {(message.epoch, message.boot) for message in kept} == {(EPOCH, BOOT)}


def test_replay_is_answered_under_the_kept_sequence(lanes: MessageQueue) -> None:
    """Only once the word was acknowledged does a replay get a new one."""
    ring = Ring()
    do(lanes, ring, 1)
    replay = CommandPlan(word=ring.receive(command(1), now=NOW, clock_sure=True, suspended=False,
                                    retained=False).word)  # fmt: skip
    assert not lanes.write(replay, NOW)
    assert len(sequences(lanes)) == 2
    lanes.acknowledge(Ack(generation=1, reported=0, result=2))
    assert lanes.write(replay, NOW)
    assert sequences(lanes) == [("Result", 3)]


def test_acknowledged_is_forgotten_and_the_rest_kept(lanes: MessageQueue) -> None:
    """The one number speaks for all below it."""
    ring = Ring()
    do(lanes, ring, 1)
    do(lanes, ring, 2)
    lanes.acknowledge(Ack(generation=1, reported=0, result=3))
    assert sequences(lanes) == [("Result", 4)]
    assert lanes.lowest(RESULT) == 4
    lanes.acknowledge(Ack(generation=1, reported=0, result=4))
    assert lanes.lowest(RESULT) == 5


def test_acknowledgement_of_another_generation_is_ignored(lanes: MessageQueue) -> None:
    """It speaks of other numbers."""
    do(lanes, Ring(), 1)
    lanes.acknowledge(Ack(generation=2, reported=9, result=9))
    assert len(sequences(lanes)) == 2


def test_wiped_terminal_goes_on_after_what_the_fleet_has(lanes: MessageQueue) -> None:
    """Or its words would be taken for old ones."""
    lanes.acknowledge(Ack(generation=1, reported=5, result=9))
    do(lanes, Ring(), 1)
    assert sequences(lanes) == [("Result", 10), ("Result", 11)]


def test_only_the_newest_report_counts_while_none_was_sent(lanes: MessageQueue) -> None:
    """The birth says from where; numbers are never used again."""
    lanes.report({"trust": 1}, NOW, replaces=True)
    lanes.report({"trust": 2}, NOW, replaces=True)
    assert sequences(lanes) == [("Reported", 2)]
    assert lanes.lowest(REPORTED) == 2
    lanes.report({"trust": 3}, NOW, replaces=False)
    assert sequences(lanes) == [("Reported", 2), ("Reported", 3)]


def test_ring_and_words_survive(database: Database, lanes: MessageQueue) -> None:
    """A new process finds them."""
    do(lanes, Ring(), 1)
    again = MessageQueue(database, generation=1)
    assert [entry.id for entry in again.ring()] == [command(1).id]
    assert sequences(again) == sequences(lanes)


def test_new_generation_counts_from_one(database: Database, lanes: MessageQueue) -> None:
    """Another enrolment, other numbers."""
    do(lanes, Ring(), 1)
    lanes.acknowledge(Ack(generation=1, reported=0, result=2))
    assert MessageQueue(database, generation=2).lowest(RESULT) == 1
    assert lanes.lowest(RESULT) == 3


def test_plan_of_nothing_writes_nothing(lanes: MessageQueue) -> None:
    """A dropped command leaves no trace."""
    lanes.write(CommandPlan(), NOW)
    assert sequences(lanes) == []
