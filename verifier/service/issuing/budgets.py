"""Budgets at a door: what goes past one is refused, and the refusal is in the audit log."""

from http import HTTPStatus
from typing import Final

from redis.asyncio import Redis

from runtime.audit import AuditLog
from runtime.clock import now
from runtime.http.access import Caller
from runtime.http.audited import refused
from runtime.http.health import Finding
from runtime.http.operations import Codes
from runtime.http.problems import Problem
from verifier.contract.audit import Act, AuditAction
from verifier.issuing.acts import WINDOW_S, BudgetedAct
from verifier.service.store.budgets import budget_of, read_spent, spend

BUDGET: Final[Codes] = {429: ("budget.spent",)}
"""Of an operation whose act is counted."""


class Budgets:
    """What operators and keys may do by hand, counted in the store."""

    def __init__(self, redis: Redis, audit: AuditLog[Act]) -> None:
        self._redis = redis
        self._audit = audit

    async def spend(
        self, caller: Caller, act: BudgetedAct, subject: str, *, items: int = 1
    ) -> None:
        """Take items of the caller's budget, before anything is written down or done.

        Raises:
            Problem: 429 budget.spent, with `budget`, `spent` and Retry-After; it is audited.
            RedisError: the store is away.
        """
        who = caller.share
        budget = budget_of(act, who)
        found = await spend(self._redis, act, who, items, budget)
        if found.taken:
            return
        await refused(
            self._audit,
            Act(
                action=AuditAction.REFUSE,
                person="" if caller.token is None else caller.token.person,
                by=caller.by,
                subject=subject,
                reason="budget.spent",
                before=f"{act}: {found.spent} of {budget}",
            ),
            same=f"{who} {act}",
        )
        left = WINDOW_S if found.free_at == 0 else max(1, found.free_at - int(now()))
        raise Problem(
            HTTPStatus.TOO_MANY_REQUESTS,
            "budget.spent",
            headers={"Retry-After": str(min(left, WINDOW_S))},
            told={"budget": budget, "spent": found.spent, "free_at": found.free_at},
        )

    async def findings(self) -> tuple[Finding, ...]:
        """Say of which act budgets are spent, or were asked for more, in the last hour.

        By whom is for `kapok status` to say: whoever asks for readiness is not asked who they are.

        Raises:
            RedisError: the store is away.
        """
        over: dict[str, list[int]] = {}
        for row in await read_spent(self._redis):
            if row.refused or row.spent >= budget_of(row.act, row.who):
                over.setdefault(row.act, []).append(row.refused)
        return tuple(
            Finding(
                code="budget.spent",
                detail=f"{act}: by {len(refused)} in the last hour, {sum(refused)} refused",
            )
            for act, refused in over.items()
        )
