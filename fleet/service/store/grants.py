"""Grants: `f:{grants}:version` (string), `:signed` (hash by terminal), `:order` (sorted set).

One counter runs over all, the ranks of grants; a terminal's newest grant replaces its older one.
Publishing compares the counter first, so two processes that read the registry at once do not give
one rank twice.
"""

from dataclasses import dataclass
from typing import Any, Final

from redis.asyncio import Redis

from fleet.contract.topics import TerminalId
from fleet.service.store.functions import PUBLISH
from verifier.contract.grant import Grant

_VERSION: Final = "f:{grants}:version"
_SIGNED: Final = "f:{grants}:signed"
_ORDER: Final = "f:{grants}:order"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Grants newer than a version, ascending, each terminal at most once."""

    version: int
    """Ask for what is newer than this next time."""
    signed: tuple[bytes, ...]


async def read_version(redis: Redis) -> int:
    """Return the counter; 0 before the first grant."""
    return int(await redis.get(_VERSION) or 0)


async def read_all(redis: Redis) -> dict[TerminalId, bytes]:
    """Return every terminal's newest signed grant."""
    rows: dict[Any, Any] = await redis.hgetall(_SIGNED)
    return {TerminalId(name.decode()): signed for name, signed in rows.items()}


async def publish(redis: Redis, before: int, grants: tuple[tuple[Grant, bytes], ...]) -> bool:
    """Store grants; False when the counter is no longer `before`."""
    arguments: list[str | bytes] = [str(before), str(grants[-1][0].rank)]
    for grant, signed in grants:
        arguments += (grant.terminal, str(grant.rank), signed)
    return bool(await redis.fcall(PUBLISH, 3, _VERSION, _SIGNED, _ORDER, *arguments))


async def read_after(redis: Redis, after: int, limit: int) -> Page:
    """Return the next grants after a version."""
    pipeline = redis.pipeline(transaction=True)
    pipeline.get(_VERSION)
    pipeline.zrangebyscore(_ORDER, f"({after}", "+inf", start=0, num=limit, withscores=True)
    version, rows = await pipeline.execute()
    if not rows:
        return Page(version=int(version or 0), signed=())
    signed: list[Any] = await redis.hmget(_SIGNED, [name for name, _ in rows])
    # A grant renewed between the two reads is newer than its place says; it comes again later.
    return Page(version=int(rows[-1][1]), signed=tuple(row for row in signed if row))
