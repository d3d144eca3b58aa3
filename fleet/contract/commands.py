"""Commands: their types, what doing one twice would mean, the words of their life.

Delivery is at least once; each type declares its effect. A terminal does an at-most-once command
by writing `started` durably, acting, and writing the result; `started` without a result after a
restart is `unknown` and is never done again. The fleet's table of states is `fleet.commands`.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

MAX_EXPIRY_S: Final = 24 * 3600
"""Seconds; a command older than a day would surprise whoever stands at the gate."""
DEFAULT_EXPIRY_S: Final = 60
"""Seconds; an operator who opens a gate means now."""
KEEP_AFTER_EXPIRY_S: Final = 24 * 3600
"""Seconds that both sides remember a command's id after its expiry, to know a replay."""
RING_SIZE: Final = 256
"""Commands a terminal remembers; a full ring of unexpired ids rejects with `ring.full`."""


class Effect(StrEnum):
    """What carrying a command out twice would mean."""

    REPEATABLE = "repeatable"
    AT_MOST_ONCE = "at_most_once"


class CommandType(StrEnum):
    """What a terminal can be told to do."""

    OPEN_GATE = "open_gate"


class CommandState(StrEnum):
    """The life of a command, as the fleet keeps it."""

    CREATED = "created"
    """Stored, nothing else yet."""
    QUEUED = "queued"
    """Waits for the terminal to come online."""
    SENT = "sent"
    """Handed to the broker; it may or may not have arrived."""
    ACCEPTED = "accepted"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REJECTED = "rejected"
    """The terminal would not do it; nothing was done."""
    TIMED_OUT = "timed_out"
    """Sent, and no result in time: it may have been done."""
    EXPIRED = "expired"
    """Never sent in time, or the terminal says it came too late: it was not done."""
    CANCELLED = "cancelled"
    """Taken back before it was sent."""
    UNKNOWN = "unknown"
    """The terminal restarted while it acted; never done again."""


FINAL_STATES: Final = frozenset(
    {
        CommandState.SUCCEEDED,
        CommandState.FAILED,
        CommandState.REJECTED,
        CommandState.TIMED_OUT,
        CommandState.EXPIRED,
        CommandState.CANCELLED,
        CommandState.UNKNOWN,
    }
)


class ResultState(StrEnum):
    """The words a terminal may say of a command."""

    ACCEPTED = "accepted"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REJECTED = "rejected"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


class ResultCode(StrEnum):
    """Why; closed. `ok` goes with accepted, running and succeeded."""

    OK = "ok"
    TYPE_UNKNOWN = "type.unknown"
    """Rejected: this software does not know the command type."""
    ARGUMENTS_BAD = "arguments.bad"
    """Rejected."""
    CLOCK_UNSURE = "clock.unsure"
    """Rejected: expiry cannot be checked, and the command is of at-most-once kind."""
    RING_FULL = "ring.full"
    """Rejected: no room to remember the id."""
    SUSPENDED = "suspended"
    """Rejected: the terminal is suspended."""
    TOO_LATE = "too_late"
    """Expired: it arrived after `expires_at`."""
    HARDWARE = "hardware"
    """Failed: the gate did not answer or did not move."""
    RESTARTED = "restarted"
    """Unknown: the terminal restarted between start and result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandRule:
    """What the contract fixes for one command type."""

    effect: Effect
    run_limit_s: int
    """Seconds from `accepted` to a final word; past it the command is timed_out."""
    arguments: frozenset[str]
    """Names of the arguments it takes; others are refused."""


COMMAND_RULES: Final[dict[CommandType, CommandRule]] = {
    CommandType.OPEN_GATE: CommandRule(
        effect=Effect.AT_MOST_ONCE, run_limit_s=30, arguments=frozenset()
    ),
}
