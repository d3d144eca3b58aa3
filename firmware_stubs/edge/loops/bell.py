"""Loops beside the scans: how they are woken, and how they ask the centre for something.

None of them raises: what fails is an event, and what follows from it is the machine's.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from firmware_stubs import events
from firmware_stubs.edge.centre import Centre, CentreRefusedError, Failures
from firmware_stubs.edge.shell import Shell

SWEEP_S: Final = 10.0
"""Seconds between clean-ups; each writes a little, and flash wears."""
IDLE_S: Final = 15.0
"""Seconds after which a loop looks again although nobody woke it."""

Answer = TypeVar("Answer")


class Bell:
    """Wakes a loop; rung twice before it wakes it wakes once."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def ring(self) -> None:
        """Wake it."""
        self._event.set()

    async def wait(self, seconds: float) -> None:
        """Wait until it rings, or for some seconds."""
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            pass
        self._event.clear()


async def ask_beside(shell: Shell, work: Callable[[Centre], Awaitable[Answer]]) -> Answer | None:
    """Ask the centre for something that is not a scan; what fails becomes an event, and None.

    Raises:
        CentreUnusableError: it answered, with nothing of use.
    """
    centre = shell.centre
    if centre is None or shell.machine.cut:
        return None
    started = time.perf_counter()
    try:
        answer = await work(centre)
    except CentreRefusedError:
        await shell.dispatch(events.CentreRefused())
        return None
    except Failures:
        await shell.dispatch(events.Probed(ok=False, seconds=time.perf_counter() - started))
        return None
    return answer


async def sweep(shell: Shell) -> None:
    """Let time pass for the machine every second, and clean up every few."""
    swept = time.monotonic()
    while True:
        await asyncio.sleep(1.0)
        await shell.dispatch(events.Tick())
        if time.monotonic() - swept >= SWEEP_S:
            swept = time.monotonic()
            await shell.sweep()
