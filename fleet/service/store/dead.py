"""Dead letters: stream `f:{sX}:dead`, what came and breaks the contract, with the reason."""

from typing import Final

from fleet.shard import Dead

MAX_LETTERS: Final = 10_000
"""Kept a shard, about; older ones are dropped first."""
MAX_PAYLOAD_BYTES: Final = 1024
"""Octets kept of a payload, enough to see what it was."""
MAX_TOPIC_CHARS: Final = 200


def letter_fields(letter: Dead, now: int) -> tuple[str | bytes, ...]:
    """Return what follows the key in the XADD of one letter."""
    return (
        "MAXLEN",
        "~",
        str(MAX_LETTERS),
        "*",
        "reason",
        letter.breach.value,
        "topic",
        letter.topic[:MAX_TOPIC_CHARS].encode(errors="replace"),
        "payload",
        letter.payload[:MAX_PAYLOAD_BYTES],
        "at",
        str(now),
    )
