"""Executors: one after another, on a thread of their own or on the caller's."""

import asyncio
import threading

import pytest

from firmware_stubs.edge.executor import DiskThread, SameThread, TerminalExecutor


@pytest.mark.parametrize("kind", [DiskThread, SameThread])
def test_what_is_asked_is_done_in_order(kind: type[DiskThread | SameThread]) -> None:
    """And told, or raised."""

    async def scene() -> None:
        executor: TerminalExecutor = kind()
        done: list[int] = []
        told = await asyncio.gather(*(executor.ask(done.append, number) for number in range(20)))
        assert (done, told) == (list(range(20)), [None] * 20)
        assert await executor.ask(max, 3, 5, key=lambda number: -number) == 3
        with pytest.raises(ZeroDivisionError):
            await executor.ask(divmod, 1, 0)
        executor.close()

    asyncio.run(scene())


def test_only_one_has_a_thread() -> None:
    """A terminal of a swarm has none."""

    async def scene() -> None:
        here = threading.get_ident()
        disk, same = DiskThread(), SameThread()
        assert await disk.ask(threading.get_ident) != here
        assert await same.ask(threading.get_ident) == here
        disk.close()

    asyncio.run(scene())


def test_what_was_begun_is_ended_although_the_caller_left() -> None:
    """A write is not torn by a line that is lost."""

    async def scene() -> None:
        executor, go, done = DiskThread(), threading.Event(), threading.Event()

        def write() -> None:
            go.wait()
            done.set()

        asked = asyncio.ensure_future(executor.ask(write))
        await asyncio.sleep(0)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        go.set()
        executor.close()
        assert done.is_set()

    asyncio.run(scene())
