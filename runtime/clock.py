"""The one place of our services that looks at the wall clock: time goes on as time passes.

A machine's clock can be set wrong at any moment, by a person or by a bad time server. So it is
held against the clock that only counts seconds since the machine started. Small corrections are
followed at once. A step is not: time goes on as it passed, `ahead` says how far the machine's clock
lies off, and a clock that is set right again changes nothing. A step that has stood for STANDS_S is
followed, since a machine may have started with a wrong clock (decision 0045).

A child process takes over what its supervisor knows (`inherited`): one that starts while the
machine's clock is wrong does not begin with a time of its own.
"""

import os
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

STEP_S: Final = 10.0
"""Seconds by which the machine's clock may be corrected at once: a proof may be so far ahead."""
STANDS_S: Final = 300.0
"""Seconds after which a step counts; a wrong time server is noticed and put right sooner."""
SETTLED_S: Final = 86_400.0
"""Seconds without a step after which what cannot be undone may go by this time: a day, in which
people see a wrong clock."""
INHERITED: Final = "KAPOK_CLOCK_BASE"
"""In the environment of a child process: Unix seconds at which the machine started and, where a
step was followed, behind a space the seconds from there to it."""

Clock = Callable[[], float]


def _since_start() -> float:
    """Return seconds since the machine started, asleep or not; nobody can set this clock."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class SteadyClock:
    """Unix seconds that go on as time passes, whatever the machine's clock says."""

    def __init__(
        self,
        wall: Clock = time.time,
        steady: Clock = _since_start,
        base: float | None = None,
        followed: float | None = None,
    ) -> None:
        """Begin with the machine's clock; `base`: with what another process knows instead.

        `followed`: when that one followed a step, in seconds of the steady clock.
        """
        self._wall, self._steady = wall, steady
        self._base = wall() - steady() if base is None else base
        self._step = 0.0
        self._since = 0.0
        """When the step was first seen, in seconds of the steady clock."""
        self._followed = followed

    def now(self) -> float:
        """Return Unix seconds."""
        steady, wall = self._steady(), self._wall()
        apart = wall - steady - self._base
        if -STEP_S <= apart <= STEP_S:
            self._base += apart
            self._step = 0.0
            return wall
        if abs(apart - self._step) > STEP_S:
            self._step, self._since = apart, steady
        elif steady - self._since >= STANDS_S:
            self._base += apart
            self._step, self._followed = 0.0, steady
            return wall
        return self._base + steady

    def ahead(self) -> float:
        """Return by how many seconds a step put the machine's clock ahead; negative: behind."""
        self.now()
        return self._step

    def settled(self) -> bool:
        """Say whether no step stands, and none was followed for SETTLED_S.

        What is forgotten for its age asks: a step must not make it old.
        """
        self.now()
        lately = self._followed is not None and self._steady() - self._followed < SETTLED_S
        return not self._step and not lately

    def known(self) -> str:
        """Return what a child process needs to go on with this time."""
        self.now()
        return repr(self._base) if self._followed is None else f"{self._base!r} {self._followed!r}"


def _begun() -> SteadyClock:
    try:
        base, *followed = map(float, os.environ.get(INHERITED, "").split())
    except ValueError:
        return SteadyClock()
    return SteadyClock(base=base, followed=followed[0] if followed else None)


_CLOCK: Final = _begun()
now = _CLOCK.now
"""Unix seconds."""
ahead = _CLOCK.ahead
settled = _CLOCK.settled


def now_utc() -> datetime:
    """Return the time as a date knows it."""
    return datetime.fromtimestamp(_CLOCK.now(), UTC)


def now_ms() -> int:
    """Return milliseconds since 1970-01-01 UTC."""
    return int(_CLOCK.now() * 1000)


def inherited() -> Mapping[str, str]:
    """Return what a child process finds in its environment, so that its time is ours."""
    return {INHERITED: _CLOCK.known()}


def http_date() -> str:
    """Return the time as HTTP says it (RFC 9110 section 5.6.7); terminals set clocks by it."""
    return time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(_CLOCK.now()))


def monotonic_ms() -> int:
    """Return milliseconds of a clock that only goes on, for what has passed."""
    return time.monotonic_ns() // 1_000_000


def time_left(seconds: float) -> Callable[[], bool]:
    """Return what says whether these seconds, counted from now, are still running."""
    until = time.monotonic() + seconds
    return lambda: time.monotonic() < until
