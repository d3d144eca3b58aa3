"""Backoff: when to try again after the server's side was lost. Pure; randomness is injected.

Thousands of terminals lose one server in the same second. The first retry is spread over the time
the fleet states; after that full jitter with a doubling bound (a terminal that waits its whole
bound comes back together with all others, so the wait is drawn from zero). Only a connection that
was stable for a while forgets the failures before it. Document: docs/terminal.md, "Backoff".
"""

from collections.abc import Callable
from typing import Final

BASE_S: Final = 1.0
"""Seconds; bound of the second try, doubled by each further one."""
LIMIT_S: Final = 300.0
"""Seconds; no terminal stays away longer than five minutes from a server that is back."""
STABLE_S: Final = 60.0
"""Seconds that a connection must last before failures are forgotten."""

Random = Callable[[], float]
"""Returns a number from 0 (included) to 1 (excluded)."""


def about(seconds: float, part: float, random: Random) -> float:
    """Return an interval off by at most `part` of itself, so that terminals drift apart."""
    return seconds * (1 + part * (2 * random() - 1))


def within(seconds: float, random: Random) -> float:
    """Return a random part of some seconds."""
    return seconds * random()


class Backoff:
    """The waits of one connection."""

    def __init__(
        self, *, random: Random, spread_s: float, limit_s: float = LIMIT_S, base_s: float = BASE_S
    ) -> None:
        self._random = random
        self._spread = spread_s
        self._limit = limit_s
        self._base = base_s
        self._failures = 0
        self._since: float | None = None

    def connected(self, now: float) -> None:
        """Note that the connection stands since `now` (seconds)."""
        self._since = now

    def wait(self, now: float) -> float:
        """Return the seconds to wait before the next try; call once a loss or failed try."""
        if self._since is not None and now - self._since >= STABLE_S:
            self._failures = 0
        self._since = None
        if self._failures == 0:
            bound = self._spread
        else:
            # The exponent is bounded too: 2.0 ** 1024 would overflow after a long night.
            bound = min(self._limit, self._base * 2.0 ** min(self._failures - 1, 32))
        self._failures += 1
        return within(bound, self._random)

    def reset(self) -> None:
        """Forget the failures: a person says that the network is there again."""
        self._failures = 0
        self._since = None
