"""Why something on the wire is not part of the contract. Closed; each is a dead letter's reason."""

from enum import StrEnum


class Breach(StrEnum):
    """What was wrong with a topic or a payload."""

    TOPIC_UNKNOWN = "topic.unknown"
    """Not a topic of the table, or its terminal id is none."""
    TOPIC_DIRECTION = "topic.direction"
    """A topic of the table, but not one that the fleet listens to."""
    TOPIC_SHARD = "topic.shard"
    """The shard in the topic is not the terminal's; the broker's ACL cannot check it."""
    RETAINED = "message.retained"
    """Nothing is retained; a retained message is from another time."""
    PAYLOAD_LONG = "payload.too_long"
    PAYLOAD_MALFORMED = "payload.malformed"
    TERMINAL_UNKNOWN = "terminal.unknown"
    """No terminal of that id is in the registry."""
    TERMINAL_REVOKED = "terminal.revoked"
    COMMAND_UNKNOWN = "command.unknown"
    """A result for a command that the fleet does not hold for this terminal."""
    GENERATION_WRONG = "generation.wrong"
    """Not of the enrolment that the registry knows."""
    CERTIFICATE_ENDED = "certificate.ended"
    """The terminal's certificate has ended; its connection was made before."""


class ContractError(ValueError):
    """A topic or a payload breaks the contract; the text never quotes the input."""

    def __init__(self, breach: Breach) -> None:
        super().__init__(breach.value)
        self.breach = breach
