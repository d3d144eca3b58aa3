"""The book of dead letters: what came and breaks the contract, with the reason.

Stream `dead`. Other books add what only they can refuse.
"""

from collections.abc import Iterator
from typing import Final

from fleet.arrivals import Dead
from fleet.books.book import Book, OpenBooks
from fleet.books.rows import Append, Stored, Write

DEAD: Final = "dead"
MAX_LETTERS: Final = 10_000
"""Kept a shard, about; older ones are dropped first."""
MAX_PAYLOAD_BYTES: Final = 1024
"""Bytes kept of a payload, enough to see what it was."""
MAX_TOPIC_CHARS: Final = 200


class DeadLetterBook(Book[None]):
    """Dead letters of a shard."""

    def __init__(self, memory: None, work: OpenBooks) -> None:
        super().__init__(memory, work)
        self.letters: list[Dead] = []

    @classmethod
    def load(cls, stored: Stored, now: int) -> None:
        """Remember nothing."""

    def add(self, letter: Dead) -> None:
        """Keep one."""
        self.letters.append(letter)

    def writes(self) -> Iterator[Write]:
        """Yield the letters, cut to what is kept of them."""
        for letter in self.letters:
            yield Append(
                DEAD,
                {
                    "reason": letter.breach.value,
                    "topic": letter.topic[:MAX_TOPIC_CHARS].encode(errors="replace"),
                    "payload": letter.payload[:MAX_PAYLOAD_BYTES],
                    "at": str(self.now),
                },
                MAX_LETTERS,
            )
