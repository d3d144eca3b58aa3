import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_stubs.edge.disk.database import Database
from firmware_stubs.edge.disk.records import SqliteRecords
from firmware_stubs.outbox import Bounds, batch
from firmware_stubs.scans import SAME_S, FinalDecision, Phase, Scan
from tests.support.publisher import NOW
from tests.support.terminal_state import new_scan
from verifier.contract.reasons import Language, Reason
from verifier.contract.scan import TerminalAnswer
from verifier.contract.vocabulary import Outcome

KEEP_S = 600.0


def verdict(scan: Scan, decision: Outcome = Outcome.PASS, *, online: bool = False) -> FinalDecision:
    """Make a decision of a scan."""
    reason = None if decision is Outcome.PASS else Reason.STATUS_RED
    answer = TerminalAnswer(
        scan_id=scan.scan_id, decision=decision, reason=reason, sentence="", recorded=online
    )
    return FinalDecision(answer=answer, online=online)


class Box:
    """An outbox in a folder, with the transaction around it."""

    def __init__(self, folder: Path, **bounds: float) -> None:
        self.database = Database(folder / "state.db")
        self.records = SqliteRecords(self.database, Bounds(**bounds), Language.EN)  # type: ignore[arg-type]

    def put(self, scan: Scan, *, acknowledged_at: float | None = None) -> bool:
        """Decide a scan."""
        with self.database.transaction() as connection:
            return self.records.decide(
                connection, scan, verdict(scan), acknowledged_at=acknowledged_at
            )

    def waiting(self) -> list[int]:
        """Return the numbers of what waits."""
        return [entry.number for entry in self.records.next()]


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    """Open an empty outbox."""
    opened = Box(tmp_path)
    yield opened
    opened.database.close()


def test_records_wait_in_the_order_of_their_scans(box: Box) -> None:
    """And come out as they were decided."""
    scans = [new_scan(number, f"CC1:{number}", at=NOW + number) for number in range(3)]
    for scan in scans:
        assert box.put(scan)
    found = box.records.read(batch(box.records.next()))
    assert [record.scan_id for record in found] == [scan.scan_id for scan in scans]
    assert [record.text for record in found] == ["CC1:0", "CC1:1", "CC1:2"]
    assert {record.decision for record in found} == {Outcome.PASS}


def test_noted_scan_does_not_wait_before_it_is_decided(box: Box) -> None:
    """A note is no record."""
    box.records.note(new_scan())
    assert box.waiting() == []
    box.put(new_scan())
    assert box.waiting() == [1]


def test_first_decision_stands(box: Box) -> None:
    """A second one writes nothing."""
    scan = new_scan()
    box.put(scan)
    with box.database.transaction() as connection:
        again = verdict(scan, Outcome.DENY)
        assert not box.records.decide(connection, scan, again, acknowledged_at=None)
    assert box.records.read([1])[0].decision is Outcome.PASS


def test_acknowledged_does_not_wait_and_is_kept(box: Box) -> None:
    """Until the store's last sign of life is a window later."""
    scan = new_scan()
    box.put(scan)
    box.records.acknowledge([scan.scan_id], NOW)
    assert box.waiting() == []
    assert box.records.sweep(NOW + KEEP_S) == 0
    assert box.records.sweep(NOW + KEEP_S + 1) == 1


def test_unacknowledged_is_never_swept(box: Box) -> None:
    """However long ago it was."""
    box.put(new_scan())
    assert box.records.sweep(NOW * 2) == 0


def test_failover_lets_the_window_wait_again(box: Box) -> None:
    """In the order of the scans, what was acknowledged online too."""
    box.put(new_scan(1), acknowledged_at=NOW)
    box.put(new_scan(2))
    assert box.records.reopen() == 1
    assert box.waiting() == [1, 2]


def test_full_outbox_evicts_the_oldest_acknowledged(tmp_path: Path) -> None:
    """Not the oldest."""
    box = Box(tmp_path, entries=3)
    box.put(new_scan(1))
    box.put(new_scan(2), acknowledged_at=NOW)
    box.put(new_scan(3), acknowledged_at=NOW)
    assert box.put(new_scan(4))
    assert not box.records.full()
    assert box.put(new_scan(5))
    assert box.waiting() == [1, 4, 5]
    assert box.records.full()
    box.database.close()


def test_outbox_full_of_unacknowledged_takes_nothing_and_loses_nothing(tmp_path: Path) -> None:
    """The new record is not kept, and the caller is told."""
    box = Box(tmp_path, entries=2)
    assert box.put(new_scan(1))
    assert box.put(new_scan(2))
    assert not box.put(new_scan(3))
    assert box.waiting() == [1, 2]
    box.database.close()


def test_recent_scans_come_back(box: Box) -> None:
    """Decided ones of the last seconds with their decision, undecided ones whatever their age."""
    old, new, asked = new_scan(1, at=NOW - 60), new_scan(2), new_scan(3, at=NOW - 60)
    box.put(old)
    box.put(new)
    box.records.mark_opened(new.scan_id)
    box.records.note(asked)
    decided, orphan = box.records.recent(NOW + SAME_S - 1)
    assert decided.scan_id == new.scan_id
    assert decided.opened
    assert decided.final is not None
    assert decided.final.answer.decision is Outcome.PASS
    assert (orphan.scan_id, orphan.phase) == (asked.scan_id, Phase.ORPHAN)


def test_deleted_text_is_gone_from_the_disk(box: Box, tmp_path: Path) -> None:
    """Overwritten in the file, and the log is cut."""
    secret = "CC1:A-TEXT-THAT-MUST-NOT-STAY"
    scan = new_scan(text=secret)
    box.put(scan, acknowledged_at=NOW)
    assert any(secret.encode() in path.read_bytes() for path in tmp_path.iterdir())
    box.records.sweep(NOW + KEEP_S + 1)
    box.database.empty_log()
    assert not any(secret.encode() in path.read_bytes() for path in tmp_path.iterdir())


def test_files_are_the_owners_alone(box: Box, tmp_path: Path) -> None:
    """Texts of codes lie in them."""
    box.put(new_scan())
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


STEP = st.one_of(
    st.tuples(st.just("put"), st.booleans()),
    st.tuples(st.just("note"), st.booleans()),
    st.tuples(st.just("acknowledge"), st.integers(0, 3)),
    st.tuples(st.just("sweep"), st.integers(0, 1500)),
    st.tuples(st.just("reopen"), st.booleans()),
    st.tuples(st.just("restart"), st.booleans()),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(STEP, max_size=40), st.integers(1, 6))
def test_nothing_unacknowledged_is_ever_lost(steps: list[tuple[str, int]], entries: int) -> None:
    """Whatever happens in whatever order: what was taken stays until acknowledged, in order."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        box, model, now = Box(folder, entries=entries), list[str](), NOW
        for number, (what, how) in enumerate(steps):
            now += 100
            scan = new_scan(number, at=now)
            if what == "put" and box.put(scan, acknowledged_at=now if how else None) and not how:
                model.append(scan.scan_id)
            elif what == "note":
                box.records.note(scan)
            elif what == "acknowledge":
                box.records.acknowledge(model[:how], now)
                model = model[how:]
            elif what == "sweep":
                box.records.sweep(now - how)
            elif what == "reopen":
                before = len(model)
                assert box.records.reopen() >= 0
                model = [record.scan_id for record in box.records.read(box.waiting())]
                assert len(model) >= before
            elif what == "restart":
                box.database.close()
                box = Box(folder, entries=entries)
            waiting = [record.scan_id for record in box.records.read(box.waiting())]
            assert waiting == model
            assert box.records.fill().entries <= entries
        box.database.close()
