from hypothesis import given
from hypothesis import strategies as st

from firmware_stubs.backoff import LIMIT_S, STABLE_S, Backoff, about, within

ALMOST_ONE = 1 - 2**-53


def always(part: float, *, spread_s: float = 12.0) -> Backoff:
    """Make a backoff whose randomness is one number."""
    return Backoff(random=lambda: part, spread_s=spread_s)


def test_first_retry_is_spread_then_bounds_double_to_the_limit() -> None:
    """rand(0, spread), then rand(0, 1), rand(0, 2) ... rand(0, 300)."""
    backoff = always(1.0)
    waits = [backoff.wait(0.0) for _ in range(11)]
    assert waits == [12, 1, 2, 4, 8, 16, 32, 64, 128, 256, LIMIT_S]


def test_jitter_is_full() -> None:
    """The wait is drawn from zero, so that terminals do not come back together."""
    backoff = always(0.0)
    assert {backoff.wait(0.0) for _ in range(9)} == {0.0}


def test_stable_connection_forgets_failures() -> None:
    """Sixty seconds of connection, and the next loss is a first one."""
    backoff = always(1.0)
    for _ in range(5):
        backoff.wait(0.0)
    backoff.connected(100.0)
    assert backoff.wait(100.0 + STABLE_S) == 12


def test_flapping_connection_does_not() -> None:
    """A connection that is thrown off at once goes on doubling."""
    backoff = always(1.0)
    for _ in range(3):
        backoff.wait(0.0)
    backoff.connected(100.0)
    assert backoff.wait(100.0 + STABLE_S - 1) == 4


@given(st.lists(st.floats(0, ALMOST_ONE), min_size=1, max_size=80), st.floats(0, 300))
def test_no_wait_is_longer_than_limit_or_spread(parts: list[float], spread_s: float) -> None:
    """Whatever chance says, and however long the night was."""
    numbers = iter(parts)
    backoff = Backoff(random=lambda: next(numbers), spread_s=spread_s)
    for _ in parts:
        assert 0 <= backoff.wait(0.0) <= max(LIMIT_S, spread_s)


def test_long_night_does_not_overflow() -> None:
    """Thousands of failures later the bound is the limit."""
    backoff = always(1.0)
    assert [backoff.wait(0.0) for _ in range(3000)][-1] == LIMIT_S


def test_intervals_drift_apart() -> None:
    """Around an interval, and within one."""
    assert about(30.0, 0.1, lambda: 0.0) == 27.0
    assert about(30.0, 0.1, lambda: 1.0) == 33.0
    assert within(30.0, lambda: 0.5) == 15.0
