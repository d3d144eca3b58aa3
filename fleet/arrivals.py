"""Arrivals: messages as they came from the broker, and whether they are part of the contract.

Pure. What is part of it is a `ReadMessage`; everything else is `Dead`, with its reason.
"""

from dataclasses import dataclass
from typing import Final

from fleet.contract import messages, topics
from fleet.contract.errors import Breach, ContractError
from fleet.contract.topics import Party, TerminalId, TopicName
from fleet.registry import Registry
from verifier.contract.vocabulary import GrantState


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


def read_arrival(
    arrival: Arrival, shard: topics.Shard, registry: Registry, now: int
) -> ReadMessage | Dead:
    """Check topic, shard, sender and payload of what came on a shard's session; `now` is in ms."""
    try:
        return _checked(arrival, shard, registry, now)
    except ContractError as error:
        return Dead(arrival.topic, arrival.payload, error.breach)


def _checked(arrival: Arrival, shard: topics.Shard, registry: Registry, now: int) -> ReadMessage:
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
    # The broker has checked the topic's generation against the certificate; the payload's is only
    # what the sender says.
    if topic.generation != terminal.generation:
        raise ContractError(Breach.GENERATION_WRONG)
    if terminal.ended(now):
        raise ContractError(Breach.CERTIFICATE_ENDED)
    message = messages.read(rule.message, arrival.payload)
    generation = message.epoch.generation if isinstance(message, _UP) else 0
    if generation != topic.generation:
        raise ContractError(Breach.GENERATION_WRONG)
    return ReadMessage(topic.name, topic.terminal, message, arrival.payload)


_UP: Final = (messages.Birth, messages.Will, messages.Beat, messages.Reported, messages.Result)
