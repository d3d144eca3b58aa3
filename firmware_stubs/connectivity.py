"""Connectivity: whether the centre is worth asking. Pure; results in, a verdict out.

A rule over the last five results: two errors, or a slow average, and the terminal decides alone;
back only when five in a row are clean. So one hiccup changes nothing, and a centre that comes back
limping is not trusted with a queue of people. Document: docs/terminal.md, "Connectivity".
"""

from collections import deque
from collections.abc import Mapping
from enum import StrEnum
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


class CentreVerdict(StrEnum):
    """What the rule thinks of the centre."""

    ASKED = "asked"
    """It is worth asking."""
    GONE = "gone"
    """It is not; the terminal decides alone."""


class CentreSignal(StrEnum):
    """What the last results say."""

    UNCLEAR = "unclear"
    BAD = "bad"
    """Two errors among the last five, or a slow average of at least three."""
    CLEAN = "clean"
    """Five in a row without an error, each quick."""
    CUT = "cut"
    """There is no network."""


TABLE: Final[Mapping[tuple[CentreVerdict, CentreSignal], CentreVerdict]] = {
    (CentreVerdict.ASKED, CentreSignal.UNCLEAR): CentreVerdict.ASKED,
    (CentreVerdict.ASKED, CentreSignal.BAD): CentreVerdict.GONE,
    (CentreVerdict.ASKED, CentreSignal.CLEAN): CentreVerdict.ASKED,
    (CentreVerdict.ASKED, CentreSignal.CUT): CentreVerdict.GONE,
    (CentreVerdict.GONE, CentreSignal.UNCLEAR): CentreVerdict.GONE,
    (CentreVerdict.GONE, CentreSignal.BAD): CentreVerdict.GONE,
    (CentreVerdict.GONE, CentreSignal.CLEAN): CentreVerdict.ASKED,
    (CentreVerdict.GONE, CentreSignal.CUT): CentreVerdict.GONE,
}
"""Complete; a change forgets the results."""


class Connectivity:
    """The verdict on the centre; starts out trusting, so that the first scan asks."""

    def __init__(self) -> None:
        self.verdict = CentreVerdict.ASKED
        self._results: deque[tuple[bool, float]] = deque(maxlen=WINDOW)

    @property
    def online(self) -> bool:
        """Whether the centre is to be asked."""
        return self.verdict is CentreVerdict.ASKED

    def add(self, *, ok: bool, seconds: float) -> bool:
        """Take in a result and return whether the centre is to be asked."""
        self._results.append((ok, seconds))
        after = TABLE[self.verdict, self._signal()]
        if after is not self.verdict:
            self.verdict = after
            self._results.clear()
        return self.online

    def cut(self) -> None:
        """Take in that there is no network: offline until five clean results."""
        self.verdict = TABLE[self.verdict, CentreSignal.CUT]
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

    def _signal(self) -> CentreSignal:
        errors = sum(not ok for ok, _ in self._results)
        slow = sum(seconds for _, seconds in self._results) > SLOW_S * len(self._results)
        if errors >= ERRORS or (slow and len(self._results) >= ENOUGH):
            return CentreSignal.BAD
        return CentreSignal.CLEAN if self.clean() == WINDOW else CentreSignal.UNCLEAR
