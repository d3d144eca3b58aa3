"""One shard: what is known of its terminals, and what each message, order and second makes of it.

Pure. A `Shard` holds the memory of each book; a `Work` opens the books for one batch. The service
writes a Work, and only when that is on disk has the Work settle, acknowledges what came and sends
what goes out. A Work that could not be written is thrown away, and the batch is computed again:
every message is idempotent, by epoch, by sequence or by command id.

Which matters there are is the books' to say: `BOOKS`, and `fleet.books.book` for how one is made.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias, cast

from fleet.arrivals import Dead, ReadMessage
from fleet.books.book import AnyBook, Book, BookOrder, Memory
from fleet.books.commands import CommandBook
from fleet.books.conditions import ConditionBook
from fleet.books.dead_letters import DeadLetterBook
from fleet.books.incidents import IncidentBook
from fleet.books.newest import NewestBook
from fleet.books.presence import PresenceBook
from fleet.books.rows import Stored, Write
from fleet.books.sequences import SequenceBook
from fleet.contract import topics
from fleet.contract.messages import Message
from fleet.contract.topics import Topic

Books: TypeAlias = tuple[type[Book[Any]], ...]

BOOKS: Final[Books] = (
    PresenceBook,
    SequenceBook,
    NewestBook,
    ConditionBook,
    IncidentBook,
    CommandBook,
    DeadLetterBook,
)
"""In this order messages are taken and rows are written."""


class Shard:
    """What is remembered of one shard's terminals; empty until `load`."""

    def __init__(self, name: topics.Shard, books: Books = BOOKS) -> None:
        self.name: Final = name
        self.books: Final = books
        self._memories: dict[type[Book[Any]], Any] = {}
        self.load(Stored(), 0)

    def __getitem__(self, book: type[Book[Memory]]) -> Memory:
        return cast("Memory", self._memories[book])

    @property
    def hashes(self) -> tuple[str, ...]:
        """Return the names of the hashes to read."""
        return tuple(name for book in self.books for name in book.hashes)

    def strings(self, hashes: Stored) -> list[str]:
        """Return the keys of the strings to read, now that the hashes are read."""
        return [key for book in self.books for key in book.strings(hashes)]

    def load(self, stored: Stored, now: int) -> None:
        """Remember what was read; `now` in ms is when listening begins."""
        self._memories = {book: book.load(stored, now) for book in self.books}


class Work:
    """The books of a shard, opened for one batch."""

    def __init__(self, base: Shard, now: int) -> None:
        """Open them; `now` is milliseconds since 1970-01-01 UTC, by the server's clock."""
        self.base: Final = base
        self.now: Final = now
        self._books: dict[type[Book[Any]], Book[Any]] = {
            kind: kind(base[kind], self) for kind in base.books
        }
        self._takers: dict[type[Message], tuple[Callable[[ReadMessage], bool], ...]] = {}

    def __getitem__(self, kind: type[AnyBook]) -> AnyBook:
        return cast("AnyBook", self._books[kind])

    def wants(
        self, arrivals: Sequence[ReadMessage], orders: Sequence[BookOrder[Any]]
    ) -> frozenset[str]:
        """Return the keys of what must be recalled before these are taken.

        What is recalled may make a book want more: ask until nothing new is wanted.
        """
        keys = {key for book in self._books.values() for key in book.wants(arrivals)}
        return frozenset(keys.union(*(order.wants(self) for order in orders)))

    def recall(self, found: Mapping[str, bytes]) -> None:
        """Take in what was wanted and is in the store."""
        for book in self._books.values():
            book.recall(found)

    def take(self, arrival: ReadMessage | Dead) -> None:
        """Take in one arrival."""
        if isinstance(arrival, Dead):
            self[DeadLetterBook].add(arrival)
            return
        for take in self._takers.get(type(arrival.message)) or self._takers_of(arrival.message):
            if not take(arrival):
                return

    def stepped(self, by: int) -> None:
        """Take in that the server's clock made a step of `by` ms, before anything else."""
        for book in self._books.values():
            book.stepped(by)

    def tick(self) -> None:
        """Let time pass."""
        for book in self._books.values():
            book.tick()

    def connected(self, *, present: bool) -> None:
        """Take in that messages flow again; `present`: the broker has kept the session."""
        for book in self._books.values():
            book.connected(present=present)

    def writes(self) -> Iterator[Write]:
        """Yield what must be stored, all of it or nothing."""
        for book in self._books.values():
            yield from book.writes()

    def outgoing(self) -> Iterator[tuple[Topic, Message]]:
        """Yield what is sent once this work is on disk."""
        for book in self._books.values():
            yield from book.outgoing()

    def settle(self) -> None:
        """Have the shard remember the changes: they are on disk."""
        for book in self._books.values():
            book.settle()

    def _takers_of(self, message: Message) -> tuple[Callable[[ReadMessage], bool], ...]:
        kind = type(message)
        takers = tuple(book.take for book in self._books.values() if kind in book.takes)
        self._takers[kind] = takers
        return takers
