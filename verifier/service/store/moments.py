"""The store's clock: hours and entries are named by it, unless it made a step.

Its machine's clock can be set wrong as any other. While it lies apart from ours, which does not
follow steps (`runtime.clock`), ours counts, and the functions of the store are told.
"""

from typing import Any

from redis.asyncio import Redis

from runtime.clock import STEP_S, now_ms
from verifier.service.store.grants import GRANTS
from verifier.service.store.library import STEP


async def store_ms(redis: Redis) -> int:
    """Return the time by which the store names hours, Unix milliseconds.

    Raises:
        RedisError, OSError: the store is away.
    """
    stored, ours = await _read(redis), now_ms()
    return ours if _made_a_step(stored - ours) else stored


async def tell_step(redis: Redis, told: int) -> int:
    """Tell the store by how many seconds a step put its clock ahead; returns that.

    `told` is what it was told before: 0 is not said twice, all else is, since a store that starts
    again has forgotten it.

    Raises:
        RedisError, OSError: the store is away.
    """
    apart = await _read(redis) - now_ms()
    ahead = round(apart / 1000) if _made_a_step(apart) else 0
    if ahead or told:
        call: Any = redis.fcall(STEP, 1, GRANTS, str(ahead))
        await call
    return ahead


def _made_a_step(apart_ms: int) -> bool:
    return abs(apart_ms) > STEP_S * 1000


async def _read(redis: Redis) -> int:
    seconds, micros = await redis.time()
    return int(seconds) * 1000 + int(micros) // 1000
