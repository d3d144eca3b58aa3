import pytest

from verifier.archive import hours
from verifier.archive.hours import HOUR_MS, KEEP_DAYS

HOUR = 498_768


@pytest.mark.parametrize(
    ("into_ms", "closed"),
    [(0, HOUR - 2), (hours.SETTLE_MS - 1, HOUR - 2), (hours.SETTLE_MS, HOUR - 1)],
)
def test_an_hour_closes_when_its_last_step_has_surely_ended(into_ms: int, closed: int) -> None:
    """Some seconds after its end, not at it."""
    assert hours.newest_closed(HOUR * HOUR_MS + into_ms) == closed


def test_a_stream_that_was_first_written_as_its_hour_began_is_whole_for_26_hours() -> None:
    """The oldest whole hour's stream cannot have begun to go; the one before it can."""
    for into_ms in (0, 1, HOUR_MS // 2, HOUR_MS - 1):
        now = HOUR * HOUR_MS + into_ms
        lasts_ms = hours.STORE_HOURS * HOUR_MS
        whole = hours.oldest_whole(now)
        assert whole * HOUR_MS + lasts_ms > now
        assert (whole - 1) * HOUR_MS + lasts_ms <= now
        left = hours.oldest_left(now)
        assert (left + 1) * HOUR_MS + lasts_ms > now  # written at the hour's last moment
        assert left * HOUR_MS + lasts_ms <= now


def test_hours_wait_while_they_are_closed_and_not_moved() -> None:
    """None for a mover that is ahead, as after a clock that was set back."""
    now = HOUR * HOUR_MS + HOUR_MS // 2
    assert [hours.waiting(through, now) for through in (HOUR - 1, HOUR - 8, HOUR + 5)] == [0, 7, 0]


def test_a_day_is_over_when_it_ended_31_whole_days_ago() -> None:
    """Its last record is then 31 days old, its first 32."""
    assert not hours.is_over(1000, 1000 + KEEP_DAYS)
    assert hours.is_over(1000, 1000 + KEEP_DAYS + 1)


@pytest.mark.parametrize("day", [0, 59, 20_782, 47_482])
def test_a_day_is_read_back_from_its_name(day: int) -> None:
    """Both ways."""
    assert hours.day_named(hours.day_name(day)) == day


@pytest.mark.parametrize("name", ["", "lock", "2026-1-05", "2026-02-30", "2026-01-05.key", "x"])
def test_what_is_no_day_is_none(name: str) -> None:
    """Only the one form."""
    assert hours.day_named(name) is None


def test_an_hour_is_named_for_people() -> None:
    """By its day and its hour, UTC."""
    assert hours.hour_name(HOUR) == "2026-11-25T00"
