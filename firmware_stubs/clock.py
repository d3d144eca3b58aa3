"""The terminal's clock: its floor, its offset, and whether it can be relied on. Pure.

floor = max(build, last persisted time, newest iat of any accepted signed object): it cannot be
earlier than that. Below the floor, or not set since the machine started, the clock is unsure:
proofs get clock.unsure and the profile's stance, at-most-once commands are refused, records say so.
Only the server's authenticated time (`Date` of an answer over mutual TLS) sets it; it never sets
the system's clock, only an offset to it. A jump of more than five minutes is an incident.

`Date` has whole seconds, so one answer tells the offset to within a second and the time it took;
several answers narrow it, since each gives an interval and the true offset lies in all of them.
Document: docs/terminal.md, "Clock".
"""

from dataclasses import dataclass
from typing import Final

import msgspec

from verifier.engine import Clock

JUMP_S: Final = 300.0
"""Seconds; a larger change of the offset is an incident."""
DRIFT: Final = 200e-6
"""Seconds a second that a cheap crystal may run off, over all temperatures."""
DATE_STEP_S: Final = 1.0
"""Resolution of `Date` (RFC 9110 section 5.6.7)."""
MAX_ROUND_TRIP_S: Final = 5.0
"""Seconds; an answer that took longer says too little about the time."""


class Offset(msgspec.Struct, frozen=True, kw_only=True):
    """The server's time minus the system's lies between `low` and `high`, as found at `at`."""

    low: float
    high: float
    at: float
    """System seconds."""

    def value(self) -> float:
        """Return the middle."""
        return (self.low + self.high) / 2

    def widened(self, wall: float) -> "Offset":
        """Return what is left of this knowledge at `wall`: drift widens it."""
        drift = abs(wall - self.at) * DRIFT
        return Offset(low=self.low - drift, high=self.high + drift, at=wall)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What an observation did."""

    accepted: bool
    jump_s: float = 0.0
    """Seconds that the offset moved, when more than five minutes; else 0."""


class TerminalClock:
    """Corrected time; `wall` is always the system's clock in Unix seconds."""

    def __init__(
        self, *, build: float, persisted: float = 0.0, offset: Offset | None = None
    ) -> None:
        """Start; `offset` is what was found since the machine itself started, if anything."""
        self.floor = max(build, persisted)
        self._offset = offset
        self._below: float | None = None
        """The first time below the floor that was read, and the floor then."""
        self._above = self.floor

    @property
    def offset(self) -> Offset | None:
        """Return what is known of the offset; None: not set since the machine started."""
        return self._offset

    def now(self, wall: float) -> float:
        """Return the corrected time, sure or not."""
        return wall + (0.0 if self._offset is None else self._offset.value())

    def at_least(self, wall: float) -> float:
        """Return the corrected time, never below the floor: for checking what is already in use."""
        return max(self.now(wall), self.floor)

    def reading(self, wall: float) -> Clock:
        """Return the time as `assess` wants it."""
        now = self.now(wall)
        if self._offset is None or now < self.floor:
            return Clock(now=self._at_earliest(now), sure=False)
        known = self._offset.widened(wall)
        return Clock(now=now, uncertainty=(known.high - known.low) / 2, sure=True)

    def _at_earliest(self, now: float) -> float:
        """Return the earliest time it can be: what had ended by the floor has ended.

        Below the floor time still passes: from the floor on, as fast as the system's clock.
        """
        if now >= self.floor:
            return now
        if self._below is None or now < self._below:
            self._below, self._above = now, self.floor
        return max(self.floor, self._above + now - self._below)

    def raise_floor(self, time: float) -> None:
        """Take in a time that has certainly come: a persisted one, or an accepted object's iat."""
        self.floor = max(self.floor, time)

    def observe(self, *, date: float, sent: float, received: float) -> Setting:
        """Take in the `Date` of an authenticated answer; `sent` and `received` are `wall` times."""
        took = received - sent
        if not 0 <= took <= MAX_ROUND_TRIP_S:
            return Setting(accepted=False)
        # The server wrote `Date` somewhere between sending and receiving, and cut off the fraction.
        found = Offset(low=date - received, high=date + DATE_STEP_S - sent, at=received)
        if date + DATE_STEP_S < self.floor:
            return Setting(accepted=False)
        before = self._offset
        self._offset = found if before is None else _narrowed(before.widened(received), found)
        moved = 0.0 if before is None else self._offset.value() - before.value()
        return Setting(accepted=True, jump_s=moved if abs(moved) > JUMP_S else 0.0)


def _narrowed(known: Offset, found: Offset) -> Offset:
    low, high = max(known.low, found.low), min(known.high, found.high)
    # Nothing in common: one of the clocks was set meanwhile; only the newer finding counts.
    return found if low > high else Offset(low=low, high=high, at=found.at)
