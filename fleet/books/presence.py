"""The book of presence: whether each terminal is there. Rules: `fleet.presence`.

Hash `presence`, by terminal. It is the first book: what belongs to an epoch that is over ends here,
but for `reported` and `result`, which count whatever connection they came by.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from fleet import presence
from fleet.arrivals import ReadMessage
from fleet.books.book import Book, OpenBooks
from fleet.books.incidents import IncidentBook
from fleet.books.rows import RowFamily, Stored, Write
from fleet.contract.messages import Beat, Birth, Reported, Result, Will
from fleet.contract.topics import TerminalId
from fleet.presence import TerminalPresence

PRESENCE: Final = RowFamily("presence", TerminalPresence)


@dataclass(slots=True)
class PresenceMemory:
    """What was seen of each terminal."""

    seen: dict[TerminalId, TerminalPresence] = field(default_factory=dict)
    listening_since: int = 0
    """Since when messages have been flowing in, in ms; not stored."""


class PresenceBook(Book[PresenceMemory]):
    """Presence of every terminal."""

    hashes = (PRESENCE.name,)
    takes = frozenset({Beat, Birth, Will, Reported, Result})

    def __init__(self, memory: PresenceMemory, work: OpenBooks) -> None:
        super().__init__(memory, work)
        self.seen: dict[TerminalId, TerminalPresence] = {}
        """What has changed."""
        self._listening_since = memory.listening_since

    @classmethod
    def load(cls, stored: Stored, now: int) -> PresenceMemory:
        """Read all; listening begins now."""
        seen = {
            TerminalId(name): presence.not_after(row, now) for name, row in stored.rows(PRESENCE)
        }
        return PresenceMemory(seen, now)

    def of(self, terminal: TerminalId) -> TerminalPresence:
        """Return a terminal's presence as of this work."""
        return self.seen.get(terminal) or self.memory.seen.get(terminal, presence.NEVER)

    def take(self, arrival: ReadMessage) -> bool:
        """Take in a sign of life, or of its end."""
        terminal, message, now = arrival.terminal, arrival.message, self.now
        seen = self.seen.get(terminal) or self.memory.seen.get(terminal, presence.NEVER)
        match message:
            case Beat():
                step = presence.heard(seen, message.epoch, message.boot, now, beat=True)
            case Birth():
                step = presence.born(seen, message.epoch, message.boot, now)
            case Will():
                step = presence.lost(seen, message.epoch, message.boot, now)
            case Reported() | Result():
                step = presence.heard(seen, message.epoch, message.boot, now, beat=False)
                self._keep(terminal, seen, step)
                return True
            case _:
                return True
        self._keep(terminal, seen, step)
        return not step.ignored

    def stepped(self, by: int) -> None:
        """Move every moment with the clock: a step is neither silence nor a sign of life."""
        self._listening_since += by
        for terminal, seen in self.memory.seen.items():
            self.seen[terminal] = presence.shifted(seen, by)

    def tick(self) -> None:
        """Let time pass for every terminal."""
        now, since = self.now, self._listening_since
        for terminal, stored in self.memory.seen.items():
            seen = self.seen.get(terminal, stored)
            self._keep(terminal, seen, presence.tick(seen, now, since))

    def connected(self, *, present: bool) -> None:
        """Listen from now on; without the old session, every connection of a terminal is gone."""
        self._listening_since = max(self._listening_since, self.now)
        if present:
            return
        for terminal, stored in self.memory.seen.items():
            seen = self.seen.get(terminal, stored)
            self._keep(terminal, seen, presence.broker_lost(seen, self.now))

    def writes(self) -> Iterator[Write]:
        """Yield the terminals that have changed."""
        return PRESENCE.written(self.seen)

    def settle(self) -> None:
        """Take the changes into the memory."""
        self.memory.seen.update(self.seen)
        self.memory.listening_since = self._listening_since

    def _keep(
        self, terminal: TerminalId, before: TerminalPresence, step: presence.PresenceStep
    ) -> None:
        if step.seen is not before:
            self.seen[terminal] = step.seen
        for kind in step.incidents:
            self.work[IncidentBook].note(kind, terminal)
