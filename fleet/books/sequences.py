"""The book of sequences: which `reported` and `result` are stored. Rules: `fleet.sequences`.

Hash `sequences`, by terminal. A message that is not the next one ends here. Whatever came, the
terminal is sent an `ack` of what is stored.
"""

from collections.abc import Iterator
from typing import Final

from fleet import sequences
from fleet.arrivals import ReadMessage
from fleet.books.book import Book, OpenBooks
from fleet.books.incidents import IncidentBook
from fleet.books.rows import RowFamily, Stored, Write
from fleet.contract import topics
from fleet.contract.messages import Ack, Birth, Message, Reported, Result
from fleet.contract.topics import TerminalId, Topic, TopicName
from fleet.incidents import IncidentKind
from fleet.sequences import SequenceName, SequencePlace, Sequences

SEQUENCES: Final = RowFamily("sequences", Sequences)
SequenceMemory = dict[TerminalId, Sequences]


class SequenceBook(Book[SequenceMemory]):
    """Sequences of every terminal."""

    hashes = (SEQUENCES.name,)
    takes = frozenset({Birth, Reported, Result})

    def __init__(self, memory: SequenceMemory, work: OpenBooks) -> None:
        super().__init__(memory, work)
        self.counted: SequenceMemory = {}
        """What has changed."""
        self._to_ack: set[TerminalId] = set()

    @classmethod
    def load(cls, stored: Stored, now: int) -> SequenceMemory:
        """Read all."""
        del now
        return {TerminalId(name): row for name, row in stored.rows(SEQUENCES)}

    def take(self, arrival: ReadMessage) -> bool:
        """Count a message when it is the next of its sequence."""
        match arrival.message:
            case Birth() as birth:
                self._begin(arrival.terminal, birth)
                return True
            case Reported() as reported:
                return self._is_next(arrival.terminal, SequenceName.REPORTED, reported)
            case Result() as result:
                return self._is_next(arrival.terminal, SequenceName.RESULT, result)
        return True

    def writes(self) -> Iterator[Write]:
        """Yield the terminals that have changed."""
        return SEQUENCES.written(self.counted)

    def outgoing(self) -> Iterator[tuple[Topic, Message]]:
        """Yield the acknowledgements."""
        for terminal in sorted(self._to_ack):
            stored = self._of(terminal)
            if stored is not None:
                yield (
                    topics.topic(TopicName.ACK, terminal),
                    Ack(
                        generation=stored.generation,
                        reported=stored.reported,
                        result=stored.result,
                    ),
                )

    def settle(self) -> None:
        """Take the changes into the memory."""
        self.memory.update(self.counted)

    def _of(self, terminal: TerminalId) -> Sequences | None:
        return self.counted.get(terminal) or self.memory.get(terminal)

    def _begin(self, terminal: TerminalId, birth: Birth) -> None:
        self.counted[terminal], missing = sequences.begin(
            self._of(terminal), birth.epoch.generation, birth.reported_from, birth.result_from
        )
        if missing:
            self.work[IncidentBook].note(IncidentKind.SEQUENCE_GAP, terminal)
        self._to_ack.add(terminal)

    def _is_next(self, terminal: TerminalId, name: SequenceName, came: Reported | Result) -> bool:
        stored, generation = self._of(terminal), came.epoch.generation
        if stored is None or stored.generation != generation:
            stored = Sequences(generation=generation)
        self._to_ack.add(terminal)
        if sequences.place(stored, name, came.sequence) is not SequencePlace.NEXT:
            return False
        self.counted[terminal] = sequences.advance(stored, name)
        return True
