"""Suspensions: a terminal whose uploads contradict the centre too often is refused by all workers.

A worker writes no grants. It counts in the store, so that all workers count together; at the bound
it suspends the terminal there, and each worker obeys within a second. The terminal is answered as
one that the fleet suspended. A new grant ends it (docs/runbook.md, `terminals.suspended`).
"""

import asyncio
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from runtime.audit import AuditError, AuditLog
from runtime.logs import Log
from verifier.contract.audit import Act, AuditAction
from verifier.contract.grant import Grant
from verifier.service.store.suspensions import count_contradictions, read_suspensions, suspend
from verifier.service.worker.knowledge import Knowledge

WINDOW_S: Final = 3600
"""Seconds in which contradictions count together."""
MOST_POINTS: Final = 1000
"""Points in the window that suspend a terminal."""
REFUTED_POINTS: Final = 20
"""For a pass that nothing at a terminal can make right: fifty in an hour are no accident."""
FORGOTTEN_POINTS: Final = 1
"""For a decision that the centre does not know of. A store that fails over forgets some, and a
terminal sends the last ten minutes again: at one scan a second that stays below the bound."""
FOLLOW_S: Final = 1.0
"""Seconds between looks at what other workers suspended."""


class SuspensionFollower:
    """The terminals that workers suspended, as the store knows them."""

    def __init__(self, redis: Redis, knowledge: Knowledge, audit: AuditLog[Act], log: Log) -> None:
        self._redis = redis
        self._knowledge = knowledge
        self._audit = audit
        self._log = log
        self.read = asyncio.Event()
        """Set once what the store keeps has been read."""

    async def run(self) -> None:
        """Follow until cancelled; while the store is away, what was known stays."""
        while True:
            try:
                self._knowledge.suspended = await read_suspensions(self._redis)
                self.read.set()
            except (RedisError, OSError):
                pass
            await asyncio.sleep(FOLLOW_S)

    async def count(self, grant: Grant, points: int) -> None:
        """Count contradictions of a terminal, and suspend it at the bound.

        While the store is away nothing is counted: it stores no uploads then either.
        """
        try:
            total = await count_contradictions(self._redis, grant, points, seconds=WINDOW_S)
            if total >= MOST_POINTS and not self._knowledge.is_suspended(grant):
                await self._suspend(grant, total)
        except (RedisError, OSError):
            self._log.warning("contradictions.not_counted", terminal=grant.terminal)

    async def _suspend(self, grant: Grant, total: int) -> None:
        """Note it, then do it; it is done also where the log cannot be written."""
        act = Act(
            action=AuditAction.SUSPEND,
            by="process",
            subject=f"terminal:{grant.terminal}",
            reason="contradictions",
            before="active",
            after="suspended",
            ref=f"grant:{grant.rank}",
        )
        try:
            await self._audit.append(act)
        except AuditError as error:
            self._log.error("audit.failed", error=str(error))
        self._knowledge.suspended = {**self._knowledge.suspended, grant.terminal: grant.rank}
        self._log.warning("terminal.suspended", terminal=grant.terminal, points=total)
        await suspend(self._redis, grant)
