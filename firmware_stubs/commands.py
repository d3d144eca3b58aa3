"""Commands at the terminal: at most once, whatever the network repeats. Pure.

Delivery is at least once, so every id is remembered in a ring until its expiry and a day more. For
each arriving command this file says what must be written before anything is done, what is said to
the fleet, and whether to act. `started` is durable before the act; found without a result after a
restart it becomes `unknown` and is never done again. A repetition is answered from the ring with
the same word; a rejection is remembered too, since the fleet takes it as final.
Vocabulary: `fleet.contract.commands`. Document: docs/terminal.md, "Commands".
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import msgspec

from fleet.contract.commands import (
    COMMAND_RULES,
    KEEP_AFTER_EXPIRY_S,
    MAX_EXPIRY_S,
    RING_SIZE,
    CommandType,
    Effect,
    ResultCode,
    ResultState,
)
from fleet.contract.errors import Breach, ContractError
from fleet.contract.messages import Command, CommandId, read
from runtime.json_depth import check_depth

_KEEP_MS: Final = KEEP_AFTER_EXPIRY_S * 1000
_MAX_AHEAD_MS: Final = (MAX_EXPIRY_S + KEEP_AFTER_EXPIRY_S) * 1000
"""An id is never remembered longer than that, whatever expiry a wrong message claims."""


class RingEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A command in the ring: the last word that was said of it."""

    id: CommandId
    forget_at: int
    """Unix milliseconds."""
    state: ResultState
    code: ResultCode


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What is said to the fleet; becomes a `Result` with the next sequence."""

    command: str
    state: ResultState
    code: ResultCode


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandPlan:
    """What to do: write `entry` and `word` in one transaction, then act if `act` names a type."""

    entry: RingEntry | None = None
    word: Word | None = None
    act: CommandType | None = None


NOTHING: Final = CommandPlan()


class Unreadable(msgspec.Struct, frozen=True, kw_only=True):
    """A command of which only the id can be read."""

    id: CommandId
    code: ResultCode


class _Name(msgspec.Struct, frozen=True, kw_only=True):
    id: CommandId
    type: str


_name_of = msgspec.json.Decoder(_Name)


def read_command(payload: bytes) -> Command | Unreadable | None:
    """Read a command; None when nobody could be answered, since not even an id is there."""
    try:
        return read(Command, payload)
    except ContractError as error:
        if error.breach is Breach.PAYLOAD_LONG:
            return None
    try:
        check_depth(payload)
        named = _name_of.decode(payload)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    known = named.type in set(CommandType)
    code = ResultCode.ARGUMENTS_BAD if known else ResultCode.TYPE_UNKNOWN
    return Unreadable(id=named.id, code=code)


class Ring:
    """The commands of the last days, by id; bounded by RING_SIZE."""

    def __init__(self, entries: Iterable[RingEntry] = ()) -> None:
        self._entries = {entry.id: entry for entry in entries}

    def __len__(self) -> int:
        return len(self._entries)

    def entries(self) -> tuple[RingEntry, ...]:
        """Return what is remembered."""
        return tuple(self._entries.values())

    def receive(
        self,
        command: Command | Unreadable,
        *,
        now: int,
        clock_sure: bool,
        suspended: bool,
        retained: bool,
    ) -> CommandPlan:
        """Judge an arriving command; `now` in Unix milliseconds."""
        if retained:
            # Nothing is retained: this one was said to somebody else, at another time.
            return NOTHING
        known = self._entries.get(command.id)
        if known is not None:
            return CommandPlan(word=_word(known))
        self._purge(now)
        if len(self._entries) >= RING_SIZE:
            full = (ResultState.REJECTED, ResultCode.RING_FULL)
            return CommandPlan(word=Word(command=command.id, state=full[0], code=full[1]))
        state, code = _judge(command, now=now, clock_sure=clock_sure, suspended=suspended)
        expires = command.expires_at if isinstance(command, Command) else now
        entry = RingEntry(
            id=command.id,
            forget_at=min(expires + _KEEP_MS, now + _MAX_AHEAD_MS),
            state=state,
            code=code,
        )
        self._entries[entry.id] = entry
        if isinstance(command, Command) and state is ResultState.RUNNING:
            return CommandPlan(entry=entry, word=_word(entry), act=command.type)
        return CommandPlan(entry=entry, word=_word(entry))

    def finish(self, command: str, *, done: bool) -> CommandPlan:
        """Take in what became of an act."""
        entry = self._entries.get(command)
        if entry is None or entry.state is not ResultState.RUNNING:
            return NOTHING
        state = ResultState.SUCCEEDED if done else ResultState.FAILED
        code = ResultCode.OK if done else ResultCode.HARDWARE
        return self._last(entry, state, code)

    def unwritten(self, plan: CommandPlan) -> None:
        """Take in that a plan did not reach the disk: nothing was begun, and it may come again.

        What became of an act is kept: it was done, whatever the disk says.
        """
        if plan.act is not None and plan.entry is not None:
            self._entries.pop(plan.entry.id, None)

    def restarted(self) -> tuple[CommandPlan, ...]:
        """Settle what was started and has no result: unknown, never done again."""
        return tuple(
            self._last(entry, ResultState.UNKNOWN, ResultCode.RESTARTED)
            for entry in self.entries()
            if entry.state is ResultState.RUNNING
        )

    def _last(self, entry: RingEntry, state: ResultState, code: ResultCode) -> CommandPlan:
        last = msgspec.structs.replace(entry, state=state, code=code)
        self._entries[last.id] = last
        return CommandPlan(entry=last, word=_word(last))

    def _purge(self, now: int) -> None:
        """Forget ids that are past their time; one that still runs is never past it."""
        for entry in self.entries():
            if entry.forget_at < now and entry.state is not ResultState.RUNNING:
                del self._entries[entry.id]


def _judge(
    command: Command | Unreadable, *, now: int, clock_sure: bool, suspended: bool
) -> tuple[ResultState, ResultCode]:
    if isinstance(command, Unreadable):
        return ResultState.REJECTED, command.code
    rule = COMMAND_RULES[command.type]
    if not command.arguments.keys() <= rule.arguments:
        return ResultState.REJECTED, ResultCode.ARGUMENTS_BAD
    if not 0 < command.expires_at - command.issued_at <= MAX_EXPIRY_S * 1000:
        return ResultState.REJECTED, ResultCode.ARGUMENTS_BAD
    if suspended:
        return ResultState.REJECTED, ResultCode.SUSPENDED
    if not clock_sure and rule.effect is Effect.AT_MOST_ONCE:
        return ResultState.REJECTED, ResultCode.CLOCK_UNSURE
    if now >= command.expires_at:
        return ResultState.EXPIRED, ResultCode.TOO_LATE
    return ResultState.RUNNING, ResultCode.OK


def _word(entry: RingEntry) -> Word:
    return Word(command=entry.id, state=entry.state, code=entry.code)
