"""How much time has surely passed: a clock alone does not say."""

import pytest

from verifier.archive.passed import HELD_S, NEAR_MS, PassedTime

NOW = 1_790_000_000_000
DAY_MS = 86_400_000
BEGUN = PassedTime(at=NOW, boot="a", steady=1000.0)


def test_a_clock_that_runs_with_the_machine_says_what_passed() -> None:
    """However long, and asleep or not: the machine's seconds explain it."""
    after = BEGUN.looked(NOW + 40 * DAY_MS, "a", 1000.0 + 40 * 86_400)
    assert (after.at, after.step) == (NOW + 40 * DAY_MS, 0)


@pytest.mark.parametrize("step", [2 * NEAR_MS, DAY_MS, 40 * DAY_MS])
def test_a_clock_that_was_set_ahead_says_nothing(step: int) -> None:
    """And when it is back, nothing is left of it."""
    ahead = BEGUN.looked(NOW + 45_000 + step, "a", 1045.0)
    assert (ahead.at, ahead.step) == (NOW + 45_000, step)
    assert ahead.looked(NOW + 60_000, "a", 1060.0) == PassedTime(
        at=NOW + 60_000, boot="a", steady=1060.0
    )


def test_a_clock_that_stands_for_a_day_is_believed() -> None:
    """Not one that was set again meanwhile."""
    found = BEGUN
    for hour in range(1, 24):
        found = found.looked(NOW + hour * 3_600_000 + 5 * DAY_MS, "a", 1000.0 + hour * 3600)
        assert found.at == NOW + hour * 3_600_000
    again = found.looked(NOW + DAY_MS + 9 * DAY_MS, "a", 1000.0 + HELD_S)
    assert again.at == NOW + DAY_MS
    held = found.looked(NOW + 25 * 3_600_000 + 5 * DAY_MS, "a", 1000.0 + HELD_S + 3600)
    assert held.at == NOW + 25 * 3_600_000 + 5 * DAY_MS


def test_time_in_which_the_machine_was_off_counts_a_day_later() -> None:
    """Nobody counted it; a machine may also have started with a wrong clock."""
    found = BEGUN.looked(NOW + 3 * DAY_MS, "b", 30.0)
    assert found.at == NOW + 30_000
    assert found.step == 3 * DAY_MS - 30_000
    later = found.looked(NOW + 4 * DAY_MS, "b", 30.0 + HELD_S)
    assert (later.at, later.step) == (NOW + 4 * DAY_MS, 0)


def test_a_clock_that_is_set_back_takes_nothing_back() -> None:
    """What has passed has passed."""
    assert BEGUN.looked(NOW - DAY_MS, "a", 1010.0).at == NOW + 10_000
