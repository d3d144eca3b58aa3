"""One contract, every storage: what a terminal keeps behaves the same in SQLite and in memory.

Messages and facts: `memory/test_messages.py` and `memory/test_facts.py`.
"""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firmware_stubs.edge.disk.storage import SqliteStorage, open_storage
from firmware_stubs.memory.storage import MemoryStorage
from firmware_stubs.outbox import Fill, batch
from firmware_stubs.scans import SAME_S, FinalDecision, Phase, Scan
from firmware_stubs.storage import Storage
from tests.support.publisher import EDITION, NOW
from tests.support.terminal_state import new_scan
from tests.support.terminal_storage import (
    KEEP_S,
    MS,
    Make,
    entry,
    kept,
    memory_storage,
    storage_settings,
)
from verifier.contract.reasons import Reason
from verifier.contract.scan import TerminalAnswer
from verifier.contract.vocabulary import Answer, Outcome
from verifier.steps.use import Use, UseKind


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
        return transaction.take([once(key) for key in keys], scan_id=scan_id, now=now).answer


YEAR = 365 * 86_400.0
LONGEST_S = 86_400.0 + 600.0
"""Seconds; no use lasts longer."""


class _BrokenError(Exception):
    """What fails in the middle of a transaction."""


# What goes when the outbox is full


def show(storage: Storage, scan: Scan, decision: Outcome) -> bool:
    """Note a scan and keep its decision, as a terminal that is cut off does."""
    storage.records.note(scan)
    with storage.transaction() as transaction:
        return transaction.decide(scan, verdict(scan, decision), acknowledged_at=None)


def test_rubbish_at_a_gate_that_is_cut_off_pushes_out_no_pass(make: Make) -> None:
    """Passes before it and after it are kept; of the rubbish the newest, and the rest counted."""
    storage = make(6)
    for number in range(3):
        assert show(storage, new_scan(number), Outcome.PASS)
    for number in range(10, 40):
        show(storage, new_scan(number), Outcome.DENY)
    for number in range(50, 52):
        assert show(storage, new_scan(number), Outcome.PASS)
    passes = [new_scan(number).scan_id for number in (0, 1, 2, 50, 51)]
    assert waiting(storage) == [*passes[:3], new_scan(39).scan_id, *passes[3:]]
    assert (storage.records.dropped, storage.records.lost) == (29, 0)
    for number in (60, 61):
        show(storage, new_scan(number), Outcome.PASS)
    assert waiting(storage) == [*passes, new_scan(60).scan_id]
    assert storage.records.full()


def test_a_group_s_review_that_let_the_others_in_goes_for_no_rubbish(make: Make) -> None:
    """Its uses were taken here, and only its record tells the centre."""
    storage = make(2)
    reviewed = new_scan(1)
    storage.records.note(reviewed)
    answer = TerminalAnswer(
        scan_id=reviewed.scan_id, decision=Outcome.REVIEW, reason=Reason.GROUP_EXCEPTIONS,
        sentence="", recorded=False,
    )  # fmt: skip
    with storage.transaction() as transaction:
        final = FinalDecision(answer=answer, online=False)
        transaction.decide(reviewed, final, acknowledged_at=None)
    for number in range(10, 20):
        show(storage, new_scan(number), Outcome.DENY)
    assert waiting(storage) == [reviewed.scan_id, new_scan(19).scan_id]


STEPS = st.lists(
    st.tuples(st.sampled_from([*Outcome, None, "told", "reopen"]), st.integers(1, 60)), max_size=40
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS, entries=st.integers(1, 6))
def test_no_pass_that_waits_ever_goes(make: Make, steps: list[Any], entries: int) -> None:
    """Whatever is shown, acknowledged or asked for again: a pass that was taken stays, in order."""
    storage, passes = make(entries), list[str]()
    for number, (what, length) in enumerate(steps):
        scan = new_scan(number, text=f"CC1:{'A' * length}")
        if what == "told":
            told = waiting(storage)[:2]
            storage.records.acknowledge(told, NOW)
            passes = [one for one in passes if one not in told]
        elif what == "reopen":
            storage.records.reopen()
            kept = storage.records.read(batch(storage.records.next()))
            again = [record.scan_id for record in kept if record.decision is Outcome.PASS]
            assert [one for one in again if one in passes] == passes
            passes = again
        elif what is None:
            storage.records.note(scan)
        elif show(storage, scan, what) and what is Outcome.PASS:
            passes.append(scan.scan_id)
        assert [one for one in waiting(storage) if one in passes] == passes
        assert storage.records.fill().entries <= entries


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
        assert transaction.take([once("k")], scan_id=scan.scan_id, now=NOW).answer is Answer.FRESH
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
        assert transaction.take([room], scan_id="b", now=NOW).answer is Answer.FULL


def test_uses_run_out(storage: Storage) -> None:
    """By their seconds, whether swept or not."""
    take(storage, "k")
    assert take(storage, "k", scan_id="b", now=NOW + 299) is Answer.USED
    storage.sweep(wall=NOW + 299, confirmed_at=0.0)
    assert take(storage, "k", scan_id="b", now=NOW + 299) is Answer.USED
    storage.sweep(wall=NOW + 300, confirmed_at=0.0)
    assert take(storage, "k", scan_id="b", now=NOW + 300) is Answer.FRESH


def told(storage: Storage, wall: float, ahead: float) -> None:
    """Have the server say a time."""
    storage.clock.observe(date=wall + ahead, sent=wall - 0.1, received=wall)


def corrected(storage: Storage) -> float:
    """Let five minutes of right answers outvote the clock; returns the time then."""
    for minute in range(5):
        told(storage, NOW + 60 * minute, 0.0)
    now = NOW + 240.0
    assert abs(storage.clock.now(now) - now) < 2
    return now


def test_a_wrong_time_ahead_forgets_nobody_who_passed(storage: Storage) -> None:
    """The first answer after the machine's start was a year ahead, and the table was cleaned."""
    take(storage, "k")
    told(storage, NOW, YEAR)
    storage.sweep(wall=NOW + 10, confirmed_at=0.0)
    now = corrected(storage)
    storage.sweep(wall=now, confirmed_at=0.0)
    assert take(storage, "k", scan_id="b", now=now) is Answer.USED


def test_who_passed_at_a_wrong_time_is_not_kept_out_for_years(storage: Storage) -> None:
    """It ends as uses do, once the time is right; so does a room's count."""
    told(storage, NOW, YEAR)
    room = Use(kind=UseKind.ROOM, key="room", count=2, limit=2, seconds=300)
    with storage.transaction() as transaction:
        transaction.remember([once("k"), room], scan_id="online", now=storage.clock.now(NOW))
    now = corrected(storage)
    storage.sweep(wall=now, confirmed_at=0.0)
    later = now + LONGEST_S + 1
    assert take(storage, "k", scan_id="b", now=later) is Answer.FRESH
    with storage.transaction() as transaction:
        assert transaction.take([room], scan_id="c", now=later).answer is Answer.FRESH


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
    assert storage.sweep(wall=NOW, confirmed_at=NOW + KEEP_S) == 0
    assert storage.sweep(wall=NOW, confirmed_at=NOW + KEEP_S + 1) == 1
    assert storage.sweep(wall=NOW, confirmed_at=NOW * 2) == 0
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
    storage.sweep(wall=NOW, confirmed_at=NOW * 2)
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
    assert again.facts.floors()["trust"] == again.bundles.floors["trust"]
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
    storage.write_slot("trust", accepted.content.slot, EDITION.trust())
    storage.facts.adopt(accepted)
