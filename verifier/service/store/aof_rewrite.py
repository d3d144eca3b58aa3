"""Rewriting the store's append-only file, so that what was removed is no longer in its bytes.

The store's file keeps every command until it is rewritten from what is there; then Redis unlinks
the old files. What the disk itself keeps of unlinked files is not in our hands (docs/privacy.md).
"""

import asyncio
from typing import Any, Final

from redis.asyncio import Redis

REWRITE_S: Final = 600.0
"""Seconds; 8 million scans are some 4 GB, which a slow disk writes in two minutes."""
POLL_S: Final = 0.1
_BUSY: Final = ("aof_rewrite_in_progress", "aof_rewrite_scheduled")


class RewriteError(Exception):
    """The file could not be rewritten: what was removed may still be in it."""


async def rewrite_file(redis: Redis, *, seconds: float = REWRITE_S) -> None:
    """Rewrite the append-only file from what the store holds now, and wait until it is done.

    Raises:
        RewriteError: the store could not, or not in time.
        RedisError: it is away.
    """
    try:
        async with asyncio.timeout(seconds):
            await _idle(redis)  # one under way may have begun before the last removal
            # By its words: the client's own method reads another answer than Redis 7 gives.
            await redis.execute_command("BGREWRITEAOF")  # type: ignore[no-untyped-call]
            state = await _idle(redis)
    except TimeoutError:
        raise RewriteError("the store has not rewritten its file in time") from None
    if state.get("aof_last_bgrewrite_status") != "ok":
        raise RewriteError("the store could not rewrite its file: look at its disk")


async def _idle(redis: Redis) -> dict[str, Any]:
    while True:
        state: dict[str, Any] = await redis.info("persistence")
        if not any(int(state.get(name, 0)) for name in _BUSY):
            return state
        await asyncio.sleep(POLL_S)
