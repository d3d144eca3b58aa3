"""The clock by which the issuing process signs: it signs nothing after the clock jumped ahead.

A machine whose clock is set ahead would sign what nobody takes, or what lifts floors of time where
the reader's clock is the same one. So a jump is held against the clock that only counts seconds
since the machine started. It stays a problem until the clock is back, or a person, having looked,
ends the process: a new start takes the time as it finds it.
"""

import time
from collections.abc import Callable

from runtime.clock import now
from verifier.trust.limits import AHEAD_S

Clock = Callable[[], float]


def _since_start() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class SigningClock:
    """Compares the wall clock with the steady one, from one look to the next."""

    def __init__(self, wall: Clock = now, steady: Clock = _since_start) -> None:
        self._wall, self._steady = wall, steady
        self._apart = wall() - steady()

    def problem(self) -> str | None:
        """Return why nothing is signed now; None: the clock goes on as it did.

        Small corrections add up to nothing: each look begins from what the last one found.
        """
        apart = self._wall() - self._steady()
        if apart - self._apart > AHEAD_S:
            return (
                f"this machine's clock was set {apart - self._apart:.0f} s ahead: set it right,"
                " or end issuing if it is right now"
            )
        self._apart = apart
        return None
