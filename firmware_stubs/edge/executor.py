"""Executors: who judges codes and writes what is kept, one after another, in the order it is asked.

A terminal that writes to disk has one thread for it. The event loop stays free while a signature is
checked or a disk is waited for; and since nobody else touches the storage or the memory of verified
credentials, none of them needs a lock. What waits is bounded by the callers: each of them waits for
its answer. A terminal that keeps everything in memory needs no thread: the caller does it at once.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, Protocol, TypeVar

Asked = ParamSpec("Asked")
Told = TypeVar("Told")


class TerminalExecutor(Protocol):
    """Runs functions one after another."""

    async def ask(
        self, function: Callable[Asked, Told], *args: Asked.args, **kwargs: Asked.kwargs
    ) -> Told:
        """Run a function and return what it returns.

        A caller that is cancelled does not stop it: what was begun is ended.
        """

    def close(self) -> None:
        """Finish what is asked, and end."""


class DiskThread:
    """An executor on a thread of its own."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="disk")

    async def ask(
        self, function: Callable[Asked, Told], *args: Asked.args, **kwargs: Asked.kwargs
    ) -> Told:
        """Run a function there and return what it returns."""
        future = self._thread.submit(function, *args, **kwargs)
        return await asyncio.shield(asyncio.wrap_future(future))

    def close(self) -> None:
        """Finish what is asked, and end the thread."""
        self._thread.shutdown(wait=True)


class SameThread:
    """An executor without a thread: it is done at once."""

    async def ask(
        self, function: Callable[Asked, Told], *args: Asked.args, **kwargs: Asked.kwargs
    ) -> Told:
        """Run a function at once and return what it returns."""
        return function(*args, **kwargs)

    def close(self) -> None:
        """Do nothing: what was asked has ended."""
