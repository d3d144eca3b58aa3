"""The book of conditions: what a terminal's heartbeats say is wrong with it.

An unsure clock, answers that contradict a sure one, a clock that moved, refused bundles, an outbox
that could not keep all, that lost records, or of which the centre refused some. Each is noted as an
incident when a heartbeat first says so, or says more of it than the one before. It stores nothing:
hash `beat`, which the book of newest messages writes, is what it begins from.
"""

from typing import Final

import msgspec

from fleet.arrivals import ReadMessage
from fleet.books.book import Book, OpenBooks
from fleet.books.incidents import IncidentBook
from fleet.books.rows import RowFamily, Stored
from fleet.contract.messages import Beat, ClockState
from fleet.contract.topics import TerminalId
from fleet.incidents import IncidentKind

BEATS: Final = RowFamily("beat", Beat)
COUNTED: Final = {
    "bundles.refused": IncidentKind.BUNDLE_REFUSED,
    "clock.against": IncidentKind.CLOCK_CONTRADICTED,
    "clock.jumps": IncidentKind.CLOCK_MOVED,
    "outbox.dropped": IncidentKind.OUTBOX_FULL,
    "outbox.lost": IncidentKind.OUTBOX_FULL,
    "outbox.missing": IncidentKind.OUTBOX_MISSING,
    "outbox.refused": IncidentKind.OUTBOX_REFUSED,
}
"""Counter of a heartbeat to the incident that it counts."""
ConditionMemory = dict[TerminalId, Beat]


class ConditionBook(Book[ConditionMemory]):
    """The newest heartbeat of every terminal, to compare the next one with."""

    hashes = (BEATS.name,)
    takes = frozenset({Beat})

    def __init__(self, memory: ConditionMemory, work: OpenBooks) -> None:
        super().__init__(memory, work)
        self._came: ConditionMemory = {}

    @classmethod
    def load(cls, stored: Stored, now: int) -> ConditionMemory:
        """Read the newest heartbeats; one of another form counts as none."""
        del now
        found: ConditionMemory = {}
        for name, row in stored.hashes.get(BEATS.name, {}).items():
            try:
                found[TerminalId(name)] = BEATS.decode(row)
            except msgspec.DecodeError:
                continue
        return found

    def take(self, arrival: ReadMessage) -> bool:
        """Compare a heartbeat with the one before."""
        beat, terminal = arrival.message, arrival.terminal
        if not isinstance(beat, Beat):
            return True
        before = self._came.get(terminal) or self.memory.get(terminal)
        if before is not None and before.boot != beat.boot:
            before = None  # counters begin anew with the terminal's software
        unsure = beat.clock is ClockState.UNSURE
        if unsure and (before is None or before.clock is not beat.clock):
            self.work[IncidentBook].note(IncidentKind.CLOCK_UNSURE, terminal)
        known = {} if before is None else before.counters
        more = {
            kind: None
            for counter, kind in COUNTED.items()
            if beat.counters.get(counter, 0) > known.get(counter, 0)
        }
        for kind in more:
            self.work[IncidentBook].note(kind, terminal)
        self._came[terminal] = beat
        return True

    def settle(self) -> None:
        """Take the heartbeats into the memory."""
        self.memory.update(self._came)
