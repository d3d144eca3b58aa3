"""/v1/proposals: what takes two people, each an operator with a token (docs/operators.md).

    POST /v1/proposals               propose
    GET  /v1/proposals               the newest; GET /v1/proposals/ID one
    POST /v1/proposals/ID/approve    by another person: it is carried out before the answer
    POST /v1/proposals/ID/reject     by another person, or taken back by the same

Every step is in the audit log before it is made. What has a waiting time is carried out when that
is over, and can be rejected or taken back until then. What was approved when the process ended is
carried out at its next start, once.
"""

import asyncio
import re
import secrets
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Final
from weakref import WeakValueDictionary

import msgspec
from aiohttp import web
from redis.asyncio import Redis
from redis.exceptions import RedisError

from runtime.audit import AuditLog
from runtime.clock import now, settled
from runtime.http import bodies
from runtime.http.access import Caller, ShownToken, require, token_of
from runtime.http.audited import audited
from runtime.http.bodies import json_response, read_json
from runtime.http.problems import Problem
from runtime.http.queries import numbers
from runtime.http.routes import Handlers
from runtime.logs import Log
from verifier.contract.audit import Act, AuditAction, not_done
from verifier.contract.proposal import (
    PROPOSAL_S,
    Proposal,
    ProposalKind,
    ProposalPage,
    ProposalState,
    Rejection,
)
from verifier.contract.vocabulary import ApiScope
from verifier.errors import Outage
from verifier.issuing.acts import BudgetedAct
from verifier.issuing.proposals import (
    StepRefused,
    approved,
    carried_out,
    is_due,
    overtaken,
    rejected,
    shown,
)
from verifier.service.issuing.budgets import Budgets
from verifier.service.issuing.checks import store_asked
from verifier.service.issuing.proposals.kinds import Asked, ProposalRules
from verifier.service.store.proposals import (
    StoredProposal,
    count_proposed,
    forget_proposals,
    keep_note,
    keep_proposal,
    marker_of,
    move_proposal,
    read_proposal,
    read_proposals,
)

MAX_BODY: Final = 2048
"""Bytes; a text of 200 characters takes 800, escaped 2,400: then it must be shorter."""
PAGE: Final = 100
MAX_PAGE: Final = 1000
TICK_S: Final = 10.0
"""Seconds between looks at what was approved and could not be carried out."""
AT_A_TIME: Final = 8
"""Of these at once: there are four planes whose end may take minutes, and more connections."""
FORGET_S: Final = 3600.0
"""Seconds between looks at what is old enough to be forgotten."""
_END: Final = 1 << 53
BOUNDS: Final = {"before": (_END, 0, _END), "limit": (PAGE, 1, MAX_PAGE)}
_ID: Final = re.compile(r"[0-9a-f]{32}")
_ASKED: Final = msgspec.json.Decoder(Asked)
_REJECTION: Final = msgspec.json.Decoder(Rejection)
_WAITS: Final = (RedisError, OSError, Outage, Problem)
"""What is tried again later: a store that is away, or whose file cannot be rewritten now."""
_STATUS: Final = {"proposal.own": HTTPStatus.FORBIDDEN, "proposal.reason": HTTPStatus.BAD_REQUEST}


class Proposals:
    """The resource."""

    def __init__(
        self,
        redis: Redis,
        kinds: dict[ProposalKind, ProposalRules],
        audit: AuditLog[Act],
        budgets: Budgets,
        log: Log,
    ) -> None:
        self._redis = redis
        self._kinds = kinds
        self._audit = audit
        self._budgets = budgets
        self._log = log
        self._unfinished: set[str] = set()
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def handlers(self) -> Handlers:
        """Return what answers."""
        return {
            "propose": self.post,
            "listProposals": self.list,
            "readProposal": self.get,
            "approveProposal": self.approve,
            "rejectProposal": self.reject,
        }

    async def post(self, request: web.BaseRequest, caller: Caller, _: str) -> web.Response:
        """Propose something; answers 201 with the proposal."""
        token = token_of(caller)
        asked = bodies.decode(await read_json(request, MAX_BODY), _ASKED, MAX_BODY)
        kind = self._kinds[ProposalKind(str(type(asked).__struct_config__.tag))]
        if kind.scope not in token.scopes:
            raise Problem(HTTPStatus.FORBIDDEN, "scope.missing")
        if asked.reason not in kind.reasons:
            raise Problem(HTTPStatus.BAD_REQUEST, "body.field", field="$.reason")
        with store_asked():
            matter = await kind.look(asked)
            await self._budgets.spend(caller, BudgetedAct(kind.kind), matter.subject)
            moment = _now_ms()
            if not await count_proposed(self._redis, token.person, moment):
                raise Problem(HTTPStatus.CONFLICT, "proposals.many")
            proposal = Proposal(
                id=secrets.token_hex(16),
                kind=kind.kind,
                subject=matter.subject,
                before=matter.before,
                after=matter.after,
                reason=asked.reason,
                text=asked.text,
                hours=getattr(asked, "hours", None),
                state=ProposalState.OPEN,
                proposed_by=token.person,
                proposed_at=moment,
                expires=moment + PROPOSAL_S * 1000,
                identity=matter.identity,
            )
            act = _act(AuditAction.PROPOSE, token, proposal)
            await audited(self._audit, act)
            if matter.note:
                await keep_note(self._redis, proposal.id, matter.note)
            if not await keep_proposal(self._redis, proposal):
                await audited(self._audit, not_done(act, "full"))
                raise Problem(HTTPStatus.CONFLICT, "proposals.many")
        return json_response(proposal, status=HTTPStatus.CREATED)

    async def list(self, request: web.BaseRequest, _caller: Caller, _: str) -> web.Response:
        """Show the newest proposals."""
        query = numbers(request, BOUNDS)
        with store_asked():
            kept = await read_proposals(self._redis, query["before"], query["limit"])
        moment = _now_ms()
        return json_response(
            ProposalPage(proposals=tuple(shown(each.proposal, moment) for each in kept))
        )

    async def get(self, _: web.BaseRequest, _caller: Caller, proposal_id: str) -> web.Response:
        """Show one proposal."""
        with store_asked():
            kept = await self._read(proposal_id)
        return json_response(shown(kept.proposal, _now_ms()))

    async def approve(
        self, _request: web.BaseRequest, caller: Caller, proposal_id: str
    ) -> web.Response:
        """Approve what somebody else proposed, and carry it out."""
        token = token_of(caller)
        with store_asked():
            async with self._turn(proposal_id):
                kept = await self._read(proposal_id)
                wait_ms = 1000 * self._kinds[kept.proposal.kind].wait_s
                after = _taken(
                    lambda: approved(kept.proposal, token.person, _now_ms(), wait_ms=wait_ms)
                )
                if after.state is ProposalState.DONE:
                    return json_response(after)
                if after != kept.proposal:
                    kept = await self._approve(token, kept, after)
                if not is_due(kept.proposal, _now_ms()):
                    return json_response(kept.proposal)
                if kept.proposal.due:
                    await audited(self._audit, self._applied(kept.proposal))
                return json_response((await self._finish(kept)).proposal)

    async def reject(
        self, request: web.BaseRequest, caller: Caller, proposal_id: str
    ) -> web.Response:
        """Reject what somebody else proposed, or take back one's own."""
        token = token_of(caller)
        body = bodies.decode(await read_json(request, MAX_BODY), _REJECTION, MAX_BODY)
        with store_asked():
            async with self._turn(proposal_id):
                kept = await self._read(proposal_id)
                own = token.person == kept.proposal.proposed_by
                require(caller, ApiScope.PROPOSE if own else ApiScope.APPROVE)
                after = _taken(
                    lambda: rejected(kept.proposal, token.person, body.reason, _now_ms())
                )
                if after != kept.proposal:
                    if not await self._untouched(kept.proposal):
                        raise Problem(HTTPStatus.CONFLICT, "proposal.closed")
                    act = _act(AuditAction.REJECT, token, after, reason=body.reason)
                    await self._move(kept, after, act)
                return json_response(after)

    async def run(self) -> None:
        """Carry out what an earlier process approved, and forget what is old; until cancelled."""
        found, forgotten_at = False, -FORGET_S
        while True:
            try:
                if not found:
                    await self._find()
                    found = True
                await self._resume_all()
                if time.monotonic() - forgotten_at >= FORGET_S and settled():
                    while await forget_proposals(self._redis, _now_ms()):
                        pass
                    forgotten_at = time.monotonic()
            except _WAITS as error:
                self._log.warning("proposals.waiting", error=type(error).__name__)
            await asyncio.sleep(TICK_S)

    async def _resume_all(self) -> None:
        """Carry out what waits; one that cannot be done yet, or takes long, holds up no other."""
        places = asyncio.Semaphore(AT_A_TIME)

        async def resume(proposal_id: str) -> None:
            try:
                async with places:
                    await self._resume(proposal_id)
            except _WAITS as error:
                name = type(error).__name__
                self._log.warning("proposals.waiting", proposal=proposal_id, error=name)

        await asyncio.gather(*map(resume, tuple(self._unfinished)))

    def _turn(self, proposal_id: str) -> asyncio.Lock:
        """Return whose holder takes steps of a proposal; others go on, whatever this one takes."""
        return self._turns.setdefault(proposal_id, asyncio.Lock())

    async def _find(self) -> None:
        """Find what an earlier process did not finish: what was approved, what is left of done."""
        for proposal, _ in await read_proposals(self._redis, _END, _END):
            if proposal.state is ProposalState.APPROVED:
                self._unfinished.add(proposal.id)
            settle = self._kinds[proposal.kind].settle
            if proposal.state is ProposalState.DONE and settle is not None:
                await settle(proposal)

    async def _approve(
        self, token: ShownToken, kept: StoredProposal, after: Proposal
    ) -> StoredProposal:
        """Note an approval, and make it stand."""
        proposal = kept.proposal
        if await self._kinds[proposal.kind].stands(proposal) != proposal.before:
            await self._overtake(kept)
            raise Problem(HTTPStatus.CONFLICT, "proposal.overtaken")
        act = _act(AuditAction.APPROVE, token, after)
        await self._move(kept, after, act)
        self._unfinished.add(proposal.id)
        return await self._read(proposal.id)

    async def _untouched(self, proposal: Proposal) -> bool:
        """Say whether nothing of an approved proposal was done; a clock may have been set back."""
        if proposal.state is not ProposalState.APPROVED:
            return True
        return await self._kinds[proposal.kind].stands(proposal) == proposal.before

    def _applied(self, proposal: Proposal) -> Act:
        """Say that the process carries a proposal out."""
        return _act(self._kinds[proposal.kind].action, None, proposal)

    async def _resume(self, proposal_id: str) -> None:
        """Carry out what was approved before an interruption."""
        async with self._turn(proposal_id):
            kept = await read_proposal(self._redis, proposal_id)
            if kept is None or kept.proposal.state is not ProposalState.APPROVED:
                self._unfinished.discard(proposal_id)
                return
            if not is_due(kept.proposal, _now_ms()):
                return
            await audited(self._audit, self._applied(kept.proposal))
            await self._finish(kept)

    async def _finish(self, kept: StoredProposal) -> StoredProposal:
        """Carry out an approved proposal, once.

        Raises:
            Problem: 409 proposal.overtaken.
        """
        proposal = kept.proposal
        marker = marker_of(kept, carried_out(proposal))
        done = await self._kinds[proposal.kind].carry_out(proposal, marker)
        found = await self._read(proposal.id)
        if not done and found.proposal.state is ProposalState.APPROVED:
            await self._overtake(found)
            raise Problem(HTTPStatus.CONFLICT, "proposal.overtaken")
        self._unfinished.discard(proposal.id)
        return found

    async def _overtake(self, kept: StoredProposal) -> None:
        after = overtaken(kept.proposal)
        act = _act(AuditAction.APPLY, None, after)
        await audited(self._audit, not_done(act, "overtaken"))
        await move_proposal(self._redis, kept, after)
        self._unfinished.discard(after.id)

    async def _move(self, kept: StoredProposal, after: Proposal, act: Act) -> None:
        """Note a step, then take it.

        Raises:
            Problem: 409 proposal.closed: somebody else took another.
        """
        await audited(self._audit, act)
        if not await move_proposal(self._redis, kept, after):
            await audited(self._audit, not_done(act, "closed"))
            raise Problem(HTTPStatus.CONFLICT, "proposal.closed")

    async def _read(self, proposal_id: str) -> StoredProposal:
        kept = None
        if _ID.fullmatch(proposal_id) is not None:
            kept = await read_proposal(self._redis, proposal_id)
        if kept is None:
            raise Problem(HTTPStatus.NOT_FOUND, "proposal.unknown")
        return kept


def _taken(step: Callable[[], Proposal]) -> Proposal:
    """Take a step; what may not be is a problem."""
    try:
        return step()
    except StepRefused as error:
        status = _STATUS.get(error.code, HTTPStatus.CONFLICT)
        raise Problem(status, error.code) from error


def _act(
    action: AuditAction, token: ShownToken | None, proposal: Proposal, *, reason: str = ""
) -> Act:
    """Say what happens to a proposal; without a token it is the process that goes on."""
    return Act(
        action=action,
        person="" if token is None else token.person,
        by="process" if token is None else f"token:{token.id}",
        subject=proposal.subject,
        reason=reason or f"{proposal.reason} {proposal.identity}".rstrip(),
        before=proposal.before,
        after=proposal.after,
        ref=proposal.id,
    )


def _now_ms() -> int:
    return int(now() * 1000)
