"""One shard: what is known of its terminals, and what each message, order and second makes of it.

Pure. `Shard` is what the store holds; `Work` is a layer of changes over it, computed from a batch.
The shell writes a Work, and only when that is on disk lets `Shard.settle` take it in, acknowledges
what came and sends what goes out. A Work that could not be written is thrown away, and the batch is
computed again: every message is idempotent, by epoch, by sequence or by command id.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from msgspec import Struct

from fleet import commands, incidents, presence, sequences
from fleet.commands import CommandRecord, Event
from fleet.contract import messages, topics
from fleet.contract.commands import CommandState
from fleet.contract.errors import Breach, ContractError
from fleet.contract.topics import Party, TerminalId, Topic, TopicName
from fleet.errors import CommandError
from fleet.incidents import Incident, IncidentKind
from fleet.presence import Presence, TerminalPresence
from fleet.registry import Registry
from fleet.sequences import SequenceName, Sequences
from verifier.contract.vocabulary import GrantState

MAX_OPEN_COMMANDS: Final = 64
"""Unfinished commands of one terminal; more means that nobody looks at it."""

IncidentKey = tuple[IncidentKind, TerminalId]


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message as it came from the broker."""

    topic: str
    payload: bytes
    retained: bool = False


@dataclass(frozen=True, slots=True)
class ReadMessage:
    """An arrival that is part of the contract."""

    topic: TopicName
    terminal: TerminalId
    message: messages.Message
    payload: bytes


@dataclass(frozen=True, slots=True)
class Dead:
    """An arrival that is not, and why."""

    topic: str
    payload: bytes
    breach: Breach


class Promise(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an Idempotency-Key stands for."""

    command: str
    digest: str
    """Of the request; the same key with another request is a conflict."""
    forget_at: int


@dataclass(slots=True, kw_only=True)
class Shard:
    """What the store holds of one shard's terminals; commands only while they are open."""

    name: topics.Shard
    seen: dict[TerminalId, TerminalPresence] = field(default_factory=dict)
    sequences: dict[TerminalId, Sequences] = field(default_factory=dict)
    commands: dict[str, CommandRecord] = field(default_factory=dict)
    incidents: dict[IncidentKey, Incident] = field(default_factory=dict)
    open_ids: dict[TerminalId, set[str]] = field(default_factory=dict)
    listening_since: int = 0
    """Since when messages have been flowing in, in ms."""

    def remember(self, command: CommandRecord) -> None:
        """Hold an open command, or let go of a finished one."""
        terminal = TerminalId(command.terminal)
        if command.finished:
            self.commands.pop(command.id, None)
            ids = self.open_ids.get(terminal, set())
            ids.discard(command.id)
            if not ids:
                self.open_ids.pop(terminal, None)
        else:
            self.commands[command.id] = command
            self.open_ids.setdefault(terminal, set()).add(command.id)

    def settle(self, work: "Work") -> None:
        """Take in changes that are on disk."""
        self.seen.update(work.seen)
        self.sequences.update(work.sequences)
        self.incidents.update(work.incidents)
        self.listening_since = max(self.listening_since, work.listening_since)
        for command in work.commands.values():
            self.remember(command)


def read_arrival(arrival: Arrival, shard: topics.Shard, registry: Registry) -> ReadMessage | Dead:
    """Check topic, shard, sender and payload of what came on a shard's session."""
    try:
        return _checked(arrival, shard, registry)
    except ContractError as error:
        return Dead(arrival.topic, arrival.payload, error.breach)


def _checked(arrival: Arrival, shard: topics.Shard, registry: Registry) -> ReadMessage:
    topic = topics.parse(arrival.topic)
    rule = topics.RULES[topic.name]
    if rule.publisher is not Party.TERMINAL or topic.terminal is None:
        raise ContractError(Breach.TOPIC_DIRECTION)
    if topic.shard != shard or not topic.shard_fits:
        raise ContractError(Breach.TOPIC_SHARD)
    if arrival.retained:
        raise ContractError(Breach.RETAINED)
    terminal = registry.terminals.get(topic.terminal)
    if terminal is None:
        raise ContractError(Breach.TERMINAL_UNKNOWN)
    if terminal.state is GrantState.REVOKED:
        raise ContractError(Breach.TERMINAL_REVOKED)
    message = messages.read(rule.message, arrival.payload)
    generation = message.epoch.generation if isinstance(message, _UP) else 0
    if generation != terminal.generation:
        raise ContractError(Breach.GENERATION_WRONG)
    return ReadMessage(topic.name, topic.terminal, message, arrival.payload)


_UP: Final = (messages.Birth, messages.Will, messages.Beat, messages.Reported, messages.Result)


@dataclass(slots=True)
class Work:
    """Changes over a shard; every field is what to write, `outbound` what to send afterwards."""

    base: Shard
    now: int
    """Milliseconds since 1970-01-01 UTC, by the server's clock."""
    recalled: dict[str, CommandRecord] = field(default_factory=dict)
    """Finished commands that results of this batch name, fetched for it."""
    seen: dict[TerminalId, TerminalPresence] = field(default_factory=dict)
    sequences: dict[TerminalId, Sequences] = field(default_factory=dict)
    births: dict[TerminalId, bytes] = field(default_factory=dict)
    beats: dict[TerminalId, bytes] = field(default_factory=dict)
    reported: dict[TerminalId, bytes] = field(default_factory=dict)
    commands: dict[str, CommandRecord] = field(default_factory=dict)
    promises: dict[str, Promise] = field(default_factory=dict)
    incidents: dict[IncidentKey, Incident] = field(default_factory=dict)
    dead: list[Dead] = field(default_factory=list)
    to_ack: set[TerminalId] = field(default_factory=set)
    to_send: dict[str, CommandRecord] = field(default_factory=dict)
    listening_since: int = 0

    def take(self, arrival: ReadMessage | Dead) -> None:
        """Take in one arrival."""
        if isinstance(arrival, Dead):
            self.dead.append(arrival)
            return
        match arrival.message:
            case messages.Beat() as beat:
                self._beat(arrival, beat)
            case messages.Result() as result:
                self._result(arrival, result)
            case messages.Reported() as reported:
                self._reported(arrival, reported)
            case messages.Birth() as birth:
                self._birth(arrival, birth)
            case messages.Will() as will:
                step = presence.lost(
                    self.seen_of(arrival.terminal), will.epoch, will.boot, self.now
                )
                self._keep(arrival.terminal, step)

    def give(self, command: CommandRecord) -> CommandRecord:
        """Take in a new command: send it, or queue it while its terminal is offline.

        Raises:
            CommandError: `commands.too_many`.
        """
        terminal = TerminalId(command.terminal)
        if sum(1 for _ in self.open_commands(terminal)) >= MAX_OPEN_COMMANDS:
            raise CommandError("commands.too_many")
        if self.seen_of(terminal).presence is Presence.OFFLINE:
            return self._put(commands.step(command, Event.QUEUE, self.now))
        return self._send(command)

    def tick(self) -> None:
        """Let time pass for every terminal and open command."""
        since = max(self.base.listening_since, self.listening_since)
        for terminal, seen in self.base.seen.items():
            step = presence.tick(self.seen.get(terminal, seen), self.now, since)
            if step.seen is not seen:
                self._keep(terminal, step)
        for command_id in self.base.commands:
            command = self.command(command_id)
            if command is not None:
                after = commands.tick(command, self.now)
                if after is not command:
                    self._put(after)

    def listen(self) -> None:
        """Take in that messages flow again."""
        self.listening_since = self.now

    def broker_lost(self) -> None:
        """Take in that every connection of this shard's terminals is gone."""
        for terminal, seen in self.base.seen.items():
            self._keep(terminal, presence.broker_lost(self.seen.get(terminal, seen), self.now))

    def resend(self) -> None:
        """Send what is unfinished to every terminal that is there."""
        for terminal in tuple(self.base.open_ids):
            if self.seen_of(terminal).presence is not Presence.OFFLINE:
                self._send_due(terminal)

    def seen_of(self, terminal: TerminalId) -> TerminalPresence:
        """Return the presence as of this work."""
        return self.seen.get(terminal) or self.base.seen.get(terminal, presence.NEVER)

    def command(self, command_id: str) -> CommandRecord | None:
        """Return a command as of this work, when it is open or was recalled."""
        return (
            self.commands.get(command_id)
            or self.base.commands.get(command_id)
            or self.recalled.get(command_id)
        )

    def open_commands(self, terminal: TerminalId) -> Iterator[CommandRecord]:
        """Yield a terminal's unfinished commands."""
        ids = set(self.base.open_ids.get(terminal, ()))
        ids.update(each.id for each in self.commands.values() if each.terminal == terminal)
        for command_id in ids:
            command = self.command(command_id)
            if command is not None and not command.finished:
                yield command

    def acks(self) -> Iterator[tuple[Topic, messages.Ack]]:
        """Yield what to acknowledge once this work is on disk."""
        for terminal in sorted(self.to_ack):
            stored = self.sequences.get(terminal) or self.base.sequences.get(terminal)
            if stored is not None:
                yield (
                    topics.topic(TopicName.ACK, terminal),
                    messages.Ack(
                        generation=stored.generation,
                        reported=stored.reported,
                        result=stored.result,
                    ),
                )

    def sends(self) -> Iterator[tuple[Topic, messages.Command]]:
        """Yield the commands to send once this work is on disk, oldest first."""
        for command in sorted(self.to_send.values(), key=lambda each: (each.created_at, each.id)):
            topic = topics.topic(TopicName.COMMAND, TerminalId(command.terminal))
            yield topic, command.message

    def _birth(self, arrival: ReadMessage, birth: messages.Birth) -> None:
        terminal = arrival.terminal
        step = presence.born(self.seen_of(terminal), birth.epoch, birth.boot, self.now)
        self._keep(terminal, step)
        if step.ignored:
            return
        self.births[terminal] = arrival.payload
        stored, missing = sequences.begin(
            self.sequences.get(terminal) or self.base.sequences.get(terminal),
            birth.epoch.generation,
            birth.reported_from,
            birth.result_from,
        )
        self.sequences[terminal] = stored
        if missing:
            self._note(IncidentKind.SEQUENCE_GAP, terminal)
        self.to_ack.add(terminal)
        self._send_due(terminal)

    def _beat(self, arrival: ReadMessage, beat: messages.Beat) -> None:
        step = presence.heard(
            self.seen_of(arrival.terminal), beat.epoch, beat.boot, self.now, beat=True
        )
        self._keep(arrival.terminal, step)
        if not step.ignored:
            self.beats[arrival.terminal] = arrival.payload

    def _reported(self, arrival: ReadMessage, reported: messages.Reported) -> None:
        self._hear(arrival.terminal, reported.epoch, reported.boot)
        if self._is_next(
            arrival.terminal, SequenceName.REPORTED, reported.epoch, reported.sequence
        ):
            self.reported[arrival.terminal] = arrival.payload

    def _result(self, arrival: ReadMessage, result: messages.Result) -> None:
        terminal = arrival.terminal
        self._hear(terminal, result.epoch, result.boot)
        if not self._is_next(terminal, SequenceName.RESULT, result.epoch, result.sequence):
            return
        before = self.command(result.command)
        if before is None or before.terminal != terminal:
            self.dead.append(
                Dead(
                    str(topics.topic(TopicName.RESULT, terminal)),
                    arrival.payload,
                    Breach.COMMAND_UNKNOWN,
                )
            )
            return
        after = commands.result(before, result.state, result.code, self.now)
        if after.late is not None and before.late is None:
            self._note(IncidentKind.LATE_RESULT, terminal)
        if after.state is CommandState.UNKNOWN and before.state is not CommandState.UNKNOWN:
            self._note(IncidentKind.COMMAND_UNKNOWN, terminal)
        if after is not before:
            self._put(after)

    def _is_next(
        self, terminal: TerminalId, lane: SequenceName, epoch: messages.Epoch, sequence: int
    ) -> bool:
        """Count a sequence when it is the next one; whatever it is, the ack says what is stored."""
        stored = self.sequences.get(terminal) or self.base.sequences.get(terminal)
        if stored is None or stored.generation != epoch.generation:
            stored = Sequences(generation=epoch.generation)
        self.to_ack.add(terminal)
        if sequences.place(stored, lane, sequence) is not sequences.SequencePlace.NEXT:
            return False
        self.sequences[terminal] = sequences.advance(stored, lane)
        return True

    def _hear(self, terminal: TerminalId, epoch: messages.Epoch, boot: str) -> None:
        step = presence.heard(self.seen_of(terminal), epoch, boot, self.now, beat=False)
        self._keep(terminal, step)

    def _keep(self, terminal: TerminalId, step: presence.PresenceStep) -> None:
        if step.seen is not self.seen_of(terminal):
            self.seen[terminal] = step.seen
        for kind in step.incidents:
            self._note(kind, terminal)

    def _note(self, kind: IncidentKind, terminal: TerminalId) -> None:
        key = (kind, terminal)
        before = self.incidents.get(key) or self.base.incidents.get(key)
        self.incidents[key] = incidents.noted(before, kind, terminal, self.now)

    def _put(self, command: CommandRecord) -> CommandRecord:
        self.commands[command.id] = command
        return command

    def _send(self, command: CommandRecord) -> CommandRecord:
        sent = self._put(commands.step(command, Event.SEND, self.now))
        self.to_send[sent.id] = sent
        return sent

    def _send_due(self, terminal: TerminalId) -> None:
        for command in tuple(self.open_commands(terminal)):
            if commands.due_for_sending(command, self.now):
                self._send(command)
