"""Follows the planes: a published snapshot, then every delta as it is published.

Nothing is half applied: each delta makes a new immutable plane, and a scan sees the one or the
other. A gap or a fork keeps the plane as it was known, is counted and logged, and has it taken
anew: the published snapshot, with the deltas that follow it, all or nothing; where nothing was
known, as far as they hold. What was known before
stays as long as nothing newer is accepted, and its age says so. Only this task changes planes.
At start a plane counts as judged once it stands at the head that the store names, or was refused.
"""

import asyncio
import contextlib
import math
import time
from typing import Final, NamedTuple

from redis.asyncio import Redis
from redis.exceptions import RedisError

from runtime.clock import now
from runtime.logs import Log
from verifier.contract.bundle import BundleVersion
from verifier.contract.errors import MalformedError
from verifier.contract.status import DeltaDocument, PlaneName, StatusDocument, plane_of
from verifier.errors import BundleCause, BundleRefused, VerifierError
from verifier.service.process.floors import FloorFile
from verifier.service.store.bundles import read_bundle, read_versions
from verifier.service.store.deltas import DeltaRow, await_deltas, read_deltas, read_heads
from verifier.service.store.planes import read_destroyed
from verifier.service.worker.kept_deltas import KeptDelta
from verifier.service.worker.knowledge import Knowledge, SignedBundle
from verifier.service.worker.metrics import Metrics
from verifier.status.plane import NO_STATUS, PlaneView, Status
from verifier.trust.bundle import Taken, TrustedSet
from verifier.trust.signers import Trust

LOOK_S: Final = 0.5
"""Seconds between looks at the published snapshots; deltas are waited for meanwhile."""
AGAIN_S: Final = 5.0
"""Seconds after which a refused snapshot is tried anew: deltas since may make it fit."""
FLOORS_S: Final = 5.0
"""Seconds between writes of the floors for deltas: each is an fsync beside the store's own."""
SMALL_PLANE: Final = 1024 * 1024
"""Bytes up to which a delta is applied in the event loop; copying more would hold scans up."""


class StatusFollower:
    """Keeps a worker's planes at what is published and trust accepts."""

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
        """Name -> digest of the snapshot that was looked at last."""
        self._again: dict[str, float] = {}
        """Name -> when a snapshot was refused last; it may fit together with other deltas."""
        self._behind: set[PlaneName] = set()
        """Planes that no delta fits until a snapshot is taken."""
        self._put_off: set[PlaneName] = set()
        """Planes of which nothing is known but what was issued later than it is: not judged."""
        self._judged_by: Trust | None = None
        self._floored = 0.0
        self._held = True
        """At start what lies there counts as held: it was in force when the last worker ran."""

    async def run(self) -> None:
        """Follow until cancelled."""
        await self._knowledge.trusting.wait()
        try:
            while True:
                try:
                    await self.look()
                    self._held = False
                    await self._keep_floors()
                    await self.follow(LOOK_S)
                except (RedisError, OSError):
                    await asyncio.sleep(LOOK_S)
        finally:
            self._raise_floors()

    async def look(self) -> None:
        """Take the published snapshots that are newer than what is known; forget the destroyed.

        Raises:
            RedisError, OSError: the store is away.
        """
        if self._judged_by is not self._trusted.trust:
            self._judged_by = self._trusted.trust
            self._tried.clear()
            self._leave_unsupported()
        destroyed = await read_destroyed(self._redis)
        heads = await read_heads(self._redis)
        versions = await read_versions(self._redis)
        for name, version in versions.items():
            plane = plane_of(name)
            if plane is None or plane in destroyed or not self._due(version):
                continue
            data = await read_bundle(self._redis, version)
            if data is not None:
                self._tried[name] = version.digest
                await self._take_snapshot(plane, version, data)
        for plane in destroyed & {PlaneName(*each) for each in self._status.planes()}:
            self._knowledge.forget(plane.bundle)
            self._log.info("plane.forgotten", bundle=plane.bundle)
        for plane in destroyed:
            self._knowledge.looked_at(plane)
        named = heads.keys() | {it for it in map(plane_of, versions) if it is not None}
        unread = (it.bundle for it in named - destroyed if not self._is_judged(it, heads.get(it)))
        self._knowledge.judged("planes", unread)

    def _leave_unsupported(self) -> None:
        """Have planes taken anew whose newest version only a key signed that is trusted no more.

        Its version may be far above whatever comes: nothing that is honest would look newer.
        """
        for each, view in self._status.planes().items():
            name = PlaneName(*each)
            if not self._trusted.supports(name.bundle, view.version):
                self._behind.add(name)
                self._log.warning("plane.unsupported", bundle=name.bundle, version=view.version)

    async def follow(self, seconds: float) -> None:
        """Take the deltas that come within some seconds; returns after the first of them.

        Raises:
            RedisError, OSError: the store is away.
        """
        after = {
            PlaneName(*each): view.version
            for each, view in self._status.planes().items()
            if each not in self._behind
        }
        if not after:
            await asyncio.sleep(seconds)
            return
        found = await await_deltas(self._redis, after, int(seconds * 1000))
        for plane, rows in found.items():
            await self._take_deltas(plane, rows)

    @property
    def _status(self) -> Status:
        return self._knowledge.known.status

    def _is_judged(self, plane: PlaneName, head: int | None) -> bool:
        """Say whether a plane was refused, or stands where the store says that it is."""
        if plane.bundle in self._knowledge.refused:
            return plane not in self._put_off
        view = self._status.plane(*plane)
        return view is not None and view.version >= (head or 0)

    def _due(self, version: BundleVersion) -> bool:
        if self._tried.get(version.name) != version.digest:
            return True
        return time.monotonic() - self._again.get(version.name, math.inf) > AGAIN_S

    async def _take_snapshot(self, plane: PlaneName, version: BundleVersion, data: bytes) -> None:
        view = None if plane in self._behind else self._status.plane(*plane)
        rows = await _all_deltas(self._redis, plane)
        try:
            newer = await asyncio.to_thread(self._judged, plane, data, rows, view)
        except (VerifierError, MalformedError) as error:
            if self._status.plane(*plane) is None:
                await self._take_beginning(plane, version, data, rows)
            self._refused(version.name, version.version, error)
            self._again[version.name] = time.monotonic()
            return
        self._again.pop(version.name, None)
        self._knowledge.refused.pop(version.name, None)
        self._knowledge.keep(SignedBundle(version=version, data=data))
        if newer is not None:
            self._behind.discard(plane)
            if newer.view.version < self._knowledge.head(version.name):
                self._knowledge.deltas.pop(version.name, None)
            self._floored = -math.inf
            self._know(plane, newer.view)
            for delta in newer.deltas:
                self._knowledge.keep_delta(version.name, delta)
            self._log.info(
                "bundle.taken",
                bundle=version.name,
                version=version.version,
                head=newer.view.version,
            )

    async def _take_beginning(
        self, plane: PlaneName, version: BundleVersion, data: bytes, rows: list[DeltaRow]
    ) -> None:
        """Go by a snapshot as far as its deltas hold, where nothing is known of a plane yet.

        One delta that does not hold must not leave the stance to decide of all who stood before it.
        """
        try:
            newer = await asyncio.to_thread(self._beginning, plane, data, rows)
        except (VerifierError, MalformedError):
            return
        self._knowledge.keep(SignedBundle(version=version, data=data))
        self._know(plane, newer.view)
        for delta in newer.deltas:
            self._knowledge.keep_delta(version.name, delta)

    def _beginning(self, plane: PlaneName, data: bytes, rows: list[DeltaRow]) -> "_Newer":
        """Judge a snapshot with as many deltas as hold one after the other."""
        trial = self._trusted.copy()
        trial.forget_floor(plane.bundle)
        document, view = trial.take_status(data, now(), plane=plane, held=self._held)
        after = [row for row in rows if row.version > document.version]
        held = []
        for row in after:
            try:
                alone = NO_STATUS.replaced(*plane, view)
                view = trial.take_delta(row.data, alone, now(), held=self._held).value
            except (VerifierError, MalformedError):
                break
            held.append(row)
        deltas = [row.data for row in held]
        taken = self._trusted.take_status(data, now(), plane=plane, deltas=deltas, held=self._held)
        return _Newer(taken.value, self._verified(held))

    def _judged(
        self, plane: PlaneName, data: bytes, rows: list[DeltaRow], view: PlaneView | None
    ) -> "_Newer | None":
        """Judge a snapshot; take it with what follows it, if it is newer than the view."""
        document = self._trusted.read_status(data, now(), held=self._held)
        if (document.list, document.plane) != plane:
            raise BundleRefused(BundleCause.MALFORMED, "a snapshot on another's place")
        if view is not None and document.version <= view.version:
            self._hand_on(document, view)
            return None
        after = [row.data for row in rows if row.version > document.version]
        taken = self._trusted.take_status(data, now(), deltas=after, held=self._held)
        return _Newer(taken.value, self._verified(rows))

    def _hand_on(self, document: StatusDocument, view: PlaneView) -> None:
        """Check a snapshot that is behind what is known: it is only for others to begin from."""
        held = self._knowledge.bundles.get(PlaneName(document.list, document.plane).bundle)
        if held is not None and document.version < held.version.version:
            raise BundleRefused(BundleCause.ROLLBACK, "older than what lay there before")
        if document.version == view.version and document.chain != view.chain:
            raise BundleRefused(BundleCause.FORK, "the same version with another past")

    def _verified(self, rows: list[DeltaRow]) -> list[KeptDelta]:
        """Return the deltas that may be handed on, also to whoever is behind the snapshot."""
        found = []
        for row in rows:
            with contextlib.suppress(BundleRefused):
                document = self._trusted.read_delta(row.data, now(), held=True)
                found.append(
                    KeptDelta(before=document.before, version=document.version, data=row.data)
                )
        return found

    async def _take_deltas(self, plane: PlaneName, rows: list[DeltaRow]) -> None:
        name = plane.bundle
        for row in rows:
            try:
                taken = await self._taken(plane, row.data)
            except BundleRefused as error:
                self._refused(name, row.version, error)
                self._behind.add(plane)
                self._again[name] = -math.inf
                return
            self._know(plane, taken.value)
            document = taken.document
            delta = KeptDelta(before=document.before, version=document.version, data=row.data)
            self._knowledge.keep_delta(name, delta)

    async def _taken(self, plane: PlaneName, data: bytes) -> Taken[DeltaDocument, PlaneView]:
        view = self._status.plane(*plane)
        if view is None:
            raise BundleRefused(BundleCause.ORDER, "a delta of a plane without a snapshot")
        alone = NO_STATUS.replaced(*plane, view)
        if len(view.values.packed()) <= SMALL_PLANE:
            return self._trusted.take_delta(data, alone, now())
        return await asyncio.to_thread(self._trusted.take_delta, data, alone, now())

    def _know(self, plane: PlaneName, view: PlaneView) -> None:
        self._knowledge.know(status=self._status.replaced(*plane, view))
        self._knowledge.looked_at(plane)

    def _refused(self, name: str, version: int, error: Exception) -> None:
        cause = error.cause if isinstance(error, BundleRefused) else BundleCause.MALFORMED
        self._metrics.count(self._metrics.bundles_refused, cause)
        self._knowledge.refused[name] = f"version {version} ({cause})"
        if (plane := plane_of(name)) is not None:
            self._put_off.discard(plane)
            if cause is BundleCause.FUTURE and self._status.plane(*plane) is None:
                # Tried again when time has passed; until then its absence reaches no stance.
                self._put_off.add(plane)
            else:
                self._knowledge.looked_at(plane)
        self._log.warning(
            "bundle.refused", bundle=name, version=version, cause=cause, why=str(error)
        )

    async def _keep_floors(self) -> None:
        if time.monotonic() - self._floored < FLOORS_S:
            return
        self._floored = time.monotonic()
        await asyncio.to_thread(self._raise_floors)

    def _raise_floors(self) -> None:
        try:
            self._floors.raise_to(dict(self._trusted.kept))
        except (OSError, ValueError) as error:
            self._log.error("floors.unkept", why=str(error))


class _Newer(NamedTuple):
    view: PlaneView
    deltas: list[KeptDelta]


async def _all_deltas(redis: Redis, plane: PlaneName) -> list[DeltaRow]:
    found: list[DeltaRow] = []
    while page := await read_deltas(redis, plane, found[-1].version if found else 0):
        found += page
    return found
