"""POST /v1/scans/manual: staff at the caller's gate admits a visitor without a code. Scope `scan`.

Counted and recorded like a scan, with nobody named; takes a place where the profile counts them.
"""

import time
from http import HTTPStatus
from typing import Final

import msgspec
from aiohttp import web

from verifier.contract.scan import ManualRequest
from verifier.contract.vocabulary import ApiScope
from verifier.service.codeless import admitted
from verifier.service.http.access import Caller, gate_of
from verifier.service.http.bodies import decode, read_json
from verifier.service.http.door import Handler
from verifier.service.http.languages import language_of
from verifier.service.http.problems import Problem
from verifier.service.http.scans import Waiting, check_place, own_scan_id
from verifier.service.readiness import WorkerState
from verifier.service.scanning import Scan, Scanning
from verifier.service.store.commit import Overloaded

MAX_BODY_BYTES: Final = 1024
"""Octets of a request; it has three short words."""
NO_TEXT: Final = ""
"""What the scan_id is bound to; no code is empty."""
_DECODER: Final = msgspec.json.Decoder(ManualRequest)


def manual_handler(scanning: Scanning, state: WorkerState) -> Handler:
    """Return the handler."""

    async def post(request: web.BaseRequest, caller: Caller | None, _: str) -> web.Response:
        if caller is None:
            raise Problem(HTTPStatus.UNAUTHORIZED, "key.unknown")
        if not state.loaded:
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "system.starting")
        body = await read_json(request, MAX_BODY_BYTES)
        gate = gate_of(caller, scanning.knowledge, ApiScope.SCAN)
        asked = decode(body, _DECODER, MAX_BODY_BYTES)
        check_place(gate, asked.place, asked.gate)
        scan_id = own_scan_id(asked.scan_id, gate, "$.scan_id")
        waiting = Waiting()
        scan = Scan(
            scanning, asked.scan_id, language_of(request), time.perf_counter(), waiting.done
        )
        scan.assessment = admitted(gate, scanning.knowledge)
        scan.manual_at = gate.grant.place
        try:
            scanning.begin_codeless(gate, scan_id, scan, NO_TEXT)
        except Overloaded:
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "system.busy") from None
        return await waiting.response()

    return post
