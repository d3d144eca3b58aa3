"""Commands: one table of states and events; delivery at least once, effect as the type declares.

Pure: `now` in ms is handed over. The word of a terminal counts in every state before a final one;
after one, a final word that differs is kept as `late` and changes nothing. A command that was sent
and never answered is timed_out, not expired: it may have been done. What was never sent expires.
Vocabulary and limits: `fleet.contract.commands`.
"""

import secrets
from enum import StrEnum
from typing import Final

from msgspec import Struct, field, structs

from fleet.contract.commands import (
    COMMAND_RULES,
    DEFAULT_EXPIRY_S,
    FINAL_STATES,
    KEEP_AFTER_EXPIRY_S,
    MAX_EXPIRY_S,
    CommandState,
    CommandType,
    ResultCode,
    ResultState,
)
from fleet.contract.messages import Argument
from fleet.contract.messages import Command as CommandMessage
from fleet.contract.topics import TerminalId, shard_of
from fleet.errors import CommandError

ANSWER_GRACE_MS: Final = 10_000
"""After `expires_at` a sent command may still be answered by what was done just before it."""

_S = CommandState


class Event(StrEnum):
    """What can happen to a command."""

    QUEUE = "queue"
    """The terminal is not there."""
    SEND = "send"
    """Handed to the broker, for the first time or again."""
    CANCEL = "cancel"
    EXPIRE = "expire"
    """`expires_at` has passed."""
    TIME_OUT = "time_out"
    """No word within the limit."""
    ACCEPTED = "accepted"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REJECTED = "rejected"
    TOO_LATE = "too_late"
    """The terminal says it came after its expiry."""
    UNKNOWN = "unknown"


class CommandVerdict(StrEnum):
    """What the table says when the state does not change."""

    SAME = "same"
    """Nothing new: a repetition, or an older word that came after a newer one."""
    LATE = "late"
    """A final word after a final state: kept, without effect."""
    REFUSED = "refused"
    """Not possible in this state."""


_WORDS: Final[dict[Event, CommandState]] = {
    Event.ACCEPTED: _S.ACCEPTED,
    Event.RUNNING: _S.RUNNING,
    Event.SUCCEEDED: _S.SUCCEEDED,
    Event.FAILED: _S.FAILED,
    Event.REJECTED: _S.REJECTED,
    Event.TOO_LATE: _S.EXPIRED,
    Event.UNKNOWN: _S.UNKNOWN,
}
RESULT_EVENTS: Final[dict[ResultState, Event]] = {
    ResultState.ACCEPTED: Event.ACCEPTED,
    ResultState.RUNNING: Event.RUNNING,
    ResultState.SUCCEEDED: Event.SUCCEEDED,
    ResultState.FAILED: Event.FAILED,
    ResultState.REJECTED: Event.REJECTED,
    ResultState.EXPIRED: Event.TOO_LATE,
    ResultState.UNKNOWN: Event.UNKNOWN,
}
_FINAL_ROW: Final[dict[Event, CommandVerdict]] = {
    Event.QUEUE: CommandVerdict.REFUSED,
    Event.SEND: CommandVerdict.REFUSED,
    Event.CANCEL: CommandVerdict.REFUSED,
    Event.EXPIRE: CommandVerdict.SAME,
    Event.TIME_OUT: CommandVerdict.SAME,
    Event.ACCEPTED: CommandVerdict.SAME,
    Event.RUNNING: CommandVerdict.SAME,
    Event.SUCCEEDED: CommandVerdict.LATE,
    Event.FAILED: CommandVerdict.LATE,
    Event.REJECTED: CommandVerdict.LATE,
    Event.TOO_LATE: CommandVerdict.LATE,
    Event.UNKNOWN: CommandVerdict.LATE,
}
_OPEN_ROWS: Final[dict[CommandState, dict[Event, CommandState | CommandVerdict]]] = {
    _S.CREATED: {
        Event.QUEUE: _S.QUEUED,
        Event.SEND: _S.SENT,
        Event.CANCEL: _S.CANCELLED,
        Event.EXPIRE: _S.EXPIRED,
        Event.TIME_OUT: CommandVerdict.SAME,
        **_WORDS,
    },
    _S.QUEUED: {
        Event.QUEUE: CommandVerdict.SAME,
        Event.SEND: _S.SENT,
        Event.CANCEL: _S.CANCELLED,
        Event.EXPIRE: _S.EXPIRED,
        Event.TIME_OUT: CommandVerdict.SAME,
        **_WORDS,
    },
    _S.SENT: {
        Event.QUEUE: CommandVerdict.SAME,
        Event.SEND: CommandVerdict.SAME,
        Event.CANCEL: CommandVerdict.REFUSED,
        Event.EXPIRE: CommandVerdict.SAME,
        Event.TIME_OUT: _S.TIMED_OUT,
        **_WORDS,
    },
    _S.ACCEPTED: {
        Event.QUEUE: CommandVerdict.SAME,
        Event.SEND: CommandVerdict.SAME,
        Event.CANCEL: CommandVerdict.REFUSED,
        Event.EXPIRE: CommandVerdict.SAME,
        Event.TIME_OUT: _S.TIMED_OUT,
        **_WORDS,
        Event.ACCEPTED: CommandVerdict.SAME,
    },
    _S.RUNNING: {
        Event.QUEUE: CommandVerdict.SAME,
        Event.SEND: CommandVerdict.SAME,
        Event.CANCEL: CommandVerdict.REFUSED,
        Event.EXPIRE: CommandVerdict.SAME,
        Event.TIME_OUT: _S.TIMED_OUT,
        **_WORDS,
        Event.ACCEPTED: CommandVerdict.SAME,
        Event.RUNNING: CommandVerdict.SAME,
    },
}
TABLE: Final[dict[tuple[CommandState, Event], CommandState | CommandVerdict]] = {
    (state, event): verdict
    for state in CommandState
    for event, verdict in (_FINAL_ROW if state in FINAL_STATES else _OPEN_ROWS[state]).items()
}
"""Complete: every state meets every event."""


class Order(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What somebody wants done."""

    type: CommandType
    caller: str
    expires_in_s: int = DEFAULT_EXPIRY_S
    arguments: dict[str, Argument] = field(default_factory=dict)


class Late(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A final word that came after the command had ended without it."""

    state: CommandState
    code: ResultCode
    at: int


class CommandRecord(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A command and where it stands; times in ms."""

    id: str
    terminal: str
    type: CommandType
    caller: str
    """Who gave it."""
    created_at: int
    expires_at: int
    state: CommandState = CommandState.CREATED
    changed_at: int
    sent: int = 0
    """How often it was handed to the broker."""
    code: ResultCode | None = None
    late: Late | None = None
    arguments: dict[str, Argument] = field(default_factory=dict)

    @property
    def finished(self) -> bool:
        """Whether nothing more will be done about it."""
        return self.state in FINAL_STATES

    @property
    def forget_at(self) -> int:
        """Return when its id may be forgotten, in ms."""
        return self.expires_at + KEEP_AFTER_EXPIRY_S * 1000

    @property
    def message(self) -> CommandMessage:
        """Return what the terminal is told."""
        return CommandMessage(
            id=self.id,
            type=self.type,
            issued_at=self.created_at,
            expires_at=self.expires_at,
            arguments=self.arguments,
        )


def new_id(terminal: TerminalId) -> str:
    """Make a command id: the terminal's shard, then 124 random bits."""
    return shard_of(terminal) + secrets.token_hex(16)[1:]


def create(order: Order, *, command_id: str, terminal: TerminalId, now: int) -> CommandRecord:
    """Make a command, not yet stored.

    Raises:
        CommandError: `expiry.range` or `arguments.bad`.
    """
    if not 1 <= order.expires_in_s <= MAX_EXPIRY_S:
        raise CommandError("expiry.range")
    if not order.arguments.keys() <= COMMAND_RULES[order.type].arguments:
        raise CommandError("arguments.bad")
    return CommandRecord(
        id=command_id,
        terminal=terminal,
        type=order.type,
        caller=order.caller,
        created_at=now,
        expires_at=now + order.expires_in_s * 1000,
        changed_at=now,
        arguments=order.arguments,
    )


def step(
    command: CommandRecord, event: Event, now: int, code: ResultCode | None = None
) -> CommandRecord:
    """Apply one event; returns the same value when nothing changes.

    Raises:
        CommandError: `state.refused`, the event is not possible in this state.
    """
    outcome = TABLE[command.state, event]
    if outcome is CommandVerdict.REFUSED:
        raise CommandError("state.refused")
    if event is Event.SEND:
        command = structs.replace(command, sent=command.sent + 1)
    if outcome is CommandVerdict.LATE:
        return _keep_late(command, _WORDS[event], code or ResultCode.OK, now)
    if isinstance(outcome, CommandVerdict):
        return command
    return structs.replace(command, state=outcome, changed_at=now, code=code or command.code)


def result(command: CommandRecord, state: ResultState, code: ResultCode, now: int) -> CommandRecord:
    """Apply a terminal's word."""
    return step(command, RESULT_EVENTS[state], now, code)


def tick(command: CommandRecord, now: int) -> CommandRecord:
    """Let time pass: expiry and limits."""
    if command.finished:
        return command
    if now >= command.expires_at:
        command = step(command, Event.EXPIRE, now)
    if not command.finished and now >= deadline(command):
        command = step(command, Event.TIME_OUT, now)
    return command


def deadline(command: CommandRecord) -> int:
    """Return when the next change by time alone is due, in ms."""
    if command.state is CommandState.SENT:
        return command.expires_at + ANSWER_GRACE_MS
    if command.state in (CommandState.ACCEPTED, CommandState.RUNNING):
        return command.changed_at + COMMAND_RULES[command.type].run_limit_s * 1000
    return command.expires_at


def due_for_sending(command: CommandRecord, now: int) -> bool:
    """Whether to hand it to the broker, at birth or after a restart.

    What the terminal has begun is sent even past its expiry: the terminal answers from its ring.
    """
    if command.state in (CommandState.ACCEPTED, CommandState.RUNNING):
        return True
    return not command.finished and now < command.expires_at


def _keep_late(
    command: CommandRecord, state: CommandState, code: ResultCode, now: int
) -> CommandRecord:
    if state is command.state or command.late is not None:
        # A replay of what is known; the first late word stands.
        return command
    return structs.replace(command, late=Late(state=state, code=code, at=now))
