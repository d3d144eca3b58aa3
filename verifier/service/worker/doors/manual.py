"""POST /v1/scans/manual: staff admits a visitor without a code.

A terminal or a key with the scope `scan` does so at its own gate; an operator with the scope
`resolve` at the gate of the terminal that the scan_id names, and that is in the audit log first.
Counted and recorded like a scan, with nobody named; takes a place where the profile counts them.
"""

import time
from collections import OrderedDict
from http import HTTPStatus
from typing import Final

import msgspec
from aiohttp import web

from runtime.audit import AuditLog
from runtime.http.access import Caller, ShownToken, require_place
from runtime.http.audited import audited, refused
from runtime.http.bodies import decode, read_json
from runtime.http.problems import Problem
from runtime.http.routes import Handler
from verifier.contract.audit import Act, AuditAction, not_done
from verifier.contract.errors import MalformedError
from verifier.contract.scan import TAIL_CHARS, ManualRequest, scan_id_bytes
from verifier.contract.vocabulary import ApiScope, GrantState
from verifier.service.http.languages import language_of
from verifier.service.store.commit import Overloaded
from verifier.service.worker.codeless import admitted
from verifier.service.worker.doors.scans import WaitingRequest, check_place, own_scan_id
from verifier.service.worker.gates import gate_of
from verifier.service.worker.knowledge import ScanGate
from verifier.service.worker.pipeline import PendingScan, ScanPipeline
from verifier.service.worker.readiness import WorkerState

MAX_BODY_BYTES: Final = 1024
"""Bytes of a request; it has three short words."""
MAX_ANNOUNCED: Final = 10_000
"""Admissions remembered, some 2 MB: of a busy day. An older one asked again has an entry again."""
NO_TEXT: Final = ""
"""What the scan_id is bound to; no code is empty."""
_DECODER: Final = msgspec.json.Decoder(ManualRequest)


def manual_handler(pipeline: ScanPipeline, state: WorkerState, audit: AuditLog[Act]) -> Handler:
    """Return the handler."""
    announced = AnnouncedActs(audit)

    async def post(request: web.BaseRequest, caller: Caller, _: str) -> web.Response:
        if not state.loaded:
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "system.starting")
        body = await read_json(request, MAX_BODY_BYTES)
        if caller.token is None:
            gate = gate_of(caller, pipeline.knowledge, ApiScope.SCAN)
            asked = decode(body, _DECODER, MAX_BODY_BYTES)
        else:
            asked = decode(body, _DECODER, MAX_BODY_BYTES)
            gate = _operated(pipeline, caller, asked)
        check_place(gate, asked.place, asked.gate)
        scan_id = own_scan_id(asked.scan_id, gate, "$.scan_id")
        act = None if caller.token is None else _act(caller.token, asked.scan_id, gate)
        if act is not None:
            await announced.note(act)
        waiting = WaitingRequest()
        scan = PendingScan(
            pipeline, asked.scan_id, language_of(request), time.perf_counter(), waiting.done
        )
        scan.assessment = admitted(gate, pipeline.knowledge)
        scan.manual_at = gate.grant.place
        try:
            pipeline.begin_codeless(gate, scan_id, scan, NO_TEXT)
        except Overloaded:
            if act is not None:
                await announced.take_back(act, "busy")
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "system.busy") from None
        return await waiting.response()

    return post


class AnnouncedActs:
    """Visitors whom operators admitted of late: the same request again is the same act."""

    def __init__(self, audit: AuditLog[Act]) -> None:
        self._audit = audit
        self._newest: OrderedDict[tuple[str, str], None] = OrderedDict()

    async def note(self, act: Act) -> None:
        """Announce an act; asked again under its scan_id, which admits nobody, it is a count.

        Raises:
            Problem: 503 audit.unavailable.
        """
        key = (act.person, act.ref)
        if key in self._newest:
            again = msgspec.structs.replace(act, action=AuditAction.REFUSE, reason="repeated")
            await refused(self._audit, again, same=f"{act.person} admitted again")
            return
        await audited(self._audit, act)
        self._newest[key] = None
        if len(self._newest) > MAX_ANNOUNCED:
            self._newest.popitem(last=False)

    async def take_back(self, act: Act, reason: str) -> None:
        """Say that an act did not take place; asked again it is a new one."""
        self._newest.pop((act.person, act.ref), None)
        await audited(self._audit, not_done(act, reason))


def _operated(pipeline: ScanPipeline, caller: Caller, asked: ManualRequest) -> ScanGate:
    """Return the gate at which an operator admits somebody: its terminal ends the scan_id.

    Raises:
        Problem: 400 body.field, 403 operator.area or grant.…, 404 terminal.unknown.
    """
    try:
        scan_id_bytes(asked.scan_id)
    except MalformedError:
        raise Problem(HTTPStatus.BAD_REQUEST, "body.field", field="$.scan_id") from None
    for terminal in pipeline.knowledge.terminals(asked.scan_id[-TAIL_CHARS:]):
        gate = pipeline.knowledge.gate(terminal)
        if gate is None or asked.place not in (None, gate.grant.place):
            continue
        require_place(caller, gate.grant.place, gate.grant.district)
        if gate.grant.state is not GrantState.ACTIVE:
            raise Problem(HTTPStatus.FORBIDDEN, f"grant.{gate.grant.state}")
        return gate
    raise Problem(HTTPStatus.NOT_FOUND, "terminal.unknown")


def _act(token: ShownToken, scan_id: str, gate: ScanGate) -> Act:
    return Act(
        action=AuditAction.ADMIT,
        person=token.person,
        by=f"token:{token.id}",
        subject=f"terminal:{gate.grant.terminal}",
        ref=scan_id,
    )
