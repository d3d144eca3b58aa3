"""Tasks end although a cancellation was swallowed, and what they raise is nobody's trouble."""

import asyncio

from runtime.tasks import end


async def stubborn(started: asyncio.Event) -> None:
    """Swallow the first cancellation, as a client's timeout can."""
    started.set()
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        await asyncio.Event().wait()


async def failing(started: asyncio.Event) -> None:
    """Fail when cancelled."""
    started.set()
    try:
        await asyncio.Event().wait()
    finally:
        raise ValueError


def test_a_swallowed_cancellation_is_sent_again() -> None:
    """Both tasks have ended, the one that fails too; no task is no work."""

    async def scene() -> list[bool]:
        events = [asyncio.Event(), asyncio.Event()]
        tasks = [asyncio.create_task(stubborn(events[0])), asyncio.create_task(failing(events[1]))]
        await asyncio.gather(*(event.wait() for event in events))
        await asyncio.wait_for(end(tasks), 30)
        await end(())
        return [task.done() for task in tasks]

    assert asyncio.run(scene()) == [True, True]
