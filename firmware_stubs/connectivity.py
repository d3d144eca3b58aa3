"""Connectivity: whether the centre is worth asking. Pure; results in, a verdict out.

A rule over the last five results: two errors, or a slow average, and the terminal decides alone;
back only when five in a row are clean. So one hiccup changes nothing, and a centre that comes back
limping is not trusted with a queue of people. Document: docs/terminal.md, "Connectivity".
"""

from collections import deque
from typing import Final

HARD_LIMIT_S: Final = 2.0
"""Seconds; nobody waits longer for the centre, whatever the rule says."""
SLOW_S: Final = 0.5
"""Seconds; a slower average keeps people waiting longer than a local decision is worth."""
WINDOW: Final = 5
"""Results looked at."""
ERRORS: Final = 2
"""Errors among them that mean offline."""
ENOUGH: Final = 3
"""Results before an average says anything: the first one pays for the TLS handshake."""


class Connectivity:
    """The verdict on the centre; starts out trusting, so that the first scan asks."""

    def __init__(self) -> None:
        self.online = True
        self._results: deque[tuple[bool, float]] = deque(maxlen=WINDOW)

    def add(self, *, ok: bool, seconds: float) -> bool:
        """Take in a result and return whether the centre is to be asked."""
        self._results.append((ok, seconds))
        verdict = self._still_good() if self.online else self._good_again()
        if verdict != self.online:
            self.online = verdict
            self._results.clear()
        return verdict

    def cut(self) -> None:
        """Take in that there is no network: offline until five clean results."""
        self.online = False
        self._results.clear()

    def limit(self) -> float:
        """Return the seconds to wait for an answer to a scan.

        With an error among the last results the next one would mean offline anyway: people wait
        no longer for it than for a slow answer.
        """
        return SLOW_S if any(not ok for ok, _ in self._results) else HARD_LIMIT_S

    def clean(self) -> int:
        """Return how many of the last results are clean and in a row; for showing."""
        count = 0
        for ok, seconds in reversed(self._results):
            if not ok or seconds > SLOW_S:
                break
            count += 1
        return count

    def _still_good(self) -> bool:
        errors = sum(not ok for ok, _ in self._results)
        if errors >= ERRORS:
            return False
        total = sum(seconds for _, seconds in self._results)
        return len(self._results) < ENOUGH or total / len(self._results) <= SLOW_S

    def _good_again(self) -> bool:
        return self.clean() == WINDOW
