"""A book: one matter of a shard's terminals, from a message to what is stored and sent.

Pure. A shard holds a book's memory: what the store has of it, as far as it is needed. A work opens
the book over that memory, for one batch: the book takes messages and orders, lets time pass, says
what must be stored, and what is sent once it is stored. It changes its memory only in `settle`,
when its writes are on disk; a work that could not be written is thrown away.

The order of the books counts. A message goes from one to the next, and ends with the first that
returns False: so a book may rely on what those before it have checked.

A new matter is a new book: a file beside this one, and a line in `fleet.shard.BOOKS`.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from fleet.arrivals import ReadMessage
from fleet.books.rows import Stored, Write
from fleet.contract.messages import Message
from fleet.contract.topics import Topic

Memory = TypeVar("Memory")
Answer = TypeVar("Answer")
AnyBook = TypeVar("AnyBook", bound="Book[Any]")


class OpenBooks(Protocol):
    """A work, as its books see it: the time, and each other."""

    @property
    def now(self) -> int:
        """Return the server's time, milliseconds since 1970-01-01 UTC."""

    def __getitem__(self, kind: type[AnyBook]) -> AnyBook: ...


class Book(ABC, Generic[Memory]):
    """One matter, opened over its memory for one work."""

    hashes: ClassVar[tuple[str, ...]] = ()
    """Hashes of the store that the memory is made of."""
    takes: ClassVar[frozenset[type[Message]]] = frozenset()
    """Kinds of messages that are given to `take`."""

    def __init__(self, memory: Memory, work: OpenBooks) -> None:
        self.memory = memory
        self.work = work
        self.now = work.now

    @classmethod
    @abstractmethod
    def load(cls, stored: Stored, now: int) -> Memory:
        """Make the memory of a shard that was just taken, at `now` in ms."""

    @classmethod
    def strings(cls, _hashes: Stored) -> Iterable[str]:
        """Return the keys of the strings that `load` needs beside the hashes."""
        return ()

    def wants(self, _arrivals: Sequence[ReadMessage]) -> Iterable[str]:
        """Return the keys of the strings that must be recalled before these are taken."""
        return ()

    def recall(self, found: Mapping[str, bytes]) -> None:
        """Take in strings that this work has read from the store, of this book or of others."""

    def take(self, _arrival: ReadMessage) -> bool:
        """Take in a message; False: it ends here, and no later book takes it."""
        return True

    def stepped(self, by: int) -> None:
        """Take in that the server's clock made a step of `by` ms, before anything else."""

    def tick(self) -> None:
        """Let time pass."""

    def connected(self, *, present: bool) -> None:
        """Take in that messages flow again; `present`: the broker has kept the session."""

    def writes(self) -> Iterator[Write]:
        """Yield what must be stored."""
        yield from ()

    def outgoing(self) -> Iterator[tuple[Topic, Message]]:
        """Yield what is sent once the writes are on disk."""
        yield from ()

    def settle(self) -> None:
        """Take the changes into the memory: they are on disk."""


class BookOrder(ABC, Generic[Answer]):
    """Something that a caller wants of a book, and waits for until it is stored."""

    @abstractmethod
    def wants(self, work: OpenBooks) -> Iterable[str]:
        """Return the keys of the strings that must be recalled before this is taken."""

    @abstractmethod
    def take(self, work: OpenBooks) -> None:
        """Have the book take the order.

        Raises:
            FleetError: it is not possible; the caller is told so.
        """

    @abstractmethod
    def answer(self, work: OpenBooks) -> Answer | None:
        """Return what the caller is told once it is stored; None: it is not known."""
