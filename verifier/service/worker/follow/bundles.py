"""Follows the bundles that are published in the store, in the order root, trust, all else.

A refused bundle is logged and counted once a version; what was trusted before stays. When root or
trust changes, what was refused before is tried again. At start the published bundles count as held:
they were in force when the last worker ran, and one that has expired since leads to the stance, not
to a stop.
"""

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

from redis.asyncio import Redis
from redis.exceptions import RedisError

from runtime.clock import now
from runtime.logs import Log
from verifier.contract.bundle import (
    APPOINTMENTS_OF,
    CARDS,
    ROOT_STEP,
    ROSTERS_OF,
    BundleVersion,
)
from verifier.contract.destruction import CERTIFICATE_OF
from verifier.contract.errors import MalformedError
from verifier.errors import BundleCause, BundleRefused, VerifierError
from verifier.service.process.floors import FloorFile
from verifier.service.process.metrics import Metrics
from verifier.service.store.bundles import read_bundle, read_versions
from verifier.service.worker.knowledge import Knowledge, SignedBundle
from verifier.trust.bundle import TrustedSet

POLL_S: Final = 0.5
"""Seconds between looks at the published bundles."""
BIG_BYTES: Final = 256 * 1024
"""Bytes from which a bundle is opened beside the event loop, not in it."""
MANY_BYTES: Final = 32 * 1024
"""The same of appointments, which are many small entries: 2,000 take 6 ms."""
_ORDER: Final = {"root": 0, "trust": 1, "profiles": 2}
_AFTER_ALL: Final = 3
PLANES: Final = "status-"
"""How the names begin that `status.py` follows."""
Value = TypeVar("Value")


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
        for name in sorted(versions, key=_rank):
            version = versions[name]
            if name.startswith(PLANES) or self._tried.get(name) == version.digest:
                continue
            data = await read_bundle(self._redis, version)
            if data is not None:
                await self._try(version, data)

    async def _try(self, version: BundleVersion, data: bytes) -> None:
        name = version.name
        self._tried[name] = version.digest
        try:
            await self._take(name, data)
        except (VerifierError, MalformedError) as error:
            cause = error.cause if isinstance(error, BundleRefused) else BundleCause.MALFORMED
            self._refused.add(name)
            self._metrics.count(self._metrics.bundles_refused, cause)
            self._knowledge.refused[name] = f"version {version.version} ({cause})"
            self._log.warning(
                "bundle.refused", bundle=name, version=version.version, cause=cause, why=str(error)
            )
            return
        try:
            await asyncio.to_thread(self._floors.raise_to, dict(self._trusted.floors))
        except (OSError, ValueError) as error:
            self._log.error("floors.unkept", why=str(error))
        self._refused.discard(name)
        self._knowledge.refused.pop(name, None)
        self._knowledge.keep(SignedBundle(version=version, data=data))
        self._log.info("bundle.taken", bundle=name, version=version.version)
        if name in ("root", "trust"):
            for refused in self._refused:
                self._tried.pop(refused, None)

    async def _take(self, name: str, data: bytes) -> None:
        trusted, knowledge, held = self._trusted, self._knowledge, self._held
        if name == "root":
            trusted.take_root(data, now())
        elif (step := ROOT_STEP.fullmatch(name)) is not None:
            # One that is behind us is only handed on, to a terminal that is behind it.
            if int(step[1]) > trusted.root_version:
                trusted.take_root(data, now(), passing=True)
        elif name == "trust":
            knowledge.replace_trust(trusted.take_trust(data, now(), held=held))
        elif name == "profiles":
            knowledge.replace_profiles(trusted.take_profiles(data, now(), held=held).value)
        elif name == CARDS:
            knowledge.replace_cards((await self._beside(trusted.take_cards, data)).value)
        elif (of := ROSTERS_OF.fullmatch(name)) is not None:
            self._take_rosters(of[1], data)
        elif (of := APPOINTMENTS_OF.fullmatch(name)) is not None:
            await self._take_appointments(of[1], data)
        elif CERTIFICATE_OF.fullmatch(name) is not None:
            self._take_destruction(name, data)
        else:
            raise BundleRefused(BundleCause.MALFORMED, "a bundle of no known name")

    def _take_rosters(self, place: str, data: bytes) -> None:
        rosters = self._trusted.take_rosters(data, now(), held=self._held).value
        if rosters.place != place:
            raise BundleRefused(BundleCause.MALFORMED, "rosters on another place's place")
        self._knowledge.replace_rosters(rosters)

    async def _take_appointments(self, place: str, data: bytes) -> None:
        take = self._trusted.take_appointments
        appointments = (await self._beside(take, data, big=MANY_BYTES)).value
        if appointments.place != place:
            raise BundleRefused(BundleCause.MALFORMED, "appointments on another place's place")
        self._knowledge.replace_appointments(appointments)

    def _take_destruction(self, name: str, data: bytes) -> None:
        document = self._trusted.take_destruction(data, now(), held=self._held)
        if document.name != name:
            raise BundleRefused(BundleCause.MALFORMED, "a certificate on another plane's place")
        self._knowledge.forget_plane(document.list, document.plane)

    async def _beside(
        self, take: Callable[..., Value], data: bytes, *, big: int = BIG_BYTES
    ) -> Value:
        """Have what may be big opened beside the event loop."""
        if len(data) < big:
            return take(data, now(), held=self._held)
        return await asyncio.to_thread(take, data, now(), held=self._held)


def _rank(name: str) -> tuple[int, int, str]:
    """Order names so that each comes after what it leans on; roots one by one, the newest last."""
    step = ROOT_STEP.fullmatch(name)
    if step is not None:
        return -1, int(step[1]), name
    return _ORDER.get(name, _AFTER_ALL), 0, name
