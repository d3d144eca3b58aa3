"""Signed grants: `v:grants` (hash: terminal to rank|bytes), so that a start needs no fleet."""

from collections.abc import Iterable
from typing import Any, Final

from redis.asyncio import Redis

from verifier.contract.grant import Grant
from verifier.service.store.library import KEEP_NEWEST

GRANTS: Final = "v:grants"
"""Key of the hash."""


async def read_grants(redis: Redis) -> tuple[bytes, ...]:
    """Return the newest signed grant of every terminal."""
    rows: dict[Any, Any] = await redis.hgetall(GRANTS)
    return tuple(value.partition(b"|")[2] for value in rows.values())


async def drop_grants(redis: Redis, terminals: Iterable[str]) -> None:
    """Forget the grants of terminals."""
    names = tuple(terminals)
    if names:
        await redis.hdel(GRANTS, *names)


async def keep_grant(redis: Redis, grant: Grant, signed: bytes) -> None:
    """Keep a verified grant unless a newer one is there."""
    await redis.fcall(KEEP_NEWEST, 1, GRANTS, grant.terminal, str(grant.rank), signed)
