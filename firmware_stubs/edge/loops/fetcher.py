"""Fetching bundles: at start, every now and then, and when the fleet says there are new ones."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Final

from firmware_stubs import events
from firmware_stubs.backoff import Backoff, about, within
from firmware_stubs.edge import steady
from firmware_stubs.edge.centre import CentreUnusableError
from firmware_stubs.edge.loops.bell import Bell, ask_beside
from firmware_stubs.edge.shell import Shell
from firmware_stubs.planes import WantedBundle, split
from firmware_stubs.slots import Accepted
from firmware_stubs.terminal import State
from verifier.contract.bundle import BundleIndex
from verifier.contract.status import plane_of
from verifier.errors import BundleCause, BundleRefused

_NONE_THERE: Final = (HTTPStatus.NOT_FOUND, HTTPStatus.GONE)
"""What the centre says of deltas that never were, or are no longer kept."""
JITTER: Final = 0.2
"""Part of an interval by which terminals drift apart."""
EAGER_LIMIT_S: Final = 30.0
"""Seconds; longest wait of a terminal that has nothing to decide by."""


class Fetcher:
    """Fetches bundles: at start, every now and then, and when the fleet says that there are new."""

    def __init__(self, shell: Shell, changed: Callable[[], Awaitable[None]]) -> None:
        self._shell = shell
        self._changed = changed
        self._bell = Bell()
        self._spread = 0.0
        self._backoff = Backoff(
            random=random.random, spread_s=shell.settings.spread_s, limit_s=EAGER_LIMIT_S
        )

    def news(self, spread_s: float) -> None:
        """Fetch within a random part of `spread_s` seconds."""
        self._spread = spread_s
        self._bell.ring()

    async def run(self) -> None:
        """Fetch at once, then by the clock or when woken."""
        poll = self._shell.settings.bundle_poll_s
        while True:
            try:
                await self._round()
            except CentreUnusableError as error:
                self._shell.log.warning("bundles.unusable", error=str(error))
            if self._shell.machine.equipped:
                await self._bell.wait(about(poll, JITTER, random.random))
            else:
                await self._bell.wait(self._backoff.wait(time.monotonic()))
            await asyncio.sleep(within(self._spread, random.random))
            self._spread = 0.0

    async def _round(self) -> None:
        shell = self._shell
        if shell.machine.state in (State.BOOT, State.ENROLLING):
            return
        started = time.perf_counter()
        place = shell.settings.place
        index = await ask_beside(shell, lambda centre: centre.index(place))
        if index is None:
            return
        await shell.dispatch(events.Probed(ok=True, seconds=time.perf_counter() - started))
        bundles = shell.storage.bundles
        taken = False
        # Profiles say which planes are needed, and a snapshot which deltas lead on from it, so what
        # is wanted is asked again after each; nothing is tried twice from the same version.
        tried: set[tuple[str, bool, int]] = set()
        while True:
            versions = bundles.versions()
            step = next(
                (
                    step
                    for step in bundles.wanted(index.bundles, place)
                    if (step.name, step.whole, versions.get(step.name, 0)) not in tried
                ),
                None,
            )
            if step is None:
                break
            tried.add((step.name, step.whole, versions.get(step.name, 0)))
            if await self._fetch(step):
                taken = True
                # A profile may ask for more than was judged: until that is, nobody decides alone.
                if shell.machine.equipped and not bundles.equipped(place):
                    await shell.dispatch(events.Equipped(usable=False))
        for name in bundles.unneeded(place):
            await self._drop(name)
            taken = True
        await self._complete(index)
        if taken:
            await self._changed()

    async def _complete(self, index: BundleIndex) -> None:
        """Say whether all that is needed was judged once: only then the terminal decides alone."""
        shell, place = self._shell, self._shell.settings.place
        bundles = shell.storage.bundles
        listed = bundles.complete(index.bundles, place)
        if listed is not None and listed != bundles.listed:
            await shell.executor.ask(shell.storage.facts.persist_listed, listed)
            bundles.note_listed(listed)
        usable = bundles.equipped(place)
        if usable is not shell.machine.equipped:
            await shell.dispatch(events.Equipped(usable=usable))

    async def _drop(self, name: str) -> None:
        """Take off the disk what the place does not ask for any more, then out of use."""
        storage = self._shell.storage
        await self._shell.executor.ask(storage.facts.forget_slot, name)
        await self._shell.executor.ask(storage.end_plane, name)
        storage.bundles.drop(name)
        self._shell.log.info("bundle.dropped", name=name)

    async def _fetch(self, step: WantedBundle) -> bool:
        """Fetch what is wanted and use it if it is acceptable."""
        shell = self._shell
        try:
            if step.whole:
                return await self._fetch_whole(step)
            return await self._fetch_deltas(step)
        except CentreUnusableError as error:
            # Of this one; the others may be as they should.
            shell.counters["bundles.unusable"] += 1
            shell.log.warning("bundle.unusable", name=step.name, error=str(error))
            return False
        except BundleRefused as error:
            if shell.storage.clock.authenticated(steady.wall()) is not None:
                # Else it was only put off: what nobody has looked at must not reach a stance.
                shell.storage.bundles.refuse(step.name)
            shell.counters["bundles.refused"] += 1
            shell.log.warning("bundle.refused", name=step.name, cause=error.cause, error=str(error))
            return False

    async def _fetch_whole(self, step: WantedBundle) -> bool:
        """Fetch a bundle; where it counts only with the deltas that lead on from it, those too.

        Raises:
            BundleRefused: it is not acceptable.
        """
        shell = self._shell
        content = shell.storage.bundles.slots().get(step.name)
        # A plane is fetched whole where deltas do not help: also if it is the one in the slot.
        digest = None if content is None or plane_of(step.name) else content.digest
        data = await ask_beside(shell, lambda centre: centre.bundle(step.name, digest))
        if data is None:
            return False
        deltas: list[bytes] = []
        for path in step.paths():
            bucket = await self._bucket(path)
            if bucket is None:
                break
            deltas += split(bucket)
        accepted = await asyncio.to_thread(self._accept, step.name, data, deltas)
        await shell.executor.ask(self._adopt, accepted)
        shell.storage.bundles.adopt(accepted)
        if accepted.ends is not None:
            await shell.executor.ask(shell.storage.end_plane, accepted.ends)
        if accepted.time_floor is not None:
            shell.log.warning("clock.lowered", floor=round(accepted.time_floor))
        shell.storage.clock.note_signed(accepted.issued_at)
        shell.log.info("bundle.taken", name=step.name, version=accepted.content.version)
        return True

    async def _fetch_deltas(self, step: WantedBundle) -> bool:
        """Fetch bucket after bucket; each is durable before it is used.

        Raises:
            BundleRefused: one does not fit.
        """
        shell, storage = self._shell, self._shell.storage
        taken = False
        for path in step.paths():
            bucket = await self._bucket(path)
            if bucket is None:
                break
            accepted = await asyncio.to_thread(
                storage.bundles.offer_deltas,
                step.name,
                bucket,
                self._now(),
                time_floor=storage.clock.floor,
            )
            if accepted is None:
                continue
            await shell.executor.ask(storage.facts.extend, accepted)
            storage.bundles.adopt_deltas(accepted)
            storage.clock.note_signed(accepted.issued_at)
            shell.counters["deltas.taken"] += len(accepted.deltas)
            taken = True
        return taken

    async def _bucket(self, path: str) -> bytes | None:
        """Fetch a bucket of deltas; one that the centre does not have leads to the snapshot."""
        try:
            return await ask_beside(self._shell, lambda centre: centre.bundle(path, None))
        except CentreUnusableError as error:
            if error.status not in _NONE_THERE:
                raise
            name = path.partition("/")[0]
            self._shell.storage.bundles.lost(name)
            self._shell.log.info("deltas.none", name=name, status=int(error.status))
            return None

    def _adopt(self, accepted: Accepted) -> None:
        """Make what was accepted durable; on the disk's thread.

        The clock is lowered in the same turn: a clean-up between the two would keep the high floor.
        """
        storage = self._shell.storage
        storage.facts.adopt(accepted)
        if accepted.time_floor is not None:
            storage.clock.lower(accepted.time_floor)

    def _now(self) -> float:
        """Return authenticated time: without it nothing new is taken.

        Raises:
            BundleRefused: FUTURE: the server has not said the time; the next answer may.
        """
        now = self._shell.storage.clock.authenticated(steady.wall())
        if now is None:
            raise BundleRefused(BundleCause.FUTURE, "the time is not known yet")
        return now

    def _accept(self, name: str, data: bytes, deltas: Sequence[bytes]) -> Accepted:
        """Judge the bytes and put them into the slot that is not in use; on a thread."""
        storage = self._shell.storage
        accepted = storage.bundles.offer(
            name, data, self._now(), deltas, time_floor=storage.clock.floor
        )
        storage.write_slot(accepted.name, accepted.content.slot, data)
        return accepted
