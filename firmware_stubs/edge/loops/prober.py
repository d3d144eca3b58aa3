"""Probing: finds out whether the centre is back; gently, and quickly once it answers."""

import asyncio
import random
import time
from typing import Final

from firmware_stubs import events
from firmware_stubs.backoff import Backoff
from firmware_stubs.connectivity import SLOW_S
from firmware_stubs.edge.centre import CentreUnusableError
from firmware_stubs.edge.loops.bell import IDLE_S, Bell, ask_beside
from firmware_stubs.edge.shell import Shell
from firmware_stubs.terminal import State

CONFIRM_S: Final = 0.2
"""Seconds between probes once one was answered: five clean ones bring the terminal back."""
PROBE_LIMIT_S: Final = 30.0
"""Seconds; a probe is small, and people at the gate wait for what only a centre knows."""


class Prober:
    """Finds out whether the centre is back."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._bell = Bell()
        self._backoff = Backoff(
            random=random.random, spread_s=shell.settings.spread_s, limit_s=PROBE_LIMIT_S
        )
        shell.probe = self.wake

    def wake(self) -> None:
        """Probe soon, whatever failed before."""
        self._backoff.reset()
        self._bell.ring()

    async def run(self) -> None:
        """Probe while the terminal is offline or suspended."""
        while True:
            if not self._away():
                await self._bell.wait(IDLE_S)
                continue
            await self._bell.wait(self._backoff.wait(time.monotonic()))
            answered = await self._probe()
            while answered and self._away():
                await asyncio.sleep(CONFIRM_S)
                answered = await self._probe()

    def _away(self) -> bool:
        machine = self._shell.machine
        return machine.state in (State.OFFLINE, State.SUSPENDED) and not machine.cut

    async def _probe(self) -> bool:
        """Ask once; whether it was answered well."""
        started, place = time.perf_counter(), self._shell.settings.place
        try:
            index = await ask_beside(self._shell, lambda centre: centre.index(place))
        except CentreUnusableError as error:
            self._shell.log.warning("centre.unusable", error=str(error))
            return False
        if index is None:
            return False
        seconds = time.perf_counter() - started
        await self._shell.dispatch(events.Probed(ok=True, seconds=seconds))
        return seconds <= SLOW_S
