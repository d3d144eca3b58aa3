"""A matter that the fleet does not have: terminals that are hot. One file, as a real book would be.

A heartbeat above `HOT_C` makes a terminal hot, and it is told so; `COOL_MS` without another one
ends it, and an order ends it at once. Hash `heat`, by terminal; strings `cooled:<terminal>`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from msgspec import Struct

from fleet.arrivals import ReadMessage
from fleet.books.book import Book, BookOrder, OpenBooks
from fleet.books.rows import DropRow, RowFamily, SetString, Stored, Write
from fleet.contract import topics
from fleet.contract.messages import Beat, Desired, Message
from fleet.contract.topics import TerminalId, Topic, TopicName
from fleet.shard import BOOKS, Books

HOT_C: Final = 60.0
COOL_MS: Final = 60_000


class Heat(Struct, frozen=True):
    """Since when a terminal is hot, and when it was last; milliseconds."""

    since: int
    last: int


class Cooling(Struct, frozen=True):
    """Who cooled a terminal, how often."""

    times: int


HEAT: Final = RowFamily("heat", Heat)
COOLED: Final = RowFamily("cooled", Cooling)
HeatMemory = dict[TerminalId, Heat]


class HeatBook(Book[HeatMemory]):
    """Hot terminals."""

    hashes = (HEAT.name,)
    takes = frozenset({Beat})

    def __init__(self, memory: HeatMemory, work: OpenBooks) -> None:
        super().__init__(memory, work)
        self.hot: HeatMemory = {}
        self.ended: set[TerminalId] = set()
        self.cooled: dict[TerminalId, Cooling] = {}

    @classmethod
    def load(cls, stored: Stored, now: int) -> HeatMemory:
        """Read all."""
        del now
        return {TerminalId(name): row for name, row in stored.rows(HEAT)}

    def take(self, arrival: ReadMessage) -> bool:
        """Take in a temperature."""
        beat, terminal = arrival.message, arrival.terminal
        if isinstance(beat, Beat) and (beat.temperature_c or 0.0) >= HOT_C:
            before = self.memory.get(terminal)
            since = self.now if before is None else before.since
            self.hot[terminal] = Heat(since, self.now)
        return True

    def tick(self) -> None:
        """Let what is old end."""
        for terminal, heat in self.memory.items():
            if self.now - heat.last >= COOL_MS and terminal not in self.hot:
                self.ended.add(terminal)

    def recall(self, found: Mapping[str, bytes]) -> None:
        """Take in how often terminals were cooled."""
        for key, row in found.items():
            family, _, name = key.partition(":")
            if family == COOLED.name:
                self.cooled[TerminalId(name)] = COOLED.decode(row)

    def writes(self) -> Iterator[Write]:
        """Yield what has changed."""
        yield from HEAT.written(self.hot)
        for terminal in self.ended:
            yield DropRow(HEAT.name, terminal)
        for terminal, cooling in self.cooled.items():
            yield SetString(COOLED.key(terminal), COOLED.encode(cooling), self.now + 3_600_000)

    def outgoing(self) -> Iterator[tuple[Topic, Message]]:
        """Tell terminals that have become hot."""
        for terminal in self.hot.keys() - self.memory.keys():
            topic = topics.topic(TopicName.DESIRED, terminal)
            yield topic, Desired(version=1, base=0, changes={"fan": True})

    def settle(self) -> None:
        """Take the changes into the memory."""
        self.memory.update(self.hot)
        for terminal in self.ended:
            self.memory.pop(terminal, None)


@dataclass(frozen=True, slots=True)
class CoolOrder(BookOrder[int]):
    """Somebody has cooled a terminal; the answer is how often that was."""

    terminal: TerminalId

    def wants(self, work: OpenBooks) -> Iterable[str]:
        """Return the key of what is counted."""
        del work
        return (COOLED.key(self.terminal),)

    def take(self, work: OpenBooks) -> None:
        """Count it, and end the heat."""
        book = work[HeatBook]
        before = book.cooled.get(self.terminal, Cooling(0))
        book.cooled[self.terminal] = Cooling(before.times + 1)
        book.ended.add(self.terminal)

    def answer(self, work: OpenBooks) -> int:
        """Return how often."""
        return work[HeatBook].cooled[self.terminal].times


PLANTED: Final[Books] = (*BOOKS, HeatBook)
