"""Signed bundles: `v:bundles` (hash: name to version:digest), `v:bundle:<name>` (string: bytes).

Both are written in one transaction; a reader that finds bytes of another digest comes again. What
lies here is verified by whoever takes it: the store keeps bundles and vouches for none.
"""

import hashlib
from typing import Any, Final

from redis.asyncio import Redis

from verifier.contract.bundle import BundleVersion

VERSIONS: Final = "v:bundles"
BYTES: Final = "v:bundle:"
_MAX_DIGITS: Final = 20
"""Of 64 bits."""


async def read_versions(redis: Redis) -> dict[str, BundleVersion]:
    """Return what is published, by name.

    A row that is no version names a bundle that nobody can read: it is there, as version 0.

    Raises:
        RedisError: the store is away.
    """
    rows: dict[Any, Any] = await redis.hgetall(VERSIONS)
    found = {}
    for field, row in rows.items():
        name, value = field.decode(errors="replace"), row.decode(errors="replace")
        version, _, digest = value.partition(":")
        if not (version.isascii() and version.isdigit() and len(version) <= _MAX_DIGITS):
            version, digest = "0", ""
        found[name] = BundleVersion(name=name, version=int(version), digest=digest)
    return found


async def read_bundle(redis: Redis, version: BundleVersion) -> bytes | None:
    """Return the bytes of a version, or None while another one is being laid down."""
    data: Any = await redis.get(BYTES + version.name)
    if not isinstance(data, bytes) or hashlib.sha256(data).hexdigest() != version.digest:
        return None
    return data


async def remove_bundle(redis: Redis, name: str) -> None:
    """Withdraw a bundle."""
    pipeline = redis.pipeline(transaction=True)
    pipeline.delete(BYTES + name)
    pipeline.hdel(VERSIONS, name)
    await pipeline.execute()


async def publish_bundle(redis: Redis, name: str, version: int, data: bytes) -> None:
    """Publish a bundle in place of the older one."""
    digest = hashlib.sha256(data).hexdigest()
    pipeline = redis.pipeline(transaction=True)
    pipeline.set(BYTES + name, data)
    pipeline.hset(VERSIONS, name, f"{version}:{digest}")
    await pipeline.execute()
