"""The person-hash keys as a worker reads them: one file a UTC day, made by the issuing process.

Around midnight a claim looks under two names, so that nobody passes twice by the turn of the day:
after it, at yesterday's for as long as the rule still counts what was claimed then; shortly before
it, at tomorrow's, since another worker's clock may be ahead.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from verifier.policy.profiles import UseRule
from verifier.uses import DAY, PersonKeys

KEY_BYTES: Final = 32
AHEAD_S: Final = 60
"""Seconds before midnight in which tomorrow's name is looked at too."""
_RETRY_S: Final = 5.0
"""Seconds until a missing file is looked for again."""


def key_path(folder: Path, day: int) -> Path:
    """Return the file of a day, counted from 1970-01-01."""
    date = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)
    return folder / f"{date:%Y-%m-%d}.key"


class DailyKeys:
    """Reads each day's key once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._keys: dict[int, bytes] = {}
        self._missing: dict[int, float] = {}
        self._pairs: dict[tuple[int, int], PersonKeys] = {}

    def at(self, now: float, rule: UseRule | None) -> PersonKeys | None:
        """Return the keys for claims made now, or None while today's is missing."""
        day, second = divmod(int(now), DAY)
        other = day
        if rule is not None:
            lasts = max(rule.once_for, rule.pair_for if rule.pair else 0)
            if second >= DAY - AHEAD_S:
                other = day + 1
            elif second < lasts + AHEAD_S:
                other = day - 1
        pair = self._pairs.get((day, other))
        return pair if pair is not None else self._pair(day, other, now)

    def _pair(self, day: int, other: int, now: float) -> PersonKeys | None:
        today = self._read(day, now)
        if today is None:
            return None
        second = None if other == day else self._read(other, now)
        keys = PersonKeys(today=today, yesterday=second)
        if second is not None or other == day:
            self._forget(day)
            self._pairs[day, other] = keys
        return keys

    def _read(self, day: int, now: float) -> bytes | None:
        held = self._keys.get(day)
        if held is not None or now - self._missing.get(day, float("-inf")) < _RETRY_S:
            return held
        try:
            key = key_path(self._folder, day).read_bytes()
        except OSError:
            key = b""
        if len(key) != KEY_BYTES:
            self._missing[day] = now
            return None
        self._keys[day] = key
        return key

    def _forget(self, day: int) -> None:
        """Hold no key of a day that is over for good."""
        for table in (self._keys, self._missing):
            for old in [held for held in table if held < day - 1]:
                del table[old]
        for pair in [held for held in self._pairs if held[0] < day]:
            del self._pairs[pair]
