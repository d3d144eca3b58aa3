"""Hours and days of records: which hours are closed, what the store still holds, what is kept.

An hour is counted from 1970, and is the one in the name of a record stream; a day is 24 of them,
UTC. Times are milliseconds of the store's clock. Follows docs/records.md.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

HOUR_MS: Final = 3_600_000
HOURS: Final = 24
"""Hours of a day."""
STORE_HOURS: Final = 26
"""Hours from the beginning of a stream's hour until it is taken out of the store."""
SETTLE_MS: Final = 5_000
"""Milliseconds after an hour until it is closed: a step that began in it has long ended."""
LATE_HOURS: Final = 6
"""Closed hours that may wait before it is an alarm; the store keeps and holds them all."""
KEEP_DAYS: Final = 31
"""Days that a day's records and its person-hash key are kept after it is over."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def newest_closed(now_ms: int) -> int:
    """Return the newest hour in which nothing more is stored."""
    return (now_ms - SETTLE_MS) // HOUR_MS - 1


def oldest_left(now_ms: int) -> int:
    """Return the newest hour that is taken out of the store when it is moved."""
    return now_ms // HOUR_MS - STORE_HOURS


def oldest_whole(now_ms: int) -> int:
    """Return the oldest hour that is in the store, whatever became of the archive."""
    return now_ms // HOUR_MS - STORE_HOURS + 1


def waiting(through: int, now_ms: int) -> int:
    """Return how many closed hours are not moved yet."""
    return max(0, newest_closed(now_ms) - through)


def day_of(hour: int) -> int:
    """Return the day of an hour."""
    return hour // HOURS


def is_over(day: int, today: int) -> bool:
    """Say whether a day's records and its key must be gone: it ended 31 whole days ago or more."""
    return today - day > KEEP_DAYS


def day_name(day: int) -> str:
    """Write a day as YYYY-MM-DD."""
    return f"{_EPOCH + timedelta(days=day):%Y-%m-%d}"


def day_named(name: str) -> int | None:
    """Read a day's name; None for anything else."""
    try:
        moment = datetime.strptime(name, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None
    day = (moment - _EPOCH).days
    return day if day_name(day) == name else None


def hour_name(hour: int) -> str:
    """Write an hour as YYYY-MM-DDTHH, for people."""
    return f"{day_name(day_of(hour))}T{hour % HOURS:02d}"
