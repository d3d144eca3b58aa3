"""Waiting for what the house has promised: looks at its doors again and again, with a deadline."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from deploy.local.doors import Answer, Doors
from deploy.local.errors import LocalError
from deploy.local.trust import LIST

Say = Callable[[str], None]
"""Tells a person what is being waited for."""
HEALTH: Final = f"status-{LIST}-health"
REVOCATION: Final = f"status-{LIST}-revocation"
PATIENCE_S: Final = 75.0
"""Longest wait for a terminal to hold new bundles: they are announced at most every 30 s and
fetched within another 30."""
PROMISED_S: Final = 1.0
"""Seconds after which a change is in every worker's decisions."""
_LOOK_S: Final = 0.2
_WORKERS_ASKED: Final = 24


async def until(holds: Callable[[], Awaitable[bool]], what: str) -> None:
    """Wait until something holds.

    Raises:
        LocalError: it does not in time.
    """
    deadline = time.monotonic() + PATIENCE_S
    while not await holds():
        if time.monotonic() > deadline:
            raise LocalError(f"waited {PATIENCE_S:.0f} s for {what}: run `kapok status`")
        await asyncio.sleep(_LOOK_S)


async def newest(doors: Doors, name: str) -> int:
    """Return the newest version of a bundle that any worker knows."""
    return max(await _versions(doors, name))


async def known_to_workers(doors: Doors, name: str, version: int) -> None:
    """Wait until every worker knows a version."""

    async def workers() -> bool:
        return min(await _versions(doors, name)) >= version

    await until(workers, f"the workers to take {name}")


async def change_known(doors: Doors, name: str, before: int) -> None:
    """Wait until every worker decides by a change just made; `before` is the version before it."""
    # A version without changes may come first, so the promised time is given as well.
    await asyncio.sleep(PROMISED_S)
    await known_to_workers(doors, name, before + 1)


async def held_by(doors: Doors, terminals: Iterable[str], name: str, version: int) -> None:
    """Wait until terminals hold a version."""

    async def held() -> bool:
        states = [await doors.terminal(one, "/state") for one in terminals]
        return all(one["equipped"] and one["bundles"].get(name, 0) >= version for one in states)

    await until(held, f"the terminals to take {name}")


async def uploaded(doors: Doors, terminal: str) -> None:
    """Wait until a terminal is online and has uploaded all that it kept."""

    async def nothing_waits() -> bool:
        state = await doors.terminal(terminal, "/state")
        return state["outbox"]["waiting"] == 0 and bool(state["connectivity"]["online"])

    await until(nothing_waits, f"{terminal} to upload what it kept")


async def _versions(doors: Doors, name: str) -> list[int]:
    # Which worker answers is the kernel's choice; this many connections reach them all.
    pages = [await doors.verifier("/v1/bundles") for _ in range(_WORKERS_ASKED)]
    return [_version(page, name) for page in pages]


def _version(page: Answer, name: str) -> int:
    """Return the newest version that a worker knows, by the deltas too."""
    rows = [row for row in page["bundles"] if row["name"] == name]
    return max((row.get("head", row["version"]) for row in rows), default=0)
