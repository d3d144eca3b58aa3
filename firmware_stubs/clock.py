"""The terminal's clock: its floor, its offset, and whether it can be relied on. Pure.

Time has bounds on both sides, and no single word moves them:
- The floor is what it cannot be earlier than: the build, or a time that two independent sources
  support, the server's authenticated time and the `iat` of an accepted signed object. It rises to
  the lower of the two, and is kept together with both. A signed step alone lowers it.
- Only the server's authenticated time (`Date` of an answer over mutual TLS) sets the clock; it
  never sets the system's clock, only an offset to it.
- Not set since the machine started, or below the floor, the clock is unsure: proofs get
  clock.unsure and the profile's stance, at-most-once commands are refused, records say so. Then any
  answer sets it.
- A clock that is sure follows answers that agree with it, and with what it knew up to a day ago: so
  many small steps lead no further than one. One that says something else is outvoted:
  AGREEING of the last WINDOW minutes must say the same before the clock follows them. Meanwhile it
  goes on as it was, and the answer is an incident.

`Date` has whole seconds, so one answer tells the offset to within a second and the time it took;
several answers narrow it, since each gives an interval and the true offset lies in all of them.
Document: docs/terminal.md, "Clock".
"""

from collections import deque
from dataclasses import dataclass
from typing import Final, NamedTuple

import msgspec

from verifier.engine import Clock

NEAR_S: Final = 2.0
"""Seconds that an answer may lie beside what was known and is followed at once: a server whose own
clock is being corrected moves so."""
CREEP_S: Final = 86_400.0
"""Seconds for which small steps count together: in a day they move the clock by NEAR_S and what its
crystal may drift (17 s), however many they are. What moves it further is outvoted, and is seen."""
MINUTE_S: Final = 60.0
"""Seconds for which answers count as one vote, however many there are."""
WINDOW: Final = 9
"""Minutes with an answer that are looked at; a minority of them moves nothing."""
AGREEING: Final = 5
"""Of these, how many must say the same against the clock: more than half, over four minutes."""
SLACK_S: Final = 10.0
"""Seconds that the floor stays below what supports it: a clock that is corrected by a little must
not fall below its floor and be unsure."""
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

    def apart(self, other: "Offset") -> float:
        """Return the seconds between this and another; 0 where they have something in common."""
        return max(0.0, self.low - other.high, other.low - self.high)


class TimeFloor(msgspec.Struct, frozen=True, kw_only=True):
    """What it cannot be earlier than, and what supports that; Unix seconds."""

    floor: float = 0.0
    dated: float = 0.0
    """The server's authenticated time when the floor rose last."""
    signed: float = 0.0
    """Newest `iat` of any accepted signed object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What an observation did."""

    accepted: bool
    jump_s: float = 0.0
    """Seconds that the offset moved because a majority of answers said so; else 0."""
    against_s: float = 0.0
    """Seconds by which the answer lay beside a clock that is sure, and did not move it; else 0."""


class _Vote(NamedTuple):
    at: float
    found: Offset | None
    """What an answer said against the clock; None: one of this minute agreed with it."""


class TerminalClock:
    """Corrected time; `wall` is always the system's clock in Unix seconds, and never jumps."""

    def __init__(
        self, *, build: float, kept: TimeFloor | None = None, offset: Offset | None = None
    ) -> None:
        """Start; `offset` is what was found since the machine itself started, if anything."""
        self._build = build
        self.kept = TimeFloor() if kept is None else kept
        """The floor that is kept over restarts, and its two supports."""
        self._offset = offset
        self._votes: deque[_Vote] = deque(maxlen=WINDOW)
        self._anchor = offset
        """What was known when small steps began to count."""
        self._below: float | None = None
        """The first time below the floor that was read, and the floor then."""
        self._above = self.floor

    @property
    def floor(self) -> float:
        """Return what it cannot be earlier than, Unix seconds."""
        return max(self._build, self.kept.floor)

    @property
    def offset(self) -> Offset | None:
        """Return what is known of the offset; None: not set since the machine started."""
        return self._offset

    def now(self, wall: float) -> float:
        """Return the corrected time, sure or not."""
        return wall + (0.0 if self._offset is None else self._offset.value())

    def authenticated(self, wall: float) -> float | None:
        """Return the time as the server says it, also below the floor; None: it never said it."""
        return None if self._offset is None else self.now(wall)

    def at_least(self, wall: float) -> float:
        """Return the corrected time, never below the floor: for checking what is already in use."""
        return max(self.now(wall), self.floor)

    def sure(self, wall: float) -> bool:
        """Say whether the time can be relied on."""
        return self._offset is not None and self.now(wall) >= self.floor

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

    def note_signed(self, iat: float) -> None:
        """Take in the `iat` of an accepted signed object: one of the two supports."""
        if iat > self.kept.signed:
            self.kept = msgspec.structs.replace(self.kept, signed=iat)

    def rise(self, wall: float) -> TimeFloor:
        """Raise the floor as far as both sources support it; returns what is to be kept."""
        if self._offset is not None and self.sure(wall):
            dated = wall + self._offset.widened(wall).low
            supported = min(dated, self.kept.signed) - SLACK_S
            if supported > self.floor:
                self.kept = msgspec.structs.replace(self.kept, floor=supported, dated=dated)
        return self.kept

    def lower(self, floor: float) -> None:
        """Lower the floor, as a signed step says; it and its supports are not above that now."""
        self.kept = lowered(self.kept, floor)
        self._below, self._above = None, self.floor

    def observe(self, *, date: float, sent: float, received: float) -> Setting:
        """Take in the `Date` of an authenticated answer; `sent` and `received` are `wall` times."""
        took = received - sent
        if not 0 <= took <= MAX_ROUND_TRIP_S:
            return Setting(accepted=False)
        # The server wrote `Date` somewhere between sending and receiving, and cut off the fraction.
        found = Offset(low=date - received, high=date + DATE_STEP_S - sent, at=received)
        if self._offset is None or not self.sure(received):
            known = None if self._offset is None else self._offset.widened(received)
            self._take(found if known is None else _narrowed(known, found))
            return Setting(accepted=True)
        known = self._offset.widened(received)
        if known.apart(found) <= NEAR_S and self._anchored(known).apart(found) <= NEAR_S:
            self._vote(found.at, None)
            self._offset = _narrowed(known, found)
            return Setting(accepted=True)
        return self._outvoted(known, found)

    def _take(self, found: Offset) -> None:
        """Begin anew from a time that small steps did not lead to."""
        self._offset = self._anchor = found
        self._votes.clear()

    def _anchored(self, known: Offset) -> Offset:
        """Return what all small steps of a day are held against, as drift has widened it."""
        if self._anchor is None or abs(known.at - self._anchor.at) >= CREEP_S:
            self._anchor = known
        return self._anchor.widened(known.at)

    def _outvoted(self, known: Offset, found: Offset) -> Setting:
        """Count a vote against the clock; it moves when the votes are the majority."""
        against = found.value() - known.value()
        self._vote(found.at, found)
        said = [vote.found.widened(found.at) for vote in self._votes if vote.found is not None]
        same = [each for each in said if each.apart(found) <= NEAR_S]
        if len(same) < AGREEING:
            return Setting(accepted=False, against_s=against)
        self._take(found)
        return Setting(accepted=True, jump_s=against)

    def _vote(self, at: float, found: Offset | None) -> None:
        """Note what the answers of a minute say: one that agrees with the clock speaks for all."""
        last = self._votes[-1] if self._votes else None
        if last is None or abs(at - last.at) >= MINUTE_S:
            self._votes.append(_Vote(at, found))
        elif found is None:
            self._votes[-1] = _Vote(last.at, None)


def lowered(kept: TimeFloor, floor: float) -> TimeFloor:
    """Return a floor of time as a signed step leaves it."""
    return TimeFloor(
        floor=min(kept.floor, floor),
        dated=min(kept.dated, floor),
        signed=min(kept.signed, floor),
    )


def _narrowed(known: Offset, found: Offset) -> Offset:
    low, high = max(known.low, found.low), min(known.high, found.high)
    # Nothing in common: one of the clocks was set meanwhile; only the newer finding counts.
    return found if low > high else Offset(low=low, high=high, at=found.at)
