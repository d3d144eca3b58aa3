import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_stubs.outbox import (
    BATCH_OCTETS,
    Bounds,
    Fate,
    Fill,
    Room,
    WaitingRecord,
    batch,
    deletable_before,
    failed_over,
    fates,
    room,
)
from verifier.contract.scan import MAX_UPLOAD_RECORDS, UploadResult

BOUNDS = Bounds(entries=3, octets=100, keep_s=600)


@given(st.lists(st.integers(1, 10_000), unique=True), st.integers(1, 200_000))
def test_batch_is_the_oldest_in_order(numbers: list[int], octets: int) -> None:
    """Never more than fit, never nothing while something waits, never one before an older one."""
    chosen = batch(WaitingRecord(number=number, octets=octets) for number in numbers)
    assert list(chosen) == sorted(numbers)[: len(chosen)]
    assert len(chosen) <= MAX_UPLOAD_RECORDS
    assert len(chosen) == 1 or len(chosen) * octets <= BATCH_OCTETS or not numbers
    assert bool(chosen) == bool(numbers)


@pytest.mark.parametrize(
    ("code", "fate"),
    [
        ("stored", Fate.ACKNOWLEDGED),
        ("known", Fate.ACKNOWLEDGED),
        ("conflict", Fate.REFUSED),
        ("malformed", Fate.REFUSED),
        ("retry", Fate.WAITS),
        ("something newer", Fate.WAITS),
    ],
)
def test_fate(code: str, fate: Fate) -> None:
    """Stored and known acknowledge, refusals are final, everything else waits."""
    result = UploadResult(scan_id="a", stored=fate is Fate.ACKNOWLEDGED, code=code)
    assert fates(["a"], [result]) == (fate,)


def test_fate_of_what_was_not_answered_in_order() -> None:
    """A result for another scan, or none, acknowledges nothing."""
    results = [UploadResult(scan_id="b", stored=True, code="stored")]
    assert fates(["a", "b"], results) == (Fate.WAITS, Fate.WAITS)


@pytest.mark.parametrize(
    ("acknowledged_at", "confirmed_at", "may"),
    [
        (1000.0, 1600.0, False),
        (1000.0, 1600.1, True),
        (1000.0, 0.0, False),
    ],
)
def test_deleting(acknowledged_at: float, confirmed_at: float, *, may: bool) -> None:
    """Only what was acknowledged longer ago than the window, counted to the store's last sign."""
    assert (acknowledged_at < deletable_before(confirmed_at, BOUNDS)) is may


@pytest.mark.parametrize(
    ("fill", "octets", "outcome"),
    [
        (Fill(entries=2, octets=50, acknowledged=0), 50, Room.TAKEN),
        (Fill(entries=2, octets=50, acknowledged=0), 51, Room.LOST),
        (Fill(entries=2, octets=50, acknowledged=1), 51, Room.EVICTS),
        (Fill(entries=3, octets=3, acknowledged=0), 1, Room.LOST),
        (Fill(entries=3, octets=3, acknowledged=2), 1, Room.EVICTS),
        (Fill(entries=0, octets=0, acknowledged=0), 101, Room.LOST),
        (Fill(entries=3, octets=3, acknowledged=0, denied=True), 1, Room.DROPS),
        (Fill(entries=3, octets=3, acknowledged=2, denied=True), 1, Room.DROPS),
        (Fill(entries=2, octets=50, acknowledged=0, denied=True), 50, Room.TAKEN),
    ],
)
def test_room(fill: Fill, octets: int, outcome: Room) -> None:
    """Denials make room, then what is acknowledged; a pass that waits never does."""
    assert room(fill, octets, BOUNDS) is outcome


def test_failover_is_another_name() -> None:
    """No name says nothing."""
    assert failed_over("a", "b")
    assert not failed_over("a", "a")
    assert not failed_over(None, "b")
    assert not failed_over("a", None)
