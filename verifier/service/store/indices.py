"""Indices drawn at random, none twice: `v:taken:<list>:person|credential`, one bit per index.

A bit is set before its index is used, in one step of the store; it is never cleared, so no index
is used again before every credential that names it has expired.
"""

import secrets
from collections.abc import Sequence
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from verifier.errors import Outage
from verifier.service.store.erased import were_erased

TRIES: Final = 64
"""Draws before giving up: with nine of ten indices taken, one in a thousand draws fails."""


class ListFullError(Exception):
    """Almost every index of the list is taken: a new list is needed."""


async def draw(redis: Redis, list_number: int, kind: str, size: int) -> int:
    """Take a free index of `kind` (person or credential) of a list of `size`.

    Raises:
        ListFullError: no free one was found.
        Outage: the store is away.
    """
    key = f"v:taken:{list_number}:{kind}"
    for _ in range(TRIES):
        index = secrets.randbelow(size)
        try:
            taken: Any = await redis.setbit(key, index, 1)
        except (RedisError, OSError) as error:
            raise Outage("the store is away") from error
        if not taken:
            return index
    raise ListFullError(f"list {list_number}: no free {kind} index")


async def draw_many(redis: Redis, list_number: int, kind: str, size: int, count: int) -> list[int]:
    """Take `count` free indices of `kind` of a list of `size`, in few steps of the store.

    Raises:
        ListFullError: not enough free ones were found; those that were stay taken.
        RedisError: the store is away; some may stay taken.
    """
    drawn: list[int] = []
    for _ in range(TRIES):
        if len(drawn) == count:
            return drawn
        tried = list({secrets.randbelow(size) for _ in range(count - len(drawn))})
        words = [word for index in tried for word in ("SET", "u1", index, 1)]
        ask: Any = redis.execute_command
        before: list[Any] = await ask("BITFIELD", f"v:taken:{list_number}:{kind}", *words)
        drawn += [index for index, taken in zip(tried, before, strict=True) if not taken]
    raise ListFullError(f"list {list_number}: not enough free {kind} indices")


async def is_person(redis: Redis, list_number: int, person: int) -> bool:
    """Say whether an index is somebody's: it was given out, and nobody was erased there."""
    return (await are_persons(redis, list_number, [person]))[0]


async def are_persons(redis: Redis, list_number: int, persons: Sequence[int]) -> list[bool]:
    """Say of many indices whether each is somebody's."""
    taken = await are_taken(redis, list_number, "person", persons)
    gone = await were_erased(redis, list_number, persons)
    return [given and not erased for given, erased in zip(taken, gone, strict=True)]


async def is_taken(redis: Redis, list_number: int, kind: str, index: int) -> bool:
    """Say whether an index was ever given out."""
    return bool(await redis.getbit(f"v:taken:{list_number}:{kind}", index))


async def are_taken(
    redis: Redis, list_number: int, kind: str, indices: Sequence[int]
) -> list[bool]:
    """Say of many indices whether each was ever given out."""
    if not indices:
        return []
    words = [word for index in indices for word in ("GET", "u1", index)]
    ask: Any = redis.execute_command
    found: list[Any] = await ask("BITFIELD_RO", f"v:taken:{list_number}:{kind}", *words)
    return [bool(bit) for bit in found]
