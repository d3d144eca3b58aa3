"""Who was erased: an index stays nobody's for good, whoever still names it.

    v:{status}:erased:<list>    string: a bit per person index, set before anything of it is erased

`change` (status.lua) reads it in its own step: a value for somebody who was erased is not written,
so that neither a batch under way nor a source that sends by index brings a value back.
"""

from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis


def erased_key(list_number: int) -> str:
    """Return where it stands who of a list was erased."""
    return f"v:{{status}}:erased:{list_number}"


async def mark_erased(redis: Redis, list_number: int, person: int) -> None:
    """Note that a person is erased: from here on no value of a plane is written for the index.

    Raises:
        RedisError: the store is away.
    """
    await redis.setbit(erased_key(list_number), person, 1)


async def were_erased(redis: Redis, list_number: int, persons: Sequence[int]) -> list[bool]:
    """Say of many person indices whether each was erased.

    Raises:
        RedisError: the store is away.
    """
    if not persons:
        return []
    words = [word for person in persons for word in ("GET", "u1", person)]
    ask: Any = redis.execute_command
    found: list[Any] = await ask("BITFIELD_RO", erased_key(list_number), *words)
    return [bool(bit) for bit in found]
