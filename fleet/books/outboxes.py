"""The book of outboxes: records that a terminal could not keep are an incident.

Hash `beat`, which the newest messages write: their counters say what was lost and dropped since the
terminal's start. Each heartbeat that says more than the one before counts as one occurrence.
"""

from typing import Final, NamedTuple

from fleet.arrivals import ReadMessage
from fleet.books.book import Book, OpenBooks
from fleet.books.incidents import IncidentBook
from fleet.books.rows import RowFamily, Stored
from fleet.contract.messages import Beat
from fleet.contract.topics import TerminalId
from fleet.incidents import IncidentKind

BEATS: Final = RowFamily("beat", Beat)
COUNTERS: Final = ("outbox.lost", "outbox.dropped")


class Losses(NamedTuple):
    """What one start of a terminal has counted."""

    boot: str
    records: int


OutboxMemory = dict[TerminalId, Losses]


class OutboxBook(Book[OutboxMemory]):
    """What outboxes could not keep."""

    hashes = (BEATS.name,)
    takes = frozenset({Beat})

    def __init__(self, memory: OutboxMemory, work: OpenBooks) -> None:
        super().__init__(memory, work)
        self._heard: OutboxMemory = {}

    @classmethod
    def load(cls, stored: Stored, now: int) -> OutboxMemory:
        """Read the last heartbeats."""
        del now
        return {TerminalId(name): _losses(beat) for name, beat in stored.rows(BEATS)}

    def take(self, arrival: ReadMessage) -> bool:
        """Compare a heartbeat with the one before."""
        if isinstance(arrival.message, Beat):
            found = _losses(arrival.message)
            before = self._heard.get(arrival.terminal) or self.memory.get(arrival.terminal)
            known = 0 if before is None or before.boot != found.boot else before.records
            if found.records > known:
                self.work[IncidentBook].note(IncidentKind.OUTBOX_FULL, arrival.terminal)
            self._heard[arrival.terminal] = found
        return True

    def settle(self) -> None:
        """Take what was heard into the memory."""
        self.memory.update(self._heard)


def _losses(beat: Beat) -> Losses:
    return Losses(beat.boot, sum(beat.counters.get(name, 0) for name in COUNTERS))
