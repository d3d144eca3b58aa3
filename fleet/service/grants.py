"""Granting: loads the registry, signs and publishes what changed, lets followers wait for it."""

import asyncio
from collections.abc import Callable
from typing import Final

from redis.asyncio import Redis

from fleet import identity
from fleet.contract.topics import TerminalId
from fleet.errors import RegistryError
from fleet.grants import GrantKey, changed_grants, rank_before, seal_grants
from fleet.registry import Registry, read_registry
from fleet.service.files import read_key, read_text
from fleet.service.grant_floor import GrantFloor
from fleet.service.store import grants as store
from verifier.contract.envelope import take_apart
from verifier.contract.errors import MalformedError
from verifier.contract.grant import Grant, read_grant

POLL_S: Final = 1.0
"""Seconds until a follower here hears of a grant that another process published."""
ATTEMPTS: Final = 5
"""Tries to publish while other processes publish too."""


def load_registry(path: str) -> Registry:
    """Read the registry file.

    Raises:
        RegistryError: it cannot be read or does not hold.
    """
    return read_registry(read_text(path, "the registry", RegistryError))


def load_grant_key(path: str) -> GrantKey:
    """Read the key that signs grants.

    Raises:
        SettingsError: it cannot be read or is no P-256 key.
    """
    key = read_key(path, "grant_key")
    return GrantKey(kid=identity.kid_of(key.public_key()), sign=identity.signer(key))


class GrantPublisher:
    """Publishes grants and serves them to followers."""

    def __init__(self, redis: Redis, key: GrantKey, floor: GrantFloor) -> None:
        self._redis = redis
        self._key = key
        self._floor = floor
        self._published = asyncio.Condition()
        self._closed = False

    async def publish(self, registry: Registry) -> int:
        """Publish what changed; returns how many grants.

        Where the store was set back an incarnation begins, and all is published anew in it.

        Raises:
            RegistryError: other processes keep publishing something else, or no rank is left.
            SettingsError: the floor of grants cannot be read.
            OSError: the floor cannot be kept; nothing was published.
        """
        async with self._floor.held():
            for _ in range(ATTEMPTS):
                stored = await store.read_version(self._redis)
                known, old_key = self._read(await store.read_all(self._redis))
                after, begins = rank_before(stored, self._floor.read())
                renew = known.keys() if begins else old_key
                changed = changed_grants(registry, known, after, renew)
                if not changed:
                    return 0
                self._floor.keep(changed[-1].rank)
                if await store.publish(self._redis, stored, seal_grants(changed, self._key)):
                    async with self._published:
                        self._published.notify_all()
                    return len(changed)
        raise RegistryError("another process keeps publishing grants")

    async def set_back(self) -> bool:
        """Say whether the store has forgotten grants that were given.

        Raises:
            SettingsError: the floor of grants cannot be read.
        """
        stored = await store.read_version(self._redis)
        return stored < self._floor.read()

    async def close(self) -> None:
        """Answer everybody who waits: the process is stopping."""
        async with self._published:
            self._closed = True
            self._published.notify_all()

    async def follow(
        self, after: int, wait_s: float, limit: int, gone: Callable[[], bool] = lambda: False
    ) -> store.Page:
        """Return the grants after a version, waiting for one at most `wait_s` seconds.

        Who is `gone` is not waited for any longer than POLL_S.
        """
        deadline = asyncio.get_running_loop().time() + wait_s
        while True:
            page = await store.read_after(self._redis, after, limit)
            left = deadline - asyncio.get_running_loop().time()
            if page.signed or page.version > after or left <= 0 or self._closed or gone():
                return page
            async with self._published:
                try:
                    async with asyncio.timeout(min(left, POLL_S)):
                        await self._published.wait()
                except TimeoutError:
                    continue

    def _read(
        self, signed: dict[TerminalId, bytes]
    ) -> tuple[dict[TerminalId, Grant], set[TerminalId]]:
        """Return what was published, and which of it another key has signed."""
        grants, old_key = {}, set()
        for terminal, data in signed.items():
            try:
                envelope = take_apart(data)
                grants[terminal] = read_grant(envelope.payload)
            except MalformedError:
                continue
            if envelope.kid != self._key.kid:
                old_key.add(terminal)
        return grants, old_key
