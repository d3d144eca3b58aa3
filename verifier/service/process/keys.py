"""Keys as a process reads them from files that its settings name (docs/keys.md).

Person-hash keys: one file per UTC day, made by the issuing process. Around midnight a use has two
names, so that nobody passes twice by the turn of the day. After midnight the second name is
yesterday's, for as long as the rule counts what was used then. Shortly before midnight it is
tomorrow's, since another worker's clock may be ahead.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from runtime.settings import SettingsError
from verifier.contract.errors import MalformedError
from verifier.issuing import signing_key
from verifier.issuing.change_seal import SEAL_KEY_BYTES, ChangeSeal
from verifier.issuing.persons import REFERENCE_KEY_BYTES, ReferenceKey
from verifier.issuing.signing_key import SigningKey
from verifier.policy.profiles import UseRule
from verifier.steps.use import DAY, PersonKeys

KEY_BYTES: Final = 32
AHEAD_S: Final = 60
"""Seconds before midnight in which tomorrow's name is looked at too."""
SHOWING_S: Final = 940
"""Seconds; no presentation is claimed for longer: the widest window, and clocks that differ, those
of terminals that were cut off too."""
_RETRY_S: Final = 5.0
"""Seconds until a missing file is looked for again."""


def read_signing_key(path: str, field: str) -> SigningKey:
    """Read a private key, PKCS #8, that a field of the settings names.

    Raises:
        SettingsError: the file cannot be read, or holds no signing key.
    """
    try:
        return signing_key.load(Path(path).read_bytes())
    except (OSError, MalformedError) as error:
        raise SettingsError(f"$.{field}: no signing key in {path}") from error


def read_change_seal(path: str, field: str) -> ChangeSeal:
    """Read the key under which changes of planes are sealed: 32 bytes in a file of its own.

    Raises:
        SettingsError: the file cannot be read, or is no such key.
    """
    try:
        with Path(path).open("rb") as file:
            return ChangeSeal(file.read(SEAL_KEY_BYTES + 1))
    except (OSError, ValueError) as error:
        raise SettingsError(f"$.{field}: no key of changes in {path}") from error


def read_reference_key(path: str, field: str) -> ReferenceKey:
    """Read the key under which references are hashed: 32 bytes in a file of its own.

    Raises:
        SettingsError: the file cannot be read, or is no such key.
    """
    try:
        with Path(path).open("rb") as file:
            return ReferenceKey(file.read(REFERENCE_KEY_BYTES + 1))
    except OSError as error:
        raise SettingsError(f"$.{field}: cannot read {path}") from error
    except MalformedError as error:
        raise SettingsError(f"$.{field}: {path} is not a key of 32 bytes") from error


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
        lasts = SHOWING_S
        if rule is not None:
            lasts = max(lasts, rule.once_for, rule.pair_for if rule.pair else 0)
        if second >= DAY - AHEAD_S:
            other = day + 1
        elif second < lasts + AHEAD_S:
            other = day - 1
        pair = self._pairs.get((day, other))
        return pair if pair is not None else self._pair(day, other, now)

    def kept(self, day: int) -> bool:
        """Say whether a day's key is there: what was kept of the day has not ended yet."""
        return day >= 0 and key_path(self._folder, day).exists()

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
        # A clock that was set back is not waited for.
        if held is not None or abs(now - self._missing.get(day, float("-inf"))) < _RETRY_S:
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
