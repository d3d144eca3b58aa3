"""The circuit breaker of a source: closed, open, half-open. A table over states and events.

Closed: batches are taken; so many failures in a row open it. Open: none is taken until the pause is
over. Half-open: one is on trial; if it succeeds the breaker closes, if it fails the next pause is
twice as long. What fails is counted by the caller: a batch with too many wrong lines, another body
than its manifest says, a sender that does not send. Our own outages are not the source's failures.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """A breaker; times are Unix seconds."""

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
    match breaker.state, event:
        case BreakerState.CLOSED, BreakerEvent.ASK:
            return BreakerAnswer(breaker=breaker, admitted=True)
        case BreakerState.CLOSED, BreakerEvent.FAILURE:
            failures = breaker.failures + 1
            if failures >= rules.failures:
                return _opened(replace(breaker, failures=failures), rules.pause, now)
            return BreakerAnswer(breaker=replace(breaker, failures=failures), admitted=False)
        case BreakerState.OPEN, BreakerEvent.ASK if now >= breaker.until:
            trial = replace(breaker, state=BreakerState.HALF_OPEN, until=now + breaker.pause)
            return BreakerAnswer(breaker=trial, admitted=True)
        case BreakerState.HALF_OPEN, BreakerEvent.ASK if now >= breaker.until:
            return BreakerAnswer(breaker=replace(breaker, until=now + breaker.pause), admitted=True)
        case BreakerState.OPEN | BreakerState.HALF_OPEN, BreakerEvent.ASK:
            return BreakerAnswer(
                breaker=breaker, admitted=False, wait=max(1, int(breaker.until - now) + 1)
            )
        case BreakerState.HALF_OPEN, BreakerEvent.FAILURE:
            return _opened(breaker, min(2 * breaker.pause, rules.longest), now)
        case BreakerState.OPEN, BreakerEvent.FAILURE | BreakerEvent.SUCCESS:
            # Of a batch that was let in before: the pause stands.
            return BreakerAnswer(breaker=breaker, admitted=False)
        case _, _:
            return BreakerAnswer(breaker=Breaker(), admitted=True)


def _opened(breaker: Breaker, pause: int, now: float) -> BreakerAnswer:
    opened = replace(
        breaker, state=BreakerState.OPEN, pause=max(1, pause), until=now + max(1, pause)
    )
    return BreakerAnswer(breaker=opened, admitted=False, wait=max(1, pause))
