"""The book of newest messages: each terminal's last birth, heartbeat and report, as it was sent.

Hashes `birth`, `beat` and `reported`, by terminal. They are kept for showing; nothing here reads
them again.
"""

from collections.abc import Iterator
from typing import Final

from fleet.arrivals import ReadMessage
from fleet.books.book import Book, OpenBooks
from fleet.books.rows import SetRows, Stored, Write
from fleet.contract.messages import Beat, Birth, Message, Reported

NEWEST: Final[dict[type[Message], str]] = {Birth: "birth", Beat: "beat", Reported: "reported"}
"""Kind of message to the hash that keeps the newest one."""


class NewestBook(Book[None]):
    """Newest messages of every terminal."""

    takes = frozenset(NEWEST)

    def __init__(self, memory: None, work: OpenBooks) -> None:
        super().__init__(memory, work)
        self._came: dict[type[Message], dict[str, bytes]] = {kind: {} for kind in NEWEST}

    @classmethod
    def load(cls, stored: Stored, now: int) -> None:
        """Remember nothing."""

    def take(self, arrival: ReadMessage) -> bool:
        """Keep the message as it was sent."""
        self._came[type(arrival.message)][arrival.terminal] = arrival.payload
        return True

    def writes(self) -> Iterator[Write]:
        """Yield the messages that came."""
        for kind, name in NEWEST.items():
            if self._came[kind]:
                yield SetRows(name, self._came[kind])
