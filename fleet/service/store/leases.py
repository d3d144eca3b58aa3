"""Leases: which process serves a shard. Keys `f:{sX}:lease` (string, TTL) and `f:{sX}:fence`.

The fence counts takeovers and is what writes are checked against; the lease only says when a
successor may take over. A process that stalls past its lease does no harm: its number is old.
"""

from dataclasses import dataclass
from typing import Final, NewType

from redis.asyncio import Redis

from fleet.contract.topics import Shard
from fleet.service.store.functions import RELEASE, RENEW, TAKE

LEASE_MS: Final = 6_000
"""How long a shard stays unserved after its process has died."""
RENEW_S: Final = 2.0
"""Seconds between renewals: a third, so that two may fail."""

Fence = NewType("Fence", int)


def tag(shard: Shard) -> str:
    """Return the prefix of the shard's keys, hash tag included."""
    return f"f:{{s{shard}}}:"


def fence_key(shard: Shard) -> str:
    """Return the key of the shard's fencing number."""
    return tag(shard) + "fence"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leases:
    """Taking and keeping leases in the name of one process."""

    redis: Redis
    holder: str

    async def take(self, shard: Shard, *, own: bool) -> Fence | None:
        """Take a free lease; with `own`, also one in this process's name (after a crash)."""
        keys = (tag(shard) + "lease", fence_key(shard))
        fence = await self.redis.fcall(
            TAKE, 2, *keys, self.holder, str(LEASE_MS), "1" if own else "0"
        )
        return Fence(int(fence)) if fence else None

    async def renew(self, shard: Shard, fence: Fence) -> bool:
        """Keep a lease; False when another process has taken it."""
        keys = (tag(shard) + "lease", fence_key(shard))
        return bool(await self.redis.fcall(RENEW, 2, *keys, str(fence), self.holder, str(LEASE_MS)))

    async def release(self, shard: Shard, fence: Fence) -> None:
        """Give a lease back, when it is still ours."""
        keys = (tag(shard) + "lease", fence_key(shard))
        await self.redis.fcall(RELEASE, 2, *keys, str(fence))
