"""The book of incidents: what a person should look at. Rules: `fleet.incidents`.

Hash `incidents`, by kind and terminal. It takes no messages: other books note what they find.
"""

from collections.abc import Iterator
from typing import Final

from fleet import incidents
from fleet.books.book import Book, OpenBooks
from fleet.books.rows import RowFamily, Stored, Write
from fleet.contract.topics import TerminalId
from fleet.incidents import Incident, IncidentKind

INCIDENTS: Final = RowFamily("incidents", Incident)
IncidentKey = tuple[IncidentKind, TerminalId]
IncidentMemory = dict[IncidentKey, Incident]


class IncidentBook(Book[IncidentMemory]):
    """Incidents of every terminal."""

    hashes = (INCIDENTS.name,)

    def __init__(self, memory: IncidentMemory, work: OpenBooks) -> None:
        super().__init__(memory, work)
        self.noted: IncidentMemory = {}
        """What has changed."""

    @classmethod
    def load(cls, stored: Stored, now: int) -> IncidentMemory:
        """Read all."""
        del now
        return {(row.kind, TerminalId(row.terminal)): row for _, row in stored.rows(INCIDENTS)}

    def note(self, kind: IncidentKind, terminal: TerminalId) -> None:
        """Count one occurrence."""
        key = (kind, terminal)
        before = self.noted.get(key) or self.memory.get(key)
        self.noted[key] = incidents.noted(before, kind, terminal, self.now)

    def writes(self) -> Iterator[Write]:
        """Yield the incidents that have changed."""
        return INCIDENTS.written(
            {f"{kind} {terminal}": row for (kind, terminal), row in self.noted.items()}
        )

    def settle(self) -> None:
        """Take the changes into the memory."""
        self.memory.update(self.noted)
