"""Fetching bundles: at start, every now and then, and when the fleet says there are new ones."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Final

from firmware_stubs import events
from firmware_stubs.backoff import Backoff, about, within
from firmware_stubs.bundles import Accepted
from firmware_stubs.edge.asking import Bell, ask_beside
from firmware_stubs.edge.centre import Centre, CentreUnusableError
from firmware_stubs.edge.shell import Shell
from firmware_stubs.terminal import State
from verifier.errors import BundleRefused

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
        index = await ask_beside(shell, Centre.index)
        if index is None:
            return
        await shell.dispatch(events.Probed(ok=True, seconds=time.perf_counter() - started))
        bundles = shell.storage.bundles
        taken = False
        # Profiles say which planes are needed, so what is wanted is asked again after each.
        refused: set[str] = set()
        while True:
            wanted = bundles.wanted(index.bundles, shell.settings.place)
            entry = next((entry for entry in wanted if entry.name not in refused), None)
            if entry is None:
                break
            refused.add(entry.name)
            taken = await self._fetch(entry.name) or taken
        if taken:
            await shell.dispatch(events.Equipped(usable=bundles.usable))
            await self._changed()

    async def _fetch(self, name: str) -> bool:
        """Fetch one bundle and use it if it is acceptable."""
        shell = self._shell
        held = shell.storage.bundles.held().get(name)
        digest = None if held is None else held.digest
        data = await ask_beside(shell, lambda centre: centre.bundle(name, digest))
        if data is None:
            return False
        now = shell.storage.clock.at_least(time.time())
        try:
            accepted = await asyncio.to_thread(self._accept, name, data, now)
        except BundleRefused as error:
            shell.counters["bundles.refused"] += 1
            shell.log.warning("bundle.refused", name=name, cause=error.cause, error=str(error))
            return False
        await shell.desk.ask(shell.storage.memory.adopt, accepted)
        shell.storage.bundles.adopt(accepted)
        shell.storage.clock.raise_floor(accepted.issued_at)
        shell.log.info("bundle.taken", name=name, version=accepted.held.version)
        return True

    def _accept(self, name: str, data: bytes, now: float) -> Accepted:
        """Judge the bytes and put them into the slot that is not in use; on a thread."""
        accepted = self._shell.storage.bundles.offer(name, data, now)
        self._shell.storage.shelf.write(accepted.name, accepted.held.slot, data)
        return accepted
