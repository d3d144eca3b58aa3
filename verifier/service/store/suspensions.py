"""Terminals that workers suspended: their uploads contradict what the centre knows, too often.

- `v:contradictions:<terminal>:<grant>`: points of an hour; gone with it.
- `v:suspended` (hash): terminal to the rank of the grant under which it is suspended. Another grant
  of the same terminal is not: that is how the fleet ends it.
"""

from typing import Any, Final

from redis.asyncio import Redis

from verifier.contract.grant import Grant

SUSPENDED: Final = "v:suspended"
MAX_RANK_DIGITS: Final = 20
"""Of 64 bits."""


async def count_contradictions(redis: Redis, grant: Grant, points: int, *, seconds: int) -> int:
    """Add points of a terminal; returns how many it has within the window of so many seconds.

    Raises:
        RedisError, OSError: the store is away.
    """
    key = f"v:contradictions:{grant.terminal}:{grant.rank}"
    pipeline = redis.pipeline(transaction=True)
    pipeline.incrby(key, points)
    pipeline.expire(key, seconds, nx=True)
    total, _ = await pipeline.execute()
    return int(total)


async def suspend(redis: Redis, grant: Grant) -> None:
    """Suspend a terminal for as long as it has this grant.

    Raises:
        RedisError, OSError: the store is away.
    """
    await redis.hset(SUSPENDED, grant.terminal, str(grant.rank))


async def read_suspensions(redis: Redis) -> dict[str, int]:
    """Return the suspended terminals and the ranks of their grants.

    Every worker writes here: what is no terminal and rank suspends nobody, and ends no worker.

    Raises:
        RedisError, OSError: the store is away.
    """
    rows: dict[Any, Any] = await redis.hgetall(SUSPENDED)
    return {
        terminal.decode(): int(rank)
        for terminal, rank in rows.items()
        if terminal.isascii() and rank.isdigit() and len(rank) <= MAX_RANK_DIGITS
    }
