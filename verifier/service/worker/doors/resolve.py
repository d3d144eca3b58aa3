"""POST /v1/scans/{scan_id}/resolve: an operator closes a review, once. By token, scope `resolve`.

It is in the audit log, with the operator's person id, before it is done.
The scan's tag is found by its terminal, which the end of a scan_id names. A resolution claims
nothing: what a review stands for was never a pass.
"""

from http import HTTPStatus
from typing import Final

import msgspec
from aiohttp import web
from redis.asyncio import Redis
from redis.exceptions import RedisError

from runtime.audit import AuditLog
from runtime.http.access import Caller, require_place, token_of
from runtime.http.audited import audited
from runtime.http.bodies import decode, json_response, read_json
from runtime.http.problems import Problem, store_away
from runtime.http.routes import Handler
from verifier.contract.amendment import (
    RESOLUTIONS,
    Amendment,
    AmendmentKind,
    ResolveAnswer,
    ResolveRequest,
)
from verifier.contract.audit import Act, AuditAction, not_done
from verifier.contract.errors import MalformedError
from verifier.contract.scan import TAIL_CHARS, scan_id_bytes
from verifier.contract.vocabulary import Outcome
from verifier.errors import Outage
from verifier.service.store.amendments import Looked, look, resolve
from verifier.service.worker.knowledge import ScanGate
from verifier.service.worker.pipeline import ScanPipeline, decided
from verifier.service.worker.readiness import WorkerState

MAX_BODY_BYTES: Final = 1024
"""Bytes of a request; it has two words."""
_ATTEMPTS: Final = 3
"""Looks at a scan that changes meanwhile; it changes twice in its life at most."""
_DECODER: Final = msgspec.json.Decoder(ResolveRequest)


def resolve_handler(
    redis: Redis, pipeline: ScanPipeline, state: WorkerState, audit: AuditLog[Act]
) -> Handler:
    """Return the handler."""

    async def post(request: web.BaseRequest, caller: Caller, text: str) -> web.Response:
        token = token_of(caller)
        if not state.loaded:
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "system.starting")
        asked = decode(await read_json(request, MAX_BODY_BYTES), _DECODER, MAX_BODY_BYTES)
        if asked.decision is Outcome.REVIEW:
            raise Problem(HTTPStatus.BAD_REQUEST, "body.field", field="$.decision")
        if asked.reason not in RESOLUTIONS[asked.decision]:
            raise Problem(HTTPStatus.BAD_REQUEST, "body.field", field="$.reason")
        try:
            scan_id = scan_id_bytes(text)
        except MalformedError:
            raise Problem(HTTPStatus.BAD_REQUEST, "body.field", field="scan_id") from None
        if not pipeline.commit.up:
            raise store_away()
        act = Act(
            action=AuditAction.RESOLVE,
            person=token.person,
            by=f"token:{token.id}",
            subject=f"scan:{text}",
            reason=asked.reason,
            before=Outcome.REVIEW,
            after=asked.decision,
            ref=text,
        )
        try:
            fresh = await _resolve(redis, pipeline, scan_id, asked, caller, audit, act)
        except (RedisError, OSError, Outage):
            raise store_away() from None
        if fresh:
            table, key = pipeline.metrics.resolutions, (asked.decision, asked.reason)
            table[key] = table.get(key, 0) + 1
        return json_response(
            ResolveAnswer(scan_id=text, decision=asked.decision, reason=asked.reason)
        )

    return post


async def _resolve(  # what is asked, by whom, and where it is noted
    redis: Redis,
    pipeline: ScanPipeline,
    scan_id: bytes,
    asked: ResolveRequest,
    caller: Caller,
    audit: AuditLog[Act],
    act: Act,
) -> bool:
    """Close a review; False: it was closed so before.

    Raises:
        Problem: 403 operator.area, 404 scan.unknown, 409 scan.annulled, scan.resolved or
            scan.not_review.
    """
    for _ in range(_ATTEMPTS):
        gate, found = await _find(redis, pipeline, scan_id)
        # Where it was made: the terminal may stand at another place by now.
        made_at = found.record.place
        require_place(caller, made_at, pipeline.knowledge.district(made_at))
        before = found.amendment
        if found.annulled:
            raise Problem(HTTPStatus.CONFLICT, "scan.annulled")
        if before is not None and before.kind is AmendmentKind.RESOLVED:
            if (before.decision, before.reason) == (asked.decision, asked.reason):
                return False
            raise Problem(HTTPStatus.CONFLICT, "scan.resolved")
        if decided(found.record, found.answer).outcome is not Outcome.REVIEW:
            raise Problem(HTTPStatus.CONFLICT, "scan.not_review")
        amendment = Amendment(
            kind=AmendmentKind.RESOLVED,
            by=act.person,
            at=found.now,
            decision=asked.decision,
            reason=asked.reason,
        )
        await audited(audit, act)
        if await resolve(redis, gate.tag, scan_id, found.entry, amendment):
            return True
        await audited(audit, not_done(act, "changed"))
    raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "system.busy")


async def _find(redis: Redis, pipeline: ScanPipeline, scan_id: bytes) -> tuple[ScanGate, Looked]:
    """Return a scan and the gate where it was made.

    Raises:
        Problem: 404 scan.unknown.
    """
    for terminal in pipeline.knowledge.terminals(scan_id.hex()[-TAIL_CHARS:]):
        gate = pipeline.knowledge.gate(terminal)
        found = None if gate is None else await look(redis, gate.tag, scan_id)
        if gate is not None and found is not None and found.record.terminal == terminal:
            return gate, found
    raise Problem(HTTPStatus.NOT_FOUND, "scan.unknown")
