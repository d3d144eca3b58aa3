"""The end of holds whose term is over: what a feed said meanwhile comes into force."""

import asyncio
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from runtime.audit import AuditLog
from runtime.clock import now
from runtime.http.audited import audited
from runtime.http.problems import Problem
from runtime.logs import Log
from verifier.contract.audit import Act, AuditAction
from verifier.contract.status import PlaneName
from verifier.feeds.sources import word_of
from verifier.issuing.change_seal import ChangeSeal
from verifier.service.store.causes import (
    PEOPLE,
    ChangeCause,
    ChangeMode,
    HeldValue,
    ended_holds,
    forget_end,
    read_held_value,
)
from verifier.service.store.planes import PlaneUnknown, end_hold

TICK_S: Final = 1.0
"""Seconds between looks at which terms are over: as soon as a change is published."""
MAX_ENDED: Final = 100
"""Holds ended in one look; the next ones a second later."""


class HoldTerms:
    """Ends holds when their term does."""

    def __init__(self, redis: Redis, log: Log, seal: ChangeSeal, audit: AuditLog[Act]) -> None:
        self._redis = redis
        self._log = log
        self._seal = seal
        self._audit = audit

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            try:
                for name, index in await ended_holds(self._redis, int(now()), MAX_ENDED):
                    await self._end(name, index)
            except (RedisError, OSError, Problem, PlaneUnknown) as error:
                self._log.warning("holds.waiting", error=type(error).__name__)
            await asyncio.sleep(TICK_S)

    async def _end(self, name: PlaneName, index: int) -> None:
        held = await read_held_value(self._redis, name, index)
        if held is None or not held.hold.until or held.hold.until > now():
            await forget_end(self._redis, name, index)
            return
        await audited(self._audit, _act(name, index, held))
        why = held.said[1:].decode("ascii") or f"term:{held.hold.proposal}"
        cause = ChangeCause(why, self._seal, ChangeMode.FEED, origin_of(why))
        await end_hold(self._redis, name, index, held, cause)


def origin_of(why: str) -> str:
    """Return whose a value is that a feed gave for this reason: `batch:<source>:<number>`."""
    kind, _, rest = why.partition(":")
    return f"feed:{rest.rpartition(':')[0]}" if kind == "batch" else PEOPLE


def _act(name: PlaneName, index: int, held: HeldValue) -> Act:
    return Act(
        action=AuditAction.END_HOLD,
        by="process",
        subject=f"person:{name.list_number}:{index}",
        reason="term",
        after=word_of(name.plane, held.said[0]) if held.said else "",
        ref=held.hold.proposal,
    )
