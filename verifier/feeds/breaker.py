"""The circuit breaker of a source: closed, open, half-open. A table over states and signals.

Closed: batches are taken; so many failures in a row open it. Open: none is taken until the pause is
over. Half-open: one is on trial; if it succeeds the breaker closes, if it fails the next pause is
twice as long. What fails is counted by the caller: a batch with too many wrong lines, another body
than its manifest says, a sender that does not send. Our own outages are not the source's failures.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from verifier.feeds.sources import BreakerRules


class BreakerState(StrEnum):
    """Where a breaker stands."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class BreakerEvent(StrEnum):
    """What happens to it."""

    ASK = "ask"
    """A part of a batch wants in."""
    SUCCESS = "success"
    FAILURE = "failure"


class BreakerSignal(StrEnum):
    """What an event is, once the rules and the time were looked at."""

    ASK = "ask"
    ASK_AFTER_PAUSE = "ask_after_pause"
    """The pause is over, or the one on trial was given up."""
    SUCCESS = "success"
    FAILURE = "failure"
    ONE_FAILURE_TOO_MANY = "one_failure_too_many"
    """As many in a row as the source's rules allow."""


TABLE: Final[Mapping[tuple[BreakerState, BreakerSignal], BreakerState]] = {
    (BreakerState.CLOSED, BreakerSignal.ASK): BreakerState.CLOSED,
    (BreakerState.CLOSED, BreakerSignal.SUCCESS): BreakerState.CLOSED,
    (BreakerState.CLOSED, BreakerSignal.FAILURE): BreakerState.CLOSED,
    (BreakerState.CLOSED, BreakerSignal.ONE_FAILURE_TOO_MANY): BreakerState.OPEN,
    (BreakerState.OPEN, BreakerSignal.ASK): BreakerState.OPEN,
    (BreakerState.OPEN, BreakerSignal.ASK_AFTER_PAUSE): BreakerState.HALF_OPEN,
    # Of a batch that was let in before: the pause stands.
    (BreakerState.OPEN, BreakerSignal.SUCCESS): BreakerState.OPEN,
    (BreakerState.OPEN, BreakerSignal.FAILURE): BreakerState.OPEN,
    (BreakerState.HALF_OPEN, BreakerSignal.ASK): BreakerState.HALF_OPEN,
    (BreakerState.HALF_OPEN, BreakerSignal.ASK_AFTER_PAUSE): BreakerState.HALF_OPEN,
    (BreakerState.HALF_OPEN, BreakerSignal.SUCCESS): BreakerState.CLOSED,
    (BreakerState.HALF_OPEN, BreakerSignal.FAILURE): BreakerState.OPEN,
}
"""Every pair that there can be: only a closed breaker counts failures, and it has no pause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """A breaker; times are seconds of any clock that only goes on."""

    state: BreakerState = BreakerState.CLOSED
    failures: int = 0
    """In a row; while closed."""
    pause: int = 0
    """Seconds of the last pause."""
    until: float = 0.0
    """Open: end of the pause. Half-open: when the trial counts as given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerAnswer:
    """A breaker after an event, and whether who asked may come in."""

    breaker: Breaker
    admitted: bool
    wait: int = 0
    """Seconds until it is worth asking again."""


def on_event(
    breaker: Breaker, event: BreakerEvent, rules: BreakerRules, now: float
) -> BreakerAnswer:
    """Return what an event makes of a breaker."""
    signal = _signal(breaker, event, rules, now)
    after = TABLE[breaker.state, signal]
    if event is BreakerEvent.ASK:
        return _asked(breaker, after, now, over=signal is BreakerSignal.ASK_AFTER_PAUSE)
    if breaker.state is BreakerState.OPEN:
        return BreakerAnswer(breaker=breaker, admitted=False)
    if event is BreakerEvent.SUCCESS:
        return BreakerAnswer(breaker=Breaker(state=after), admitted=True)
    if breaker.state is BreakerState.HALF_OPEN:
        return _opened(breaker, after, min(2 * breaker.pause, rules.longest), now)
    failed = replace(breaker, failures=breaker.failures + 1)
    if after is BreakerState.OPEN:
        return _opened(failed, after, rules.pause, now)
    return BreakerAnswer(breaker=failed, admitted=False)


def _signal(
    breaker: Breaker, event: BreakerEvent, rules: BreakerRules, now: float
) -> BreakerSignal:
    if event is BreakerEvent.SUCCESS:
        return BreakerSignal.SUCCESS
    if event is BreakerEvent.FAILURE:
        many = breaker.state is BreakerState.CLOSED and breaker.failures + 1 >= rules.failures
        return BreakerSignal.ONE_FAILURE_TOO_MANY if many else BreakerSignal.FAILURE
    over = breaker.state is not BreakerState.CLOSED and now >= breaker.until
    return BreakerSignal.ASK_AFTER_PAUSE if over else BreakerSignal.ASK


def _asked(breaker: Breaker, after: BreakerState, now: float, *, over: bool) -> BreakerAnswer:
    """Let in whoever asks of a closed breaker, and one on trial once the pause is over."""
    if after is BreakerState.CLOSED:
        return BreakerAnswer(breaker=breaker, admitted=True)
    if over:
        trial = replace(breaker, state=after, until=now + breaker.pause)
        return BreakerAnswer(breaker=trial, admitted=True)
    return BreakerAnswer(breaker=breaker, admitted=False, wait=max(1, int(breaker.until - now) + 1))


def _opened(breaker: Breaker, after: BreakerState, pause: int, now: float) -> BreakerAnswer:
    opened = replace(breaker, state=after, pause=max(1, pause), until=now + max(1, pause))
    return BreakerAnswer(breaker=opened, admitted=False, wait=max(1, pause))
