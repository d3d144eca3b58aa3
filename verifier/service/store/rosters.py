"""Rosters of groups: `v:groups`, `v:roster-versions`, hashes by the group's id. Only issuing's.

What a row of `v:groups` says is the board's of rosters to know; here it is bytes.
"""

from collections.abc import Iterable
from typing import Any, Final

from redis.asyncio import Redis

_GROUPS: Final = "v:groups"
_VERSIONS: Final = "v:roster-versions"


async def next_roster_version(redis: Redis, group: bytes) -> int:
    """Take the next version of a group's roster; one that is not used leaves a gap.

    Raises:
        RedisError: the store is away; a version may have been taken.
    """
    return int(await redis.hincrby(_VERSIONS, group.hex(), 1))


async def read_groups(redis: Redis) -> dict[bytes, bytes]:
    """Return every group's row, by the group's id.

    Raises:
        RedisError: the store is away.
    """
    rows: dict[Any, Any] = await redis.hgetall(_GROUPS)
    return {bytes.fromhex(group.decode()): row for group, row in rows.items()}


async def keep_group(redis: Redis, group: bytes, row: bytes) -> None:
    """Keep a group's row in place of the older one.

    Raises:
        RedisError: the store is away; a second call is harmless.
    """
    octets: Any = row
    await redis.hset(_GROUPS, group.hex(), octets)


async def drop_groups(redis: Redis, groups: Iterable[bytes]) -> None:
    """Drop groups' rows; one group at least.

    Raises:
        RedisError: the store is away; a second call is harmless.
    """
    await redis.hdel(_GROUPS, *(group.hex() for group in groups))
