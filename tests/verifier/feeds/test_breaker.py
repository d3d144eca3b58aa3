"""The breaker over every state and event, illegal moves included."""

import itertools

import pytest

from verifier.feeds import breaker as module
from verifier.feeds.breaker import Breaker, BreakerEvent, BreakerSignal, BreakerState, on_event
from verifier.feeds.sources import BreakerRules

RULES = BreakerRules(failures=2, pause=10, longest=35)
CLOSED = Breaker()
SHAKEN = Breaker(failures=1)
OPEN = Breaker(state=BreakerState.OPEN, failures=2, pause=10, until=100.0)
TRIAL = Breaker(state=BreakerState.HALF_OPEN, failures=2, pause=10, until=100.0)
ASK, GOOD, BAD = BreakerEvent.ASK, BreakerEvent.SUCCESS, BreakerEvent.FAILURE

TABLE = {
    # before, event, is the time over -> state after, admitted
    ("closed", ASK, False): (BreakerState.CLOSED, True),
    ("closed", ASK, True): (BreakerState.CLOSED, True),
    ("closed", GOOD, False): (BreakerState.CLOSED, True),
    ("closed", GOOD, True): (BreakerState.CLOSED, True),
    ("closed", BAD, False): (BreakerState.CLOSED, False),
    ("closed", BAD, True): (BreakerState.CLOSED, False),
    ("shaken", ASK, False): (BreakerState.CLOSED, True),
    ("shaken", ASK, True): (BreakerState.CLOSED, True),
    ("shaken", GOOD, False): (BreakerState.CLOSED, True),
    ("shaken", GOOD, True): (BreakerState.CLOSED, True),
    ("shaken", BAD, False): (BreakerState.OPEN, False),
    ("shaken", BAD, True): (BreakerState.OPEN, False),
    ("open", ASK, False): (BreakerState.OPEN, False),
    ("open", ASK, True): (BreakerState.HALF_OPEN, True),
    ("open", GOOD, False): (BreakerState.OPEN, False),
    ("open", GOOD, True): (BreakerState.OPEN, False),
    ("open", BAD, False): (BreakerState.OPEN, False),
    ("open", BAD, True): (BreakerState.OPEN, False),
    ("trial", ASK, False): (BreakerState.HALF_OPEN, False),
    ("trial", ASK, True): (BreakerState.HALF_OPEN, True),
    ("trial", GOOD, False): (BreakerState.CLOSED, True),
    ("trial", GOOD, True): (BreakerState.CLOSED, True),
    ("trial", BAD, False): (BreakerState.OPEN, False),
    ("trial", BAD, True): (BreakerState.OPEN, False),
}
BREAKERS = {"closed": CLOSED, "shaken": SHAKEN, "open": OPEN, "trial": TRIAL}


@pytest.mark.parametrize(
    ("name", "event", "over"), list(itertools.product(BREAKERS, BreakerEvent, (False, True)))
)
def test_every_state_and_event(name: str, event: BreakerEvent, over: bool) -> None:  # noqa: FBT001
    """The whole product has its line in the table."""
    answer = on_event(BREAKERS[name], event, RULES, 100.0 if over else 99.0)
    assert (answer.breaker.state, answer.admitted) == TABLE[name, event, over]


def test_every_state_meets_every_signal() -> None:
    """The table of the module has no gap, but for what only a closed breaker knows, or lacks."""
    open_ones = (BreakerState.OPEN, BreakerState.HALF_OPEN)
    assert set(itertools.product(BreakerState, BreakerSignal)) - set(module.TABLE) == {
        (BreakerState.CLOSED, BreakerSignal.ASK_AFTER_PAUSE),
        *((state, BreakerSignal.ONE_FAILURE_TOO_MANY) for state in open_ones),
    }


def test_failures_in_a_row_count_and_a_success_clears_them() -> None:
    """One good batch between two bad ones keeps it closed."""
    breaker = CLOSED
    for event in (BAD, GOOD, BAD):
        breaker = on_event(breaker, event, RULES, 0.0).breaker
    assert breaker.state is BreakerState.CLOSED
    assert on_event(breaker, BAD, RULES, 0.0).breaker.state is BreakerState.OPEN


def test_pauses_double_up_to_the_longest() -> None:
    """10, 20, 35, 35 seconds; a success begins again with the first."""
    breaker, now, pauses = SHAKEN, 0.0, []
    for _ in range(4):
        breaker = on_event(breaker, BAD, RULES, now).breaker
        pauses.append(breaker.pause)
        now = breaker.until
        breaker = on_event(breaker, ASK, RULES, now).breaker
    assert pauses == [10, 20, 35, 35]
    assert on_event(breaker, GOOD, RULES, now).breaker == CLOSED


def test_who_is_turned_away_knows_for_how_long() -> None:
    """Whole seconds, at least one."""
    assert on_event(OPEN, ASK, RULES, 92.5).wait == 8
    assert on_event(TRIAL, ASK, RULES, 99.9).wait >= 1


def test_only_one_is_on_trial() -> None:
    """The second who asks waits until the first has failed, won, or was given up."""
    trial = on_event(OPEN, ASK, RULES, 100.0)
    assert trial.admitted
    assert not on_event(trial.breaker, ASK, RULES, 100.1).admitted
    assert on_event(trial.breaker, ASK, RULES, 110.0).admitted
