"""What is kept for the fleet, and the ring: the same in SQLite and in memory."""

from firmware_stubs.commands import CommandPlan
from firmware_stubs.storage import MAX_RESULTS, KeptKind, Storage
from fleet.contract.commands import ResultState
from fleet.contract.messages import Ack, Reported, Result
from tests.support.terminal_storage import BOOT, EPOCH, MS, entry, kept


def test_messages_count_without_gaps(storage: Storage) -> None:
    """Each kind from 1, reports first, with the epoch and boot of the connection."""
    storage.messages.write(entry(1, ResultState.RUNNING), MS)
    storage.messages.report({"trust": 1}, MS, replaces=False)
    storage.messages.write(entry(1), MS)
    assert kept(storage) == [("Reported", 1), ("Result", 1), ("Result", 2)]
    reported, running, succeeded = storage.messages.kept(EPOCH, BOOT)
    assert isinstance(reported, Reported)
    assert reported.bundles == {"trust": 1}
    assert isinstance(running, Result)
    assert isinstance(succeeded, Result)
    assert (running.state, succeeded.state) == (ResultState.RUNNING, ResultState.SUCCEEDED)
    assert {(each.epoch, each.boot) for each in (reported, running)} == {(EPOCH, BOOT)}
    assert [each.state for each in storage.messages.ring()] == [ResultState.SUCCEEDED]


def test_a_word_that_is_kept_is_not_written_again(storage: Storage) -> None:
    """Only once it was acknowledged does a repetition get a new sequence."""
    storage.messages.write(entry(1), MS)
    again = CommandPlan(word=entry(1).word)
    assert not storage.messages.write(again, MS)
    storage.messages.acknowledge(Ack(generation=1, reported=0, result=1))
    assert storage.messages.write(again, MS)
    assert kept(storage) == [("Result", 2)]


def test_acknowledged_messages_are_forgotten(storage: Storage) -> None:
    """One number speaks for all below it; another generation's speaks of other numbers."""
    for number in range(3):
        storage.messages.write(entry(number), MS)
    storage.messages.acknowledge(Ack(generation=2, reported=9, result=9))
    assert storage.messages.lowest(KeptKind.RESULT) == 1
    storage.messages.acknowledge(Ack(generation=1, reported=0, result=2))
    assert kept(storage) == [("Result", 3)]
    assert storage.messages.lowest(KeptKind.RESULT) == 3
    storage.messages.acknowledge(Ack(generation=1, reported=0, result=9))
    assert storage.messages.lowest(KeptKind.RESULT) == 10
    storage.messages.write(entry(4), MS)
    assert kept(storage) == [("Result", 10)]


def test_only_the_newest_report_counts_while_none_was_sent(storage: Storage) -> None:
    """Numbers are never used again."""
    storage.messages.report({"trust": 1}, MS, replaces=True)
    storage.messages.report({"trust": 2}, MS, replaces=True)
    assert kept(storage) == [("Reported", 2)]
    assert storage.messages.lowest(KeptKind.REPORTED) == 2


def test_kept_results_are_bounded(storage: Storage) -> None:
    """The oldest go, and the lowest says so."""
    for number in range(MAX_RESULTS + 2):
        storage.messages.write(CommandPlan(word=entry(number).word), MS)
    assert len(kept(storage)) == MAX_RESULTS
    assert storage.messages.lowest(KeptKind.RESULT) == 3


def test_the_ring_forgets_what_is_past_its_time(storage: Storage) -> None:
    """But for what still runs."""
    storage.messages.write(entry(1, forget_at=MS - 1), MS - 2)
    storage.messages.write(entry(2, ResultState.RUNNING, forget_at=MS - 1), MS - 2)
    storage.messages.write(entry(3, forget_at=MS), MS)
    assert sorted(each.id for each in storage.messages.ring()) == [f"{n:032x}" for n in (2, 3)]


def test_a_plan_of_nothing_writes_nothing(storage: Storage) -> None:
    """A dropped command leaves no trace."""
    storage.messages.write(CommandPlan(), MS)
    assert (kept(storage), storage.messages.ring()) == ([], ())
