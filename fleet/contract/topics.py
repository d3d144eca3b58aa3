"""The topics: one table, from which the broker's ACL and the firmware's table are generated.

Names are parsed and written only here. A terminal's identity, `<id>.<generation>`, stands in each
of its topics and is the CN of its certificate. So a static ACL on the CN holds for a fleet of any
size, and an old key of the same id has topics of its own, where nobody listens or speaks. The shard
cannot be checked by an ACL, so it is checked on arrival. Nothing is retained.
Document: docs/terminal-contract.md.
"""

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final, NewType

from fleet.contract import messages
from fleet.contract.errors import Breach, ContractError

TerminalId = NewType("TerminalId", str)
"""`[a-z0-9-]{4,32}`."""
Shard = NewType("Shard", str)
"""One lower-case hex digit."""

SHARDS: Final = tuple(Shard(digit) for digit in "0123456789abcdef")
MAX_TOPIC_BYTES: Final = 64
"""Bytes; the longest topic of the table has 60."""
SHARD_CACHE: Final = 65_536
"""Terminals whose shard is remembered; twice the largest fleet planned for one broker."""

_TERMINAL_ID: Final = re.compile(r"[a-z0-9-]{4,32}", re.ASCII)
_UP: Final = re.compile(
    r"kapok/up/([0-9a-f])/([a-z0-9-]{4,32})\.([1-9][0-9]{0,5})/(birth|will|beat|reported|result)",
    re.ASCII,
)
_DOWN: Final = re.compile(
    r"kapok/down/([a-z0-9-]{4,32})\.([1-9][0-9]{0,5})/(ack|desired|command)", re.ASCII
)
IDENTITY: Final = "{terminal}.{generation}"
"""The part of a template that is the CN of the terminal's certificate."""


class Party(StrEnum):
    """Who may publish on a topic; the other side reads it."""

    TERMINAL = "terminal"
    FLEET = "fleet"


class TopicName(StrEnum):
    """The last part of a topic."""

    BIRTH = "birth"
    WILL = "will"
    BEAT = "beat"
    REPORTED = "reported"
    RESULT = "result"
    ACK = "ack"
    DESIRED = "desired"
    COMMAND = "command"
    BUNDLE = "bundle"


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicRule:
    """One row of the table."""

    name: TopicName
    template: str
    """With {shard}, {terminal} and {generation}."""
    publisher: Party
    qos: int
    message: type[messages.Message]
    what: str


TABLE: Final = (
    TopicRule(
        name=TopicName.BIRTH,
        template="kapok/up/{shard}/{terminal}.{generation}/birth",
        publisher=Party.TERMINAL,
        qos=1,
        message=messages.Birth,
        what="first message after each CONNECT: epoch, boot id, software, bundle versions",
    ),
    TopicRule(
        name=TopicName.WILL,
        template="kapok/up/{shard}/{terminal}.{generation}/will",
        publisher=Party.TERMINAL,
        qos=1,
        message=messages.Will,
        what="last will of the connection with that epoch; also sent before a DISCONNECT",
    ),
    TopicRule(
        name=TopicName.BEAT,
        template="kapok/up/{shard}/{terminal}.{generation}/beat",
        publisher=Party.TERMINAL,
        qos=0,
        message=messages.Beat,
        what="heartbeat every 30 s with jitter",
    ),
    TopicRule(
        name=TopicName.REPORTED,
        template="kapok/up/{shard}/{terminal}.{generation}/reported",
        publisher=Party.TERMINAL,
        qos=1,
        message=messages.Reported,
        what="the shadow as applied; kept by the terminal until acknowledged",
    ),
    TopicRule(
        name=TopicName.RESULT,
        template="kapok/up/{shard}/{terminal}.{generation}/result",
        publisher=Party.TERMINAL,
        qos=1,
        message=messages.Result,
        what="one word about one command; kept by the terminal until acknowledged",
    ),
    TopicRule(
        name=TopicName.ACK,
        template="kapok/down/{terminal}.{generation}/ack",
        publisher=Party.FLEET,
        qos=1,
        message=messages.Ack,
        what="highest reported and result sequence that the fleet has stored",
    ),
    TopicRule(
        name=TopicName.DESIRED,
        template="kapok/down/{terminal}.{generation}/desired",
        publisher=Party.FLEET,
        qos=1,
        message=messages.Desired,
        what="change of the shadow's desired part",
    ),
    TopicRule(
        name=TopicName.COMMAND,
        template="kapok/down/{terminal}.{generation}/command",
        publisher=Party.FLEET,
        qos=1,
        message=messages.Command,
        what="something to do, with its expiry",
    ),
    TopicRule(
        name=TopicName.BUNDLE,
        template="kapok/all/bundle",
        publisher=Party.FLEET,
        qos=1,
        message=messages.BundleNews,
        what="newest bundle versions, at most every 30 s",
    ),
)
RULES: Final = {rule.name: rule for rule in TABLE}


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic of the table, taken apart."""

    name: TopicName
    terminal: TerminalId | None
    """None on topics for everybody."""
    shard: Shard | None
    """As it stood in the topic; only topics to the fleet carry one."""
    generation: int | None = None
    """Of the terminal's identity; None: it is not addressed yet."""

    @property
    def shard_fits(self) -> bool:
        """Whether the shard is the terminal's."""
        if self.shard is None or self.terminal is None:
            return self.shard is None
        return self.shard == shard_of(self.terminal)

    def __str__(self) -> str:
        if self.terminal is not None and self.generation is None:
            raise ContractError(Breach.TOPIC_UNKNOWN)
        return RULES[self.name].template.format(
            shard=self.shard, terminal=self.terminal, generation=self.generation
        )


def terminal_id(text: str) -> TerminalId:
    """Check a terminal id.

    Raises:
        ContractError: it is none.
    """
    if _TERMINAL_ID.fullmatch(text) is None:
        raise ContractError(Breach.TOPIC_UNKNOWN)
    return TerminalId(text)


def identity_name(terminal: TerminalId, generation: int) -> str:
    """Return a terminal's identity: the CN of its certificate, and its name at the broker.

    Raises:
        ContractError: no terminal id, or no generation.
    """
    if not 1 <= generation <= messages.MAX_GENERATION:
        raise ContractError(Breach.TOPIC_UNKNOWN)
    return IDENTITY.format(terminal=terminal_id(terminal), generation=generation)


@lru_cache(maxsize=SHARD_CACHE)
def shard_of(terminal: TerminalId) -> Shard:
    """Return the low four bits of the first byte of SHA-256 of the id, as one hex digit."""
    return SHARDS[hashlib.sha256(terminal.encode()).digest()[0] & 0x0F]


def topic(
    name: TopicName, terminal: TerminalId | None = None, generation: int | None = None
) -> Topic:
    """Build a topic; topics for everybody take no terminal.

    Without a generation it is not addressed: whoever sends it adds the registry's.

    Raises:
        ContractError: the terminal id is none, is missing or is one too many.
    """
    rule = RULES[name]
    if ("{terminal}" in rule.template) != (terminal is not None):
        raise ContractError(Breach.TOPIC_UNKNOWN)
    if terminal is None:
        return Topic(name, None, None)
    checked = terminal_id(terminal)
    shard = shard_of(checked) if "{shard}" in rule.template else None
    return Topic(name, checked, shard, generation)


def parse(text: str) -> Topic:
    """Take a topic apart; whether the shard fits is the caller's question.

    Raises:
        ContractError: it is not in the table.
    """
    if (up := _UP.fullmatch(text)) is not None:
        return Topic(TopicName(up[4]), TerminalId(up[2]), Shard(up[1]), int(up[3]))
    if (down := _DOWN.fullmatch(text)) is not None:
        return Topic(TopicName(down[3]), TerminalId(down[1]), None, int(down[2]))
    if text == RULES[TopicName.BUNDLE].template:
        return Topic(TopicName.BUNDLE, None, None)
    raise ContractError(Breach.TOPIC_UNKNOWN)


def subscriptions(shard: Shard) -> tuple[tuple[str, int], ...]:
    """Return the (filter, QoS) pairs by which the fleet consumes one shard."""
    return tuple(
        (rule.template.replace(IDENTITY, "+").format(shard=shard), rule.qos)
        for rule in TABLE
        if rule.publisher is Party.TERMINAL
    )


def terminal_subscriptions(terminal: TerminalId, generation: int) -> tuple[tuple[str, int], ...]:
    """Return the (topic, QoS) pairs that a terminal subscribes to at every CONNECT."""
    return tuple(
        (rule.template.format(terminal=terminal, generation=generation), rule.qos)
        for rule in TABLE
        if rule.publisher is Party.FLEET
    )
