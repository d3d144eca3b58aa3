import os
from pathlib import Path

import pytest

from verifier.policy.profiles import UseRule
from verifier.service.issuing.run import make_person_keys
from verifier.service.process.keys import AHEAD_S, KEY_BYTES, SHOWING_S, DailyKeys, key_path
from verifier.steps.use import DAY

TODAY = 20_000
MIDNIGHT = TODAY * DAY
SHORT = UseRule(scope="place", once_for=600)
LONG = UseRule(scope="place", once_for=DAY)
PAIRED = UseRule(scope="place", once_for=60, pair=True, pair_for=7200)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Yield a folder with yesterday's, today's and tomorrow's key."""
    for day in (TODAY - 1, TODAY, TODAY + 1):
        key_path(tmp_path, day).write_bytes(bytes((day % 256,)) * KEY_BYTES)
    return tmp_path


def key(day: int) -> bytes:
    """Return the key of a day."""
    return bytes((day % 256,)) * KEY_BYTES


def test_a_new_key_is_on_disk_with_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bytes and folder are synced: after a power cut the day's key is the same one."""
    synced: list[Path] = []
    fsync = os.fsync

    def noted(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    make_person_keys(tmp_path, MIDNIGHT)
    assert synced[1::2] == [tmp_path, tmp_path]
    assert len(synced) == 4
    assert key_path(tmp_path, TODAY).stat().st_mode & 0o777 == 0o600


def test_files_are_named_by_their_day(tmp_path: Path) -> None:
    """UTC, ISO 8601."""
    assert key_path(tmp_path, 0).name == "1970-01-01.key"
    assert key_path(tmp_path, 20_000).name == "2024-10-04.key"


@pytest.mark.parametrize(
    ("rule", "second", "other"),
    [
        (SHORT, 0, TODAY - 1),
        (SHORT, 600 + AHEAD_S - 1, TODAY - 1),
        (SHORT, SHOWING_S + AHEAD_S, None),
        (SHORT, DAY - AHEAD_S - 1, None),
        (SHORT, DAY - AHEAD_S, TODAY + 1),
        (PAIRED, 7200, TODAY - 1),
        (PAIRED, 7200 + AHEAD_S, None),
        (LONG, DAY // 2, TODAY - 1),
        (LONG, DAY - 1, TODAY + 1),
        (None, SHOWING_S, TODAY - 1),
        (None, SHOWING_S + AHEAD_S, None),
    ],
)
def test_a_second_name_counts_around_midnight(
    folder: Path, rule: UseRule | None, second: int, other: int | None
) -> None:
    """Yesterday's while its claims last, tomorrow's when another clock may be ahead."""
    keys = DailyKeys(folder).at(MIDNIGHT + second, rule)
    assert keys is not None
    assert keys.today == key(TODAY)
    assert keys.yesterday == (None if other is None else key(other))


def test_two_workers_around_midnight_look_at_each_others_names(folder: Path) -> None:
    """Whoever still has yesterday looks at today's name, and the reverse."""
    before = DailyKeys(folder).at(MIDNIGHT - 0.001, SHORT)
    after = DailyKeys(folder).at(MIDNIGHT + 0.001, SHORT)
    assert before is not None
    assert after is not None
    assert before.yesterday == after.today
    assert after.yesterday == before.today


def test_without_todays_key_there_are_none(folder: Path) -> None:
    """No claim can be named; the stance decides."""
    keys = DailyKeys(folder)
    assert keys.at(MIDNIGHT + 2 * DAY, SHORT) is None


def test_a_key_of_another_length_is_none(folder: Path) -> None:
    """A file that was cut short is not taken for a key."""
    key_path(folder, TODAY).write_bytes(b"short")
    assert DailyKeys(folder).at(MIDNIGHT, SHORT) is None


def test_a_missing_key_is_found_when_it_comes(folder: Path) -> None:
    """It is looked for again after some seconds."""
    path = key_path(folder, TODAY)
    made = path.read_bytes()
    path.unlink()
    keys = DailyKeys(folder)
    assert keys.at(MIDNIGHT, SHORT) is None
    path.write_bytes(made)
    assert keys.at(MIDNIGHT + 1, SHORT) is None
    assert keys.at(MIDNIGHT + 6, SHORT) is not None


def test_a_missing_key_is_found_by_a_clock_that_was_set_back(folder: Path) -> None:
    """What a clock did not find that was hours ahead is there when its day comes."""
    path = key_path(folder, TODAY)
    made = path.read_bytes()
    path.unlink()
    keys = DailyKeys(folder)
    assert keys.at(MIDNIGHT + 7200, SHORT) is None
    path.write_bytes(made)
    assert keys.at(MIDNIGHT + 1, SHORT) is not None


def test_a_day_is_kept_as_long_as_its_key(folder: Path) -> None:
    """Whatever day somebody names."""
    keys = DailyKeys(folder)
    named = (TODAY - 2, TODAY - 1, TODAY + 1, TODAY + 2, -1, -(10**300))
    assert [day for day in named if keys.kept(day)] == [TODAY - 1, TODAY + 1]


def test_keys_of_days_that_are_over_are_forgotten(folder: Path) -> None:
    """Not even memory keeps them."""
    keys = DailyKeys(folder)
    keys.at(MIDNIGHT - 1, SHORT)
    keys.at(MIDNIGHT + DAY, SHORT)
    assert TODAY - 1 not in keys._keys
    assert all(day >= TODAY for day, _ in keys._pairs)
