"""Terminals that are held: what they uploaded contradicts what the centre knows, too often.

- `v:contradictions:<terminal>:<grant>`: points of an hour; gone with it.
- `v:holds` (hash): terminal to the version of the grant under which it is held. Another grant of
  the same terminal is not held: that is how the fleet lifts it.
"""

from typing import Any, Final

from redis.asyncio import Redis

from verifier.contract.grant import Grant

HOLDS: Final = "v:holds"


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


async def hold(redis: Redis, grant: Grant) -> None:
    """Hold a terminal for as long as it has this grant.

    Raises:
        RedisError, OSError: the store is away.
    """
    await redis.hset(HOLDS, grant.terminal, str(grant.rank))


async def read_holds(redis: Redis) -> dict[str, int]:
    """Return the held terminals and the versions of their grants.

    Raises:
        RedisError, OSError: the store is away.
    """
    rows: dict[Any, Any] = await redis.hgetall(HOLDS)
    return {terminal.decode(): int(version) for terminal, version in rows.items()}
