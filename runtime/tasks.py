"""The end of a process's tasks: cancelled until they have ended."""

import asyncio
from collections.abc import Iterable
from typing import Any, Final

AGAIN_S: Final = 0.5
"""Seconds until a task that still runs is cancelled again."""


async def end(tasks: "Iterable[asyncio.Task[Any]]") -> None:
    """Cancel tasks and wait until all have ended, however they do.

    A loop that outlives an away store catches what its client raises; a cancellation that the
    client turned into a timeout just then is caught with it, and would be the only one sent.
    Python 3.11's `wait_for` drops one too, where what it waits for comes just then.
    """
    running = set(tasks)
    ended = set(running)
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=AGAIN_S)
    await asyncio.gather(*ended, return_exceptions=True)  # what they raised is no news any more
