"""The end of a plane in the store: `v:{status}:condemned:<list>:<plane>`, then nothing.

One step takes the plane from everybody (destroy.lua); its bytes are counted, then all keys that
hold anything of it are removed, its published snapshot among them. What the store's file still
has is the caller's to have rewritten. Every call may be made again.
"""

from typing import Any, Final, NamedTuple

from redis.asyncio import Redis

from verifier.contract.status import PlaneName
from verifier.service.store.bundles import read_versions, remove_bundle
from verifier.service.store.causes import forget_holds
from verifier.service.store.deltas import HEADS, PlaneHead, deltas_key, read_head
from verifier.service.store.library import CONDEMN
from verifier.service.store.planes import PLANES, changes_key, plane_key

_PAGE: Final = 1000
"""Keys looked at in one step of a search."""


class Condemned(NamedTuple):
    """A plane that nobody reads any more."""

    data: bytes | None
    """Its bytes; None: they are removed already."""
    head: PlaneHead | None
    """None: nothing was ever published, or it is removed already."""
    snapshot: str
    """SHA-256 of the published snapshot, in hex; empty: there is none."""


async def condemn(redis: Redis, name: PlaneName) -> Condemned:
    """Take a plane from everybody, for good.

    Raises:
        RedisError: the store is away; it may or may not have happened.
    """
    head: Any = await redis.fcall(
        CONDEMN, 6, PLANES, plane_key(name), _condemned_key(name), changes_key(name),
        deltas_key(name), HEADS, str(name),
    )  # fmt: skip
    data: Any = await redis.get(_condemned_key(name))
    snapshot = (await read_versions(redis)).get(name.bundle)
    return Condemned(
        data, read_head(head) if head else None, "" if snapshot is None else snapshot.digest
    )


async def remove(redis: Redis, name: PlaneName) -> None:
    """Remove every key that holds anything of a condemned plane.

    Raises:
        RedisError: the store is away; a second call does the rest.
    """
    await redis.delete(_condemned_key(name))
    await redis.hdel(HEADS, str(name))
    await remove_bundle(redis, name.bundle)
    await forget_holds(redis, name)
    async for key in redis.scan_iter(match=f"v:{{status}}:seen:{name}:*", count=_PAGE):
        await redis.delete(key)


def _condemned_key(name: PlaneName) -> str:
    return f"v:{{status}}:condemned:{name}"
