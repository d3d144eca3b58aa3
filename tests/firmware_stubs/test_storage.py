"""One contract, every storage: what a terminal keeps behaves the same in SQLite and in memory."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from firmware_stubs.bundles import Bundles
from firmware_stubs.clock import Offset
from firmware_stubs.commands import CommandPlan, RingEntry, Word
from firmware_stubs.edge.disk.storage import SqliteStorage, open_storage
from firmware_stubs.memory.storage import MemoryStorage
from firmware_stubs.outbox import Fill, batch
from firmware_stubs.scans import SAME_S, FinalDecision, Phase, Scan
from firmware_stubs.slots import AcceptedDeltas
from firmware_stubs.storage import MAX_RESULTS, KeptKind, Storage
from fleet.contract.commands import ResultCode, ResultState
from fleet.contract.messages import Ack, Epoch, Reported, Result
from tests.support.publisher import EDITION, NOW
from tests.support.terminal_state import new_scan
from tests.support.terminal_storage import KEEP_S, memory_storage, storage_settings
from verifier.contract.reasons import Reason
from verifier.contract.scan import TerminalAnswer
from verifier.contract.vocabulary import Answer, Outcome
from verifier.status.plane import PlaneView
from verifier.steps.use import Use, UseKind
from verifier.trust.bundle import Floor

EPOCH = Epoch(generation=1, counter=7)
BOOT = "b" * 32
MS = 1_790_000_000_000

Make = Callable[[int], Storage]
"""Opens an empty storage with room for some records."""


@pytest.fixture(params=["sqlite", "memory"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    """Return how one kind of storage is opened."""
    opened: list[Storage] = []

    def open_one(entries: int) -> Storage:
        storage: Storage
        if request.param == "memory":
            storage = memory_storage(entries=entries)
        else:
            folder = tmp_path / str(len(opened))
            folder.mkdir()
            storage = open_storage(storage_settings(folder, entries=entries), wall=NOW)
        opened.append(storage)
        return storage

    yield open_one
    for each in opened:
        each.close()


@pytest.fixture
def storage(make: Make) -> Storage:
    """Open one with room."""
    return make(1000)


def verdict(scan: Scan, decision: Outcome = Outcome.PASS, *, online: bool = False) -> FinalDecision:
    """Make a decision of a scan."""
    reason = None if decision is Outcome.PASS else Reason.STATUS_RED
    answer = TerminalAnswer(
        scan_id=scan.scan_id, decision=decision, reason=reason, sentence="", recorded=online
    )
    return FinalDecision(answer=answer, online=online)


def put(storage: Storage, scan: Scan, *, acknowledged_at: float | None = None) -> bool:
    """Keep a decision."""
    with storage.transaction() as transaction:
        return transaction.decide(scan, verdict(scan), acknowledged_at=acknowledged_at)


def waiting(storage: Storage) -> list[str]:
    """Return the scan_ids of what waits for upload, in its order."""
    numbers = batch(storage.records.next())
    return [record.scan_id for record in storage.records.read(numbers)]


def once(key: str) -> Use:
    """Claim one use."""
    return Use(kind=UseKind.ONCE, key=key, seconds=300)


def take(storage: Storage, *keys: str, scan_id: str = "a", now: float = NOW) -> Answer:
    """Take uses in a transaction of their own."""
    with storage.transaction() as transaction:
        return transaction.take([once(key) for key in keys], scan_id=scan_id, now=now)


class _BrokenError(Exception):
    """What fails in the middle of a transaction."""


# Uses and records in one transaction


def test_uses_are_taken_all_or_none(storage: Storage) -> None:
    """One that is taken refuses the whole; what was free stays free."""
    assert take(storage, "taken", scan_id="z") is Answer.FRESH
    assert take(storage, "free", "taken") is Answer.USED
    assert take(storage, "free", scan_id="b") is Answer.FRESH


def test_a_transaction_that_fails_leaves_nothing(storage: Storage) -> None:
    """Neither use nor record, nor what had to go for it."""
    old, scan = new_scan(1), new_scan(2)
    assert put(storage, old, acknowledged_at=NOW)
    before = storage.records.fill()
    with pytest.raises(_BrokenError), storage.transaction() as transaction:  # noqa: PT012
        assert transaction.take([once("k")], scan_id=scan.scan_id, now=NOW) is Answer.FRESH
        assert transaction.decide(scan, verdict(scan), acknowledged_at=None)
        raise _BrokenError
    assert storage.records.fill() == before
    assert waiting(storage) == []
    assert take(storage, "k", scan_id="another") is Answer.FRESH
    assert put(storage, scan)
    assert waiting(storage) == [scan.scan_id]


def test_a_failed_transaction_gives_back_what_was_evicted(make: Make) -> None:
    """The oldest acknowledged is there again, and goes first again."""
    storage = make(2)
    first, second, third = (new_scan(number) for number in range(3))
    put(storage, first, acknowledged_at=NOW)
    put(storage, second, acknowledged_at=NOW)
    with pytest.raises(_BrokenError), storage.transaction() as transaction:  # noqa: PT012
        assert transaction.decide(third, verdict(third), acknowledged_at=None)
        raise _BrokenError
    assert storage.records.reopen() == 2
    assert waiting(storage) == [first.scan_id, second.scan_id]


def test_what_the_centre_passed_counts_as_used(storage: Storage) -> None:
    """Remembered unasked, with rooms and pairs."""
    room = Use(kind=UseKind.ROOM, key="room", count=2, limit=2, seconds=300)
    with storage.transaction() as transaction:
        transaction.remember([once("k"), room], scan_id="online", now=NOW)
    assert take(storage, "k") is Answer.USED
    with storage.transaction() as transaction:
        assert transaction.take([room], scan_id="b", now=NOW) is Answer.FULL


def test_uses_run_out(storage: Storage) -> None:
    """By their seconds, whether swept or not."""
    take(storage, "k")
    assert take(storage, "k", scan_id="b", now=NOW + 299) is Answer.USED
    storage.sweep(now=NOW + 299, confirmed_at=0.0)
    assert take(storage, "k", scan_id="b", now=NOW + 299) is Answer.USED
    storage.sweep(now=NOW + 300, confirmed_at=0.0)
    assert take(storage, "k", scan_id="b", now=NOW + 300) is Answer.FRESH


# The outbox


def test_records_wait_in_the_order_of_their_scans(storage: Storage) -> None:
    """And come out as they were decided."""
    scans = [new_scan(number, f"CC1:{number}", at=NOW + number) for number in range(3)]
    storage.records.note(scans[0])
    storage.records.note(scans[1])
    for scan in reversed(scans):
        put(storage, scan)
    assert waiting(storage) == [scan.scan_id for scan in scans]
    records = storage.records.read(batch(storage.records.next()))
    assert [record.text for record in records] == ["CC1:0", "CC1:1", "CC1:2"]
    assert {(record.decision, record.online) for record in records} == {(Outcome.PASS, False)}


def test_a_record_says_how_it_was_decided(storage: Storage) -> None:
    """Reason, clock and time go up; an overlong time is cut to the contract's bound."""
    scan = new_scan()
    with storage.transaction() as transaction:
        denied = verdict(scan, Outcome.DENY)
        assert transaction.decide(
            scan, denied, acknowledged_at=None, clock_unsure=True, milliseconds=1e9
        )
    (record,) = storage.records.read(batch(storage.records.next()))
    assert (record.reason, record.clock_unsure) == (Reason.STATUS_RED, True)
    assert record.milliseconds == 60_000.0


def test_a_note_is_no_record_and_the_first_decision_stands(storage: Storage) -> None:
    """A second one writes nothing and says so."""
    scan = new_scan()
    storage.records.note(scan)
    assert waiting(storage) == []
    assert put(storage, scan)
    with storage.transaction() as transaction:
        again = verdict(scan, Outcome.DENY)
        assert not transaction.decide(scan, again, acknowledged_at=None)
    (record,) = storage.records.read(batch(storage.records.next()))
    assert record.decision is Outcome.PASS


def test_acknowledged_is_kept_for_the_window(storage: Storage) -> None:
    """It waits no more; it goes when the store's last sign of life is a window later."""
    scan, unsent = new_scan(1), new_scan(2)
    put(storage, scan)
    put(storage, unsent)
    storage.records.acknowledge([scan.scan_id], NOW)
    assert waiting(storage) == [unsent.scan_id]
    assert storage.sweep(now=NOW, confirmed_at=NOW + KEEP_S) == 0
    assert storage.sweep(now=NOW, confirmed_at=NOW + KEEP_S + 1) == 1
    assert storage.sweep(now=NOW, confirmed_at=NOW * 2) == 0
    assert waiting(storage) == [unsent.scan_id]


def test_failover_lets_the_window_wait_again(storage: Storage) -> None:
    """In the order of the scans, what was acknowledged online too."""
    first, second = new_scan(1), new_scan(2)
    put(storage, first, acknowledged_at=NOW)
    put(storage, second)
    assert storage.records.reopen() == 1
    assert waiting(storage) == [first.scan_id, second.scan_id]


def test_a_full_outbox_loses_nothing_unacknowledged(make: Make) -> None:
    """The oldest acknowledged goes; full of the others it takes no more, and says so."""
    storage = make(2)
    scans = [new_scan(number) for number in range(4)]
    put(storage, scans[0])
    put(storage, scans[1], acknowledged_at=NOW)
    assert put(storage, scans[2])
    assert storage.records.full()
    assert not put(storage, scans[3])
    assert waiting(storage) == [scans[0].scan_id, scans[2].scan_id]
    assert storage.records.fill().acknowledged == 0


def test_fill_counts(storage: Storage) -> None:
    """Entries, bytes of their texts as JSON, and how many are acknowledged."""
    assert storage.records.fill() == Fill(entries=0, octets=0, acknowledged=0)
    put(storage, new_scan(1, "CC1:A"))
    put(storage, new_scan(2, "CC1:BB"), acknowledged_at=NOW)
    assert storage.records.fill() == Fill(entries=2, octets=15, acknowledged=1)
    storage.sweep(now=NOW, confirmed_at=NOW * 2)
    assert storage.records.fill() == Fill(entries=1, octets=7, acknowledged=0)


def test_recent_scans_come_back(storage: Storage) -> None:
    """Decided ones of the last seconds with their decision, undecided ones whatever their age."""
    old, new, asked = new_scan(1, at=NOW - 60), new_scan(2), new_scan(3, at=NOW - 60)
    for scan in (old, new):
        put(storage, scan)
    storage.records.mark_opened(new.scan_id)
    storage.records.note(asked)
    decided, orphan = storage.records.recent(NOW + SAME_S - 1)
    assert (decided.scan_id, decided.opened, decided.phase) == (new.scan_id, True, Phase.FINAL)
    assert decided.final is not None
    assert decided.final.answer.decision is Outcome.PASS
    assert decided.final.answer.sentence
    assert (orphan.scan_id, orphan.phase) == (asked.scan_id, Phase.ORPHAN)


# Messages for the fleet, and the ring


def entry(
    number: int, state: ResultState = ResultState.SUCCEEDED, forget_at: int = MS
) -> CommandPlan:
    """Make what is written of a command."""
    command = f"{number:032x}"
    row = RingEntry(id=command, forget_at=forget_at, state=state, code=ResultCode.OK)
    return CommandPlan(entry=row, word=Word(command=command, state=state, code=ResultCode.OK))


def kept(storage: Storage) -> list[tuple[str, int]]:
    """Return kind and sequence of what is kept, as it is sent."""
    return [(type(each).__name__, each.sequence) for each in storage.messages.kept(EPOCH, BOOT)]


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


# Facts, floors, slots


def test_facts_are_kept(storage: Storage) -> None:
    """Epochs count every connection, from one in a new generation; time never goes back."""
    facts = storage.facts
    assert [facts.next_epoch(generation) for generation in (1, 1, 2)] == [
        Epoch(generation=1, counter=1),
        Epoch(generation=1, counter=2),
        Epoch(generation=2, counter=1),
    ]
    facts.persist_time(NOW + 100)
    facts.persist_time(NOW)
    assert facts.time() == NOW + 100
    assert (facts.suspended(), facts.offset(), facts.store_name()) == (False, None, None)
    facts.suspend(suspended=True)
    facts.persist_offset(Offset(low=1.0, high=2.0, at=NOW))
    facts.persist_store_name("store")
    assert (facts.suspended(), facts.store_name()) == (True, "store")
    assert facts.offset() == Offset(low=1.0, high=2.0, at=NOW)


def test_floors_never_sink(storage: Storage) -> None:
    """Not by a reset, not by a slot that is forgotten, not by an older bundle."""
    facts = storage.facts
    bundles = Bundles(EDITION.root(), floors={}, held={})
    accepted = bundles.offer("trust", EDITION.trust(), NOW)
    storage.write_slot("trust", accepted.held.slot, EDITION.trust())
    facts.adopt(accepted)
    assert facts.slots() == {"trust": accepted.held}
    for forget in (lambda: facts.forget_slot("trust"), facts.forget_slots):
        forget()
        assert facts.slots() == {}
        assert facts.floors() == {"trust": accepted.floor}
        facts.adopt(accepted)
    newer = Floor(version=9, digest=b"9" * 32)
    facts.extend(deltas(newer))
    facts.extend(deltas(Floor(version=8, digest=b"8" * 32), after=1))
    assert facts.floors() == {"trust": accepted.floor, "status-1-health": newer}


def deltas(floor: Floor, after: int = 0) -> AcceptedDeltas:
    """Make a delta that was accepted; `after` are kept already."""
    view = PlaneView.__new__(PlaneView)
    return AcceptedDeltas(
        name="status-1-health",
        after=after,
        deltas=(b"delta%d" % after,),
        floor=floor,
        issued_at=0.0,
        view=view,
        trusted=Bundles(EDITION.root(), floors={}, held={})._trusted,
    )


def test_deltas_are_kept_in_order_and_go_with_their_slot(storage: Storage) -> None:
    """Beside the slot, behind those that are there."""
    floor = Floor(version=9, digest=b"9" * 32)
    storage.facts.extend(deltas(floor))
    storage.facts.extend(deltas(floor, after=1))
    assert storage.facts.deltas() == {"status-1-health": (b"delta0", b"delta1")}
    storage.facts.forget_slot("status-1-health")
    storage.end_plane("status-1-health")
    assert storage.facts.deltas() == {}


def test_a_person_key_is_the_terminals_own(make: Make) -> None:
    """At random, so that no two terminals hash a person alike."""
    one, another = make(1), make(1)
    assert len(one.keys.today) == 32
    assert one.keys.today != another.keys.today


# A restart


def test_sqlite_outlives_the_process(tmp_path: Path) -> None:
    """Records, uses, messages, facts, floors and the person key are found again."""
    settings = storage_settings(tmp_path, entries=1000)
    first = open_storage(settings, wall=NOW)
    _keep_something(first)
    key = first.keys.today
    first.close()
    again = open_storage(settings, wall=NOW)
    assert again.lasting
    assert waiting(again) == [new_scan().scan_id]
    assert take(again, "k", scan_id="b") is Answer.USED
    assert kept(again) == [("Result", 1)]
    assert again.facts.next_epoch(1).counter == 2
    assert again.facts.floors() == {"trust": again.bundles.floors["trust"]}
    assert again.bundles.versions()["trust"] == 1
    assert again.keys.today == key
    again.close()


def test_memory_forgets_and_says_so() -> None:
    """Whoever opens one anew starts with nothing but the pinned root."""
    first = memory_storage(entries=1000)
    _keep_something(first)
    first.close()
    again = memory_storage(entries=1000)
    assert not again.lasting
    assert waiting(again) == []
    assert take(again, "k", scan_id="b") is Answer.FRESH
    assert kept(again) == []
    assert again.facts.next_epoch(1).counter == 1
    assert again.facts.floors() == {}
    assert again.bundles.versions() == {"root": 1}
    assert again.keys.today != first.keys.today


def _keep_something(storage: SqliteStorage | MemoryStorage) -> None:
    put(storage, new_scan())
    take(storage, "k")
    storage.messages.write(entry(1), MS)
    storage.facts.next_epoch(1)
    accepted = storage.bundles.offer("trust", EDITION.trust(), NOW)
    storage.write_slot("trust", accepted.held.slot, EDITION.trust())
    storage.facts.adopt(accepted)
