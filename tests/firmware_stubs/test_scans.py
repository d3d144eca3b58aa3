import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_stubs.scans import (
    MAX_OPEN,
    MOVES,
    SAME_S,
    FinalDecision,
    Phase,
    Scan,
    Scans,
    ScanSignal,
)
from verifier.contract.scan import ScanId, TerminalAnswer, scan_id_tail
from verifier.contract.vocabulary import Outcome

NOW = 1_790_000_000.0


def verdict(scan_id: str) -> FinalDecision:
    """Make a denial."""
    answer = TerminalAnswer(scan_id=scan_id, decision=Outcome.DENY, sentence="", recorded=False)
    return FinalDecision(answer=answer, online=False)


def test_scan_id_is_the_terminals_own() -> None:
    """Its tail is the caller's, its head the time."""
    scan = Scans("hall-1").begin("x", NOW, b"abcdef", Phase.ASKING)
    assert scan is not None
    assert scan.scan_id.endswith(scan_id_tail("hall-1"))
    assert int(scan.scan_id.replace("-", "")[:12], 16) == int(NOW * 1000)


def test_first_decision_is_the_only_one() -> None:
    """A second one comes too late."""
    scans = Scans("hall-1")
    scan = scans.begin("x", NOW, bytes(6), Phase.ASKING)
    assert scan is not None
    first = verdict(scan.scan_id)
    assert scans.settle(scan, first)
    assert not scans.settle(scan, verdict(scan.scan_id))
    assert scan.final is first


@pytest.mark.parametrize(("phase", "signal"), list(itertools.product(Phase, ScanSignal)))
def test_a_scan_moves_by_the_table_alone(phase: Phase, signal: ScanSignal) -> None:
    """What stands in it moves the scan, anything else is an error; a decision is the end."""
    scan = Scan(scan_id=ScanId("x"), text="x", at=NOW, phase=phase)
    if (phase, signal) in MOVES:
        scan.move(signal)
        assert scan.phase is MOVES[phase, signal]
        assert phase is not Phase.FINAL
    else:
        with pytest.raises(KeyError):
            scan.move(signal)
        assert scan.phase is phase


def test_clock_set_back_does_not_hold_a_scan_for_ever() -> None:
    """Far in the future is as old as far in the past."""
    scans = Scans("hall-1")
    scan = scans.begin("x", NOW, bytes(6), Phase.ASKING)
    assert scan is not None
    scans.settle(scan, verdict(scan.scan_id))
    assert scans.find("x", NOW - 3600) is None
    scans.forget(NOW - 3600)
    assert len(scans) == 0


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0, 30)), max_size=60))
def test_same_text_same_scan_within_ten_seconds(readings: list[tuple[int, float]]) -> None:
    """Whatever is read in between, and however often."""
    scans, now, first = Scans("hall-1"), NOW, dict[str, tuple[str, float]]()
    for number, (text, later) in enumerate(readings):
        now += later
        scans.forget(now)
        found = scans.find(str(text), now)
        if found is None:
            found = scans.begin(str(text), now, number.to_bytes(6, "big"), Phase.ASKING)
            assert found is not None
            scans.settle(found, verdict(found.scan_id))
            before = first.get(str(text))
            assert before is None or now - before[1] >= SAME_S
            first[str(text)] = found.scan_id, now
        assert first[str(text)] == (found.scan_id, found.at)


def test_memory_is_bounded() -> None:
    """Decided ones make room, undecided ones never."""
    scans = Scans("hall-1")
    for number in range(2 * MAX_OPEN):
        scan = scans.begin(str(number), NOW, number.to_bytes(6, "big"), Phase.ASKING)
        assert scan is not None
        scans.settle(scan, verdict(scan.scan_id))
    assert len(scans) == MAX_OPEN
