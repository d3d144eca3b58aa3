"""Publishes planes: follows what was changed in the store, signs one delta a second at most.

A change waits in the store until the delta that holds it stands there too, written in one step with
the head; so whatever dies, at whatever moment, nothing is lost and nothing published twice. State
is read from the store at every start and after every failure of it. A snapshot follows at start,
after a quarter of an hour and after many changes. Where there is more than deltas should carry, or
versions below somebody's floor, a plane starts over: its next version is a snapshot alone.

Nothing is signed only because it stands in the store: what was signed last is known from its own
signatures (`past.py`), and what leads on from there must be explained (`explanations.py`). What is
not is not published; it is told, and the store gets back what was signed.
"""

import asyncio
import contextlib
import secrets
import time
from collections import deque
from dataclasses import replace
from functools import partial
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from runtime.clock import now
from runtime.logs import Log
from verifier.contract.bundle import DELTA_BUCKET
from verifier.contract.status import CHAIN_BYTES, PlaneName
from verifier.errors import Outage
from verifier.issuing.planes import TTL_S, PlaneSigner, SignedDelta
from verifier.service.issuing.planes.backlog import first_of, head_of, too_many
from verifier.service.issuing.planes.explanations import RefusedChange
from verifier.service.issuing.planes.proof import MAX_PUT_BACK, PlaneProof, led_on_by, merged
from verifier.service.issuing.signing_clock import SigningClock
from verifier.service.process.floors import FloorFile, believed
from verifier.service.store.bundles import read_versions, remove_bundle
from verifier.service.store.causes import ChangeCause, ChangeMode
from verifier.service.store.deltas import (
    PendingChanges,
    PlaneHead,
    Stand,
    Superseded,
    await_changes,
    lay_snapshot,
    publish_delta,
    read_pending,
    read_stand,
    start_over,
)
from verifier.service.store.feeds import read_fed
from verifier.service.store.planes import PlaneUnknown, change, make_plane
from verifier.status.changes import count_changes
from verifier.status.comparison import Differences
from verifier.status.plane import PlaneView
from verifier.trust.floors import Floor
from verifier.trust.keys import thumbprint_of_spki

WAIT_MS: Final = 1500
"""Milliseconds a question for changes hangs at the store: less than its client's patience."""
RETRY_S: Final = 0.3
"""Seconds between attempts while the store is away."""
SNAPSHOT_S: Final = 15 * 60
"""Seconds after which a snapshot is made: what a late comer catches up by deltas."""
SNAPSHOT_OCTETS: Final = 2 * 1024 * 1024
"""Bytes of deltas after which a snapshot is made: half of a city's health plane."""
START_OVER_S: Final = 10.0
"""Seconds from one snapshot to the next that a flood of changes may ask for."""
SNAPSHOTS_COVERED: Final = 4
"""Newest snapshots that deltas are kept for: whoever has one of these catches up by deltas."""
SMALL_PLANE: Final = 1024 * 1024
"""Bytes up to which a delta is signed in the event loop, not beside it."""
LEAP: Final = 64
"""Versions passed over at every beginning: floors are written down seconds late, and a store may
have lost what it said last, so that somebody may hold some versions more than are known here."""
NEVER: Final = float("-inf")
OPEN_S: Final = 5.0
"""Seconds to wait for a plane whose state is being read."""


class PlanePublisher:
    """Publishes one plane; alone in its city, and noticing when it is not."""

    def __init__(
        self,
        redis: Redis,
        log: Log,
        signer: PlaneSigner,
        *,
        size: int,
        floors: FloorFile,
        proof: PlaneProof,
    ) -> None:
        self.name = PlaneName(signer.list_number, signer.plane)
        self.bundle = self.name.bundle
        self.problem: str | None = None
        """Why nothing is published at present."""
        self.ready = asyncio.Event()
        """Set once a snapshot of this run is published."""
        self._clock = SigningClock()
        self._ending = False
        self._ended = asyncio.Event()
        self._redis = redis
        self._log = log.bind(plane=self.bundle)
        self._signer = signer
        self._size = size
        self._floors = floors
        self._proof = proof
        self._own = thumbprint_of_spki(signer.key.spki)
        self._view: PlaneView | None = None
        self._opened = asyncio.Event()
        self._publishing = False
        self._promised = 0
        self._covered: deque[int] = deque(maxlen=SNAPSHOTS_COVERED)
        self._octets = 0
        self._packed_at = NEVER
        self._started_at = NEVER
        self._packing: asyncio.Task[None] | None = None
        self._unpacked = False
        """A snapshot is asked for while one is being made."""

    @property
    def version(self) -> int:
        """The newest version that was published; 0 before the first."""
        return 0 if self._view is None else self._view.version

    async def make(self) -> None:
        """Make the plane if there is none yet; one that was destroyed stays so."""
        with contextlib.suppress(PlaneUnknown):
            await make_plane(self._redis, self.name, self._size)

    async def end(self) -> None:
        """Publish nothing more; nothing is under way when this returns."""
        self._ending = True
        await self._ended.wait()

    async def forget(self) -> None:
        """Remove what is kept of the plane beside the store: it is destroyed."""
        await self._proof.past.forget()

    async def run(self) -> None:
        """Publish until cancelled, or until the plane is destroyed."""
        try:
            while not self._ending:
                try:
                    await self._await_clock()
                    await self._open()
                    await self._follow()
                except PlaneUnknown:
                    self._log.info("plane.gone")
                    return
                except Superseded:
                    self._log.warning("plane.superseded")
                except (RedisError, OSError) as error:
                    self.problem = f"Redis does not answer ({type(error).__name__}): repair it"
                self._opened.clear()
                await asyncio.sleep(RETRY_S)
        finally:
            if self._packing is not None:
                self._packing.cancel()
                await asyncio.gather(self._packing, return_exceptions=True)
            self.ready.set()
            self._ended.set()

    async def shows_from(self) -> int:
        """Return a version that shows every change which is in the store by now.

        Raises:
            Outage: the store is away.
        """
        try:
            async with asyncio.timeout(OPEN_S):
                await self._opened.wait()
        except TimeoutError as error:
            raise Outage("the plane is not published at present") from error
        # What is being signed was read before; the one after it has everything.
        self._promised = max(self._promised, self._at().version + 1 + self._publishing)
        return self._promised

    def _at(self) -> PlaneView:
        if self._view is None:
            raise Outage("the plane is not read yet")
        return self._view

    async def _open(self) -> None:
        """Read the state from the store, and publish what waits there."""
        await make_plane(self._redis, self.name, self._size)
        stand = await read_stand(self._redis, self.name)
        published = (await read_versions(self._redis)).get(self.bundle)
        floor = (await asyncio.to_thread(self._floors.counting, self._own)).get(self.bundle)
        view = self._view
        own = None if view is None else Floor(version=view.version, digest=view.chain)
        if published is not None and not self._believed(published.version, floor):
            # Nothing honest would lie above it: no snapshot could be laid in its place.
            await remove_bundle(self._redis, self.bundle)
            published = None
        past = max(0 if it is None else it.version for it in (published, floor, own))
        head = stand.head
        signed = await self._proof.past.newest(self._view, head)
        self._proof.explanations.begin(signed.as_of)
        leads = head is not None and (signed.version, signed.chain) == (head.version, head.chain)
        wild = head is not None and not self._believed(head.version, floor)
        forked = head is not None and any(
            it is not None and it.version == head.version and it.digest != head.chain
            for it in (floor, own)
        )
        strange = head is not None and stand.newest not in (0, head.version)
        behind = head is None or head.version < past
        if (
            head is None or not leads or behind or wild
            or forked or strange or too_many(stand.pending)
        ):  # fmt: skip
            await self._start_over(stand, signed, max(past, self._honest(stand, floor)))
        else:
            self._view = signed
            if published is not None and not self._covered:
                self._covered.append(published.version)
            await self._compare(stand)
            await self._second_after(head.iat)
            await self._publish(stand.pending, leap=LEAP)
        self._opened.set()
        self.problem = None
        self._pack()

    def _believed(self, version: int, floor: Floor | None) -> bool:
        """Say whether a version of the store can be honest; our own can."""
        own = 0 if self._view is None else self._view.version
        return version <= own or believed(self.bundle, version, floor)

    def _honest(self, stand: Stand, floor: Floor | None) -> int:
        """Return the highest version of a stand that can be honest."""
        there = (stand.newest, 0 if stand.head is None else stand.head.version)
        return max((each for each in there if self._believed(each, floor)), default=0)

    async def _follow(self) -> None:
        while not self._ending:
            await self._await_clock()
            waits = await await_changes(self._redis, self.name, WAIT_MS)
            view = self._at()
            # Of a clock set back too: nothing is to look younger than it is.
            due = view.version < self._promised or abs(now() - view.as_of) >= TTL_S
            if waits or due or await self._fed() != view.fed:
                await self._second_after(view.as_of)
                self._publishing = True
                try:
                    await self._next()
                finally:
                    self._publishing = False
            if self._packing is not None and self._packing.done():
                self._packing.result()
            if self._octets >= SNAPSHOT_OCTETS or time.monotonic() - self._packed_at > SNAPSHOT_S:
                await self._compare(await read_stand(self._redis, self.name))
                self._pack()

    async def _await_clock(self) -> None:
        """Wait while the clock is not one to sign by."""
        while not self._ending and (problem := self._clock.problem()) is not None:
            self.problem = problem
            await asyncio.sleep(RETRY_S)
        self.problem = None if self._opened.is_set() else self.problem

    async def _second_after(self, iat: float) -> None:
        """Wait for a second that has no version yet; a clock set back is not waited for."""
        wait = int(iat) + 1 - now()
        if 0 < wait <= 1:
            await asyncio.sleep(wait)

    async def _next(self) -> None:
        pending = await read_pending(self._redis, self.name)
        # What only the whole plane tells waits for nothing but the last time that it was so.
        since = self._started_at if pending.whole else self._packed_at
        if too_many(pending) and time.monotonic() - since > START_OVER_S:
            stand = await read_stand(self._redis, self.name)
            at = self._at()
            await self._start_over(stand, at, max(at.version, self._honest(stand, None)))
            self._pack()
        elif pending.whole:
            await asyncio.sleep(RETRY_S)
        else:
            await self._publish(first_of(pending))

    async def _publish(self, pending: PendingChanges, *, leap: int = 0) -> None:
        """Sign what waits as the next version, and publish it; nothing waits: confirm the last.

        What nothing explains is left out, told, and taken away with the rest.
        """
        view, moment = self._at(), int(now())
        explained, refused = await self._proof.explanations.judge(pending.entries)
        if refused:
            await self._proof.tell(refused)
        changes = merged(explained)
        version = view.version + 1 + leap
        made = await self._signed(view, changes, moment, fed=await self._fed(), version=version)
        await publish_delta(
            self._redis,
            self.name,
            made.data,
            before=head_of(view),
            after=head_of(made.view),
            last=pending.last,
            keep_from=min(self._covered, default=0) // DELTA_BUCKET * DELTA_BUCKET,
        )
        self._view = made.view
        self._octets += len(made.data)
        self._proof.explanations.count(explained)
        self._log.debug("published", version=made.view.version, changes=count_changes(changes))
        if refused:
            await self._compare(await read_stand(self._redis, self.name), told=True)

    async def _signed(
        self, view: PlaneView, changes: bytes, moment: int, *, fed: int | None, version: int
    ) -> SignedDelta:
        sign = partial(self._signer.delta, view, changes, moment, fed, version=version)
        if len(view.values.packed()) <= SMALL_PLANE:
            return sign()
        return await asyncio.to_thread(sign)

    async def _fed(self) -> int | None:
        """Return up to when the plane's sources had told everything, if one of them is stale."""
        found = await read_fed(self._redis, self.name)
        return None if found is None or now() <= found.good_until else found.as_of

    async def _start_over(self, stand: Stand, signed: PlaneView, past: int) -> None:
        """Make the plane a version to which no delta leads, above every other.

        It is what was signed last, and what is explained of what the store has beyond that.
        """
        explained, refused = await self._proof.explanations.judge(stand.pending.entries)
        values, strange = await asyncio.to_thread(led_on_by, signed.values, explained, stand.data)
        if refused:
            await self._proof.tell(refused)
        version = past + 1 + LEAP
        head = PlaneHead(version, secrets.token_bytes(CHAIN_BYTES), int(now()))
        await start_over(
            self._redis, self.name, before=stand.head, after=head, last=stand.pending.last
        )
        view = PlaneView(values=values, version=version, as_of=head.iat, chain=head.chain)
        self._view = replace(view, fed=await self._fed())
        self._proof.explanations.count(explained)
        self._started_at = time.monotonic()
        self._covered.clear()
        self._log.info("started_over", version=version)
        await self._put_back(stand, strange, told=bool(refused))

    async def _compare(self, stand: Stand, *, told: bool = False) -> None:
        """See whether the store has anything beyond what is signed or explained."""
        view = self._at()
        if stand.head is None or stand.head.version != view.version:
            return  # somebody else has published: it is noticed with the next delta
        explained, _ = await self._proof.explanations.judge(stand.pending.entries)
        _, strange = await asyncio.to_thread(led_on_by, view.values, explained, stand.data)
        await self._put_back(stand, strange, told=told)

    async def _put_back(self, stand: Stand, strange: Differences, *, told: bool) -> None:
        """Give the store what was signed, where it has something that nothing explains."""
        if not strange.total or stand.pending.crowded:
            return
        if not told:
            found = [RefusedChange("", each.place, each.there) for each in strange.first]
            await self._proof.tell(found)
        self._log.error("plane.unexplained", values=strange.total)
        if strange.total <= MAX_PUT_BACK:
            why = f"signed:{self.version}"
            await change(
                self._redis,
                {self.name: [(each.place, each.known) for each in strange.first]},
                cause=ChangeCause(why, self._proof.seal, ChangeMode.REPAIR),
                expected={self.name: [(each.place, each.there) for each in strange.first]},
            )

    def _pack(self) -> None:
        """Have a snapshot made and published, beside everything else; one at a time."""
        self._unpacked = True
        self._packed_at, self._octets = time.monotonic(), 0
        if self._packing is None or self._packing.done():
            self._packing = asyncio.create_task(self._publish_snapshots())

    async def _publish_snapshots(self) -> None:
        while self._unpacked:
            self._unpacked = False
            view = self._at()
            data = await asyncio.to_thread(self._signer.snapshot, view)
            try:
                await lay_snapshot(self._redis, self.name, self.bundle, view.version, data)
            except Superseded:
                self._log.warning("snapshot.superseded", version=view.version)
                self.ready.set()
                return
            except (RedisError, OSError):
                self._packed_at = NEVER
                return
            self._packed_at = time.monotonic()
            self._covered.append(view.version)
            self.ready.set()
            self._log.info("published", version=view.version, octets=len(data))
            try:
                await self._proof.past.keep(data)
            except OSError as error:
                self._log.error("snapshot.not_kept", error=type(error).__name__)
