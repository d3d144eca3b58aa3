"""The book of commands, with the promises of Idempotency-Keys. Rules: `fleet.commands`.

Strings `command:<id>` and `promise:<digest>`, forgotten a day after the expiry; hash `open`, by id
of each unfinished command: its terminal. Only unfinished commands are remembered; a finished one is
recalled when a result or a repeated order names it.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from msgspec import Struct

from fleet import commands
from fleet.arrivals import Dead, ReadMessage
from fleet.books.book import Book, BookOrder, OpenBooks
from fleet.books.dead_letters import DeadLetterBook
from fleet.books.incidents import IncidentBook
from fleet.books.presence import PresenceBook
from fleet.books.rows import DropRow, RowFamily, SetRows, SetString, Stored, Write
from fleet.commands import CommandRecord, Event
from fleet.contract import topics
from fleet.contract.commands import CommandState
from fleet.contract.errors import Breach
from fleet.contract.messages import Birth, Message, Result
from fleet.contract.topics import TerminalId, Topic, TopicName
from fleet.errors import CommandError
from fleet.incidents import IncidentKind
from fleet.presence import Presence

MAX_OPEN_COMMANDS: Final = 64
"""Unfinished commands of one terminal; more means that nobody looks at it."""


class Promise(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an Idempotency-Key stands for."""

    command: str
    digest: str
    """Of the request; the same key with another request is a conflict."""
    forget_at: int


OPEN: Final = "open"
COMMAND: Final = RowFamily("command", CommandRecord)
PROMISE: Final = RowFamily("promise", Promise)


@dataclass(slots=True)
class CommandMemory:
    """Unfinished commands."""

    open: dict[str, CommandRecord] = field(default_factory=dict)
    ids: dict[TerminalId, set[str]] = field(default_factory=dict)
    """Of `open`, by terminal."""

    def remember(self, command: CommandRecord) -> None:
        """Keep an open command, or let go of a finished one."""
        terminal = TerminalId(command.terminal)
        if command.finished:
            self.open.pop(command.id, None)
            ids = self.ids.get(terminal, set())
            ids.discard(command.id)
            if not ids:
                self.ids.pop(terminal, None)
        else:
            self.open[command.id] = command
            self.ids.setdefault(terminal, set()).add(command.id)


class CommandBook(Book[CommandMemory]):
    """Commands to every terminal."""

    hashes = (OPEN,)
    takes = frozenset({Birth, Result})

    def __init__(self, memory: CommandMemory, work: OpenBooks) -> None:
        super().__init__(memory, work)
        self.changed: dict[str, CommandRecord] = {}
        self.promises: dict[str, Promise] = {}
        """Made by this work, by key."""
        self._recalled: dict[str, CommandRecord] = {}
        self._recalled_promises: dict[str, Promise] = {}
        self._to_send: dict[str, CommandRecord] = {}

    @classmethod
    def strings(cls, hashes: Stored) -> Iterable[str]:
        """Return the keys of all open commands."""
        return [COMMAND.key(command_id) for command_id in hashes.hashes.get(OPEN, {})]

    @classmethod
    def load(cls, stored: Stored, now: int) -> CommandMemory:
        """Read all open commands; one that was forgotten by its expiry is left out."""
        del now
        memory = CommandMemory()
        for key in cls.strings(stored):
            if key in stored.strings:
                memory.remember(COMMAND.decode(stored.strings[key]))
        return memory

    def wants(self, arrivals: Sequence[ReadMessage]) -> Iterable[str]:
        """Return the keys of the commands that results name and that are not open."""
        named = {each.message.command for each in arrivals if isinstance(each.message, Result)}
        return [COMMAND.key(command_id) for command_id in named - self.memory.open.keys()]

    def recall(self, found: Mapping[str, bytes]) -> None:
        """Take in finished commands and promises."""
        for key, row in found.items():
            family, _, row_id = key.partition(":")
            if family == COMMAND.name:
                self._recalled[row_id] = COMMAND.decode(row)
            elif family == PROMISE.name:
                self._recalled_promises[row_id] = PROMISE.decode(row)

    def take(self, arrival: ReadMessage) -> bool:
        """Take in a terminal's word about a command, or send what waits for its birth."""
        match arrival.message:
            case Birth():
                self._send_due(arrival.terminal)
            case Result() as result:
                self._result(arrival, result)
        return True

    def give(self, command: CommandRecord) -> CommandRecord:
        """Take in a new command: send it, or queue it while its terminal is offline.

        Raises:
            CommandError: `commands.too_many`.
        """
        terminal = TerminalId(command.terminal)
        code = refusal_of(None, "", sum(1 for _ in self._open(terminal)))
        if code is not None:
            raise CommandError(code)
        if self.work[PresenceBook].of(terminal).presence is Presence.OFFLINE:
            return self._put(commands.step(command, Event.QUEUE, self.now))
        return self._send(command)

    def tick(self) -> None:
        """Let time pass for every open command."""
        for command_id in self.memory.open:
            command = self.command(command_id)
            if command is not None:
                after = commands.tick(command, self.now)
                if after is not command:
                    self._put(after)

    def connected(self, *, present: bool) -> None:
        """Send what is unfinished to every terminal that is there."""
        del present
        for terminal in tuple(self.memory.ids):
            if self.work[PresenceBook].of(terminal).presence is not Presence.OFFLINE:
                self._send_due(terminal)

    def command(self, command_id: str) -> CommandRecord | None:
        """Return a command as of this work, when it is open or was recalled."""
        return (
            self.changed.get(command_id)
            or self.memory.open.get(command_id)
            or self._recalled.get(command_id)
        )

    def promise(self, key: str) -> Promise | None:
        """Return what a key stands for, as of this work, when it was recalled or is new."""
        return self._recalled_promises.get(key) or self.promises.get(key)

    def writes(self) -> Iterator[Write]:
        """Yield commands that have changed, and new promises."""
        for command in self.changed.values():
            yield SetString(COMMAND.key(command.id), COMMAND.encode(command), command.forget_at)
            if command.finished:
                yield DropRow(OPEN, command.id)
            else:
                yield SetRows(OPEN, {command.id: command.terminal.encode()})
        for key, promise in self.promises.items():
            yield SetString(PROMISE.key(key), PROMISE.encode(promise), promise.forget_at)

    def outgoing(self) -> Iterator[tuple[Topic, Message]]:
        """Yield the commands to send, oldest first."""
        for command in sorted(self._to_send.values(), key=lambda each: (each.created_at, each.id)):
            topic = topics.topic(TopicName.COMMAND, TerminalId(command.terminal))
            yield topic, command.message

    def settle(self) -> None:
        """Take the changes into the memory."""
        for command in self.changed.values():
            self.memory.remember(command)

    def _open(self, terminal: TerminalId) -> Iterator[CommandRecord]:
        """Yield a terminal's unfinished commands."""
        ids = set(self.memory.ids.get(terminal, ()))
        ids.update(each.id for each in self.changed.values() if each.terminal == terminal)
        for command_id in ids:
            command = self.command(command_id)
            if command is not None and not command.finished:
                yield command

    def _result(self, arrival: ReadMessage, result: Result) -> None:
        terminal = arrival.terminal
        before = self.command(result.command)
        if before is None or before.terminal != terminal:
            topic = str(topics.topic(TopicName.RESULT, terminal, result.epoch.generation))
            letter = Dead(topic, arrival.payload, Breach.COMMAND_UNKNOWN)
            self.work[DeadLetterBook].add(letter)
            return
        after = commands.result(before, result.state, result.code, self.now)
        if after.late is not None and before.late is None:
            self.work[IncidentBook].note(IncidentKind.LATE_RESULT, terminal)
        if after.state is CommandState.UNKNOWN and before.state is not CommandState.UNKNOWN:
            self.work[IncidentBook].note(IncidentKind.COMMAND_UNKNOWN, terminal)
        if after is not before:
            self._put(after)

    def _put(self, command: CommandRecord) -> CommandRecord:
        self.changed[command.id] = command
        return command

    def _send(self, command: CommandRecord) -> CommandRecord:
        sent = self._put(commands.step(command, Event.SEND, self.now))
        self._to_send[sent.id] = sent
        return sent

    def _send_due(self, terminal: TerminalId) -> None:
        for command in tuple(self._open(terminal)):
            if commands.due_for_sending(command, self.now):
                self._send(command)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandOrder(BookOrder[tuple[CommandRecord, bool]]):
    """A command that a caller gives under an Idempotency-Key.

    The answer is the command, and whether it was there before.
    """

    command: CommandRecord
    key: str
    """From `promise_key`."""
    digest: str
    """Of the request."""

    def wants(self, work: OpenBooks) -> Iterable[str]:
        """Return the key of the promise, and of the command that it stands for."""
        yield PROMISE.key(self.key)
        book = work[CommandBook]
        promise = book.promise(self.key)
        if promise is not None and book.command(promise.command) is None:
            yield COMMAND.key(promise.command)

    def take(self, work: OpenBooks) -> None:
        """Give the command, unless the key stands for one already.

        Raises:
            CommandError: `idempotency.conflict` or `commands.too_many`.
        """
        book = work[CommandBook]
        promise = book.promise(self.key)
        if promise is None:
            book.give(self.command)
            book.promises[self.key] = Promise(
                command=self.command.id, digest=self.digest, forget_at=self.command.forget_at
            )
        elif (code := refusal_of(promise, self.digest, 0)) is not None:
            raise CommandError(code)

    def answer(self, work: OpenBooks) -> tuple[CommandRecord, bool] | None:
        """Return the command that the key stands for, as it was stored."""
        book = work[CommandBook]
        promise = book.promise(self.key)
        command = None if promise is None else book.command(promise.command)
        return None if command is None else (command, command.id != self.command.id)


def refusal_of(promise: Promise | None, digest: str, unfinished: int) -> str | None:
    """Return why a command is not taken; None: it is, or stands already for this very request.

    Asked by the book, and by the door before it, so that what changes nothing is not announced.

    Args:
        promise: what its Idempotency-Key stands for; None: nothing yet.
        digest: of the request.
        unfinished: commands of its terminal.
    """
    if promise is not None:
        return None if promise.digest == digest else "idempotency.conflict"
    return "commands.too_many" if unfinished >= MAX_OPEN_COMMANDS else None


def promise_key(caller: str, terminal: TerminalId, idempotency_key: str) -> str:
    """Digest what makes an Idempotency-Key unique: who, for which terminal, and the key."""
    return hashlib.sha256(f"{caller}\0{terminal}\0{idempotency_key}".encode()).hexdigest()
