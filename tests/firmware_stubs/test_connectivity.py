import itertools

import pytest

from firmware_stubs.connectivity import (
    HARD_LIMIT_S,
    SLOW_S,
    TABLE,
    CentreSignal,
    CentreVerdict,
    Connectivity,
)

GOOD, SLOW, ERROR = (True, 0.05), (True, 0.9), (False, 0.1)


def run(*results: tuple[bool, float]) -> Connectivity:
    """Take in results from the start."""
    rule = Connectivity()
    for ok, seconds in results:
        rule.add(ok=ok, seconds=seconds)
    return rule


@pytest.mark.parametrize(
    ("results", "online"),
    [
        ((), True),
        ((ERROR,), True),
        ((ERROR, ERROR), False),
        ((ERROR, GOOD, GOOD, GOOD, ERROR), False),
        ((ERROR, GOOD, GOOD, GOOD, GOOD, ERROR), True),
        ((SLOW,), True),
        ((SLOW, SLOW), True),
        ((SLOW, SLOW, SLOW), False),
        ((SLOW, GOOD, GOOD), True),
        ((GOOD, GOOD, SLOW, SLOW, SLOW), False),
        ((ERROR, ERROR, GOOD, GOOD, GOOD, GOOD), False),
        ((ERROR, ERROR, GOOD, GOOD, GOOD, GOOD, GOOD), True),
        ((ERROR, ERROR, GOOD, GOOD, SLOW, GOOD, GOOD, GOOD), False),
        ((ERROR, ERROR, GOOD, GOOD, GOOD, GOOD, ERROR, GOOD), False),
        ((ERROR, ERROR, *(GOOD,) * 5, ERROR), True),
    ],
)
def test_rule(results: tuple[tuple[bool, float], ...], *, online: bool) -> None:
    """Two errors or a slow average among five lead offline; five clean ones back."""
    assert run(*results).online is online


def test_every_state_meets_every_signal() -> None:
    """The table has no gap, and only clean results lead back."""
    assert set(TABLE) == set(itertools.product(CentreVerdict, CentreSignal))
    back = {
        signal for (state, signal), to in TABLE.items() if (state, to) == tuple(CentreVerdict)[::-1]
    }
    assert back == {CentreSignal.CLEAN}


def test_nobody_waits_longer_than_the_hard_limit() -> None:
    """Two seconds when all is well, half a second when the last results hold an error."""
    assert run(GOOD).limit() == HARD_LIMIT_S
    assert run(GOOD, ERROR).limit() == SLOW_S


def test_cut_needs_five_clean_results() -> None:
    """What was good before the cut does not count."""
    rule = run(GOOD, GOOD, GOOD, GOOD)
    rule.cut()
    assert not rule.add(ok=True, seconds=0.01)
    assert rule.clean() == 1
