"""Follows the bundles that are published in the store, in the order of the table of kinds.

Planes have a follower of their own (`status.py`). A refused bundle is logged and counted once a
version; what was trusted before stays. When root or trust changes, what was refused before is tried
again, and one that was issued later than it is when time has passed. At start the published bundles
count as held: they were in force when the last worker ran, and one that has expired since leads to
the stance, not to a stop. The first looks also say what the store names and nobody here has judged:
the doors stay shut until that is nothing.
"""

import asyncio
import math
import time
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from runtime.clock import now
from runtime.logs import Log
from verifier.contract.bundle import BundleVersion
from verifier.contract.errors import MalformedError
from verifier.errors import BundleCause, BundleRefused, VerifierError
from verifier.service.process.floors import FloorFile
from verifier.service.store.bundles import read_bundle, read_versions
from verifier.service.worker.knowledge import Knowledge, SignedBundle
from verifier.service.worker.metrics import Metrics
from verifier.trust.bundle import TrustedSet
from verifier.trust.kinds import in_order, read_name, take

POLL_S: Final = 0.5
"""Seconds between looks at the published bundles."""
AGAIN_S: Final = 5.0
"""Seconds after which a bundle issued later than it is now is tried again."""


class BundleFollower:
    """Keeps a worker's knowledge at what is published and trust accepts."""

    def __init__(
        self,
        redis: Redis,
        trusted: TrustedSet,
        knowledge: Knowledge,
        log: Log,
        metrics: Metrics,
        floors: FloorFile,
    ) -> None:
        self._redis = redis
        self._trusted = trusted
        self._knowledge = knowledge
        self._log = log
        self._metrics = metrics
        self._floors = floors
        self._tried: dict[str, str] = {}
        self._refused: set[str] = set()
        self._again: dict[str, float] = {}
        """Name -> when a bundle that came too early may be tried again."""
        self._held = True

    async def run(self) -> None:
        """Follow until cancelled."""
        while True:
            try:
                await self.look()
            except (RedisError, OSError):
                pass
            else:
                self._held = False
            await asyncio.sleep(POLL_S)

    async def look(self) -> None:
        """Take what was published since.

        Raises:
            RedisError, OSError: the store is away.
        """
        versions = await read_versions(self._redis)
        for name in in_order(versions):
            version = versions[name]
            if _is_plane(name) or not self._due(version):
                continue
            data = await read_bundle(self._redis, version)
            if data is not None:
                await self._try(version, data)
        if self._knowledge.known.trust.version:
            # Before there is trust, what it says who may sign is refused, and tried again then.
            unread = (it for it in versions if not _is_plane(it) and not self._is_judged(it))
            self._knowledge.judged("bundles", unread)

    def _is_judged(self, name: str) -> bool:
        """Say whether a bundle was taken or refused; one that came too early was neither."""
        put_off = name in self._again and name not in self._knowledge.bundles
        return name in self._tried and not put_off

    def _due(self, version: BundleVersion) -> bool:
        if self._tried.get(version.name) != version.digest:
            return True
        return time.monotonic() > self._again.get(version.name, math.inf)

    async def _try(self, version: BundleVersion, data: bytes) -> None:
        name = version.name
        seen, self._tried[name] = self._tried.get(name) == version.digest, version.digest
        self._again.pop(name, None)
        try:
            await self._take(name, data)
        except (VerifierError, MalformedError) as error:
            cause = error.cause if isinstance(error, BundleRefused) else BundleCause.MALFORMED
            if cause is BundleCause.FUTURE:
                self._again[name] = time.monotonic() + AGAIN_S
            self._refused.add(name)
            if seen:
                return
            self._metrics.count(self._metrics.bundles_refused, cause)
            self._knowledge.refused[name] = f"version {version.version} ({cause})"
            self._log.warning(
                "bundle.refused", bundle=name, version=version.version, cause=cause, why=str(error)
            )
            return
        try:
            await asyncio.to_thread(self._floors.raise_to, dict(self._trusted.kept))
        except (OSError, ValueError) as error:
            self._log.error("floors.unkept", why=str(error))
        self._refused.discard(name)
        self._knowledge.refused.pop(name, None)
        self._knowledge.keep(SignedBundle(version=version, data=data))
        self._log.info("bundle.taken", bundle=name, version=version.version)
        read = read_name(name)
        if read is not None and read.kind.authority:
            for refused in self._refused:
                self._tried.pop(refused, None)

    async def _take(self, name: str, data: bytes) -> None:
        """Take a bundle; what is big is opened beside the event loop."""
        read = read_name(name)
        if read is not None and read.kind.passed(read, self._trusted):
            return  # only handed on, to a terminal that is behind it
        if read is None or len(data) < read.kind.big_bytes:
            taken = take(self._trusted, name, data, now(), held=self._held)
        else:
            taken = await asyncio.to_thread(take, self._trusted, name, data, now(), held=self._held)
        self._knowledge.learn(taken)


def _is_plane(name: str) -> bool:
    read = read_name(name)
    return read is not None and read.kind.plane
