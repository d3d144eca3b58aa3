"""The desk: the one thread that judges codes and writes to disk, in the order it is asked.

The event loop stays free for doors and lines while a signature is checked or a disk is waited for;
and since nobody else touches the database or the memory of verified credentials, none of them needs
a lock. Its queue is bounded by the doors: what they have open is all that can wait here.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

Asked = ParamSpec("Asked")
Told = TypeVar("Told")


class DiskThread:
    """Runs functions one after another on its own thread."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="desk")

    async def ask(
        self, function: Callable[Asked, Told], *args: Asked.args, **kwargs: Asked.kwargs
    ) -> Told:
        """Run a function there and return what it returns.

        A caller that is cancelled does not stop it: what was begun on disk is ended.
        """
        future = self._thread.submit(function, *args, **kwargs)
        return await asyncio.shield(asyncio.wrap_future(future))

    def close(self) -> None:
        """Finish what is asked, and end the thread."""
        self._thread.shutdown(wait=True)
