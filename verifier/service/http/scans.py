"""POST /v1/scans: judge one code at the caller's gate. Scope `scan`."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Final

import msgspec
from aiohttp import web

from verifier.contract.errors import MalformedError
from verifier.contract.scan import ScanRequest, scan_id_bytes
from verifier.contract.vocabulary import ApiScope
from verifier.service.clock import now
from verifier.service.http.access import Caller, gate_of
from verifier.service.http.bodies import json_response, read_json
from verifier.service.http.languages import language_of
from verifier.service.http.problems import Problem
from verifier.service.knowledge import Gate
from verifier.service.scanning import AHEAD_MS, ScanConflict, Scanning
from verifier.service.store.commit import Overloaded

MAX_BODY_BYTES: Final = 64 * 1024
"""Octets of a request: 20,000 characters of text, escaped where JSON asks for it."""
_DECODER: Final = msgspec.json.Decoder(ScanRequest)


class ScanResource:
    """Scans of one worker."""

    def __init__(self, scanning: Scanning, loaded: Callable[[], bool]) -> None:
        self._scanning = scanning
        self._loaded = loaded

    async def post(self, request: web.BaseRequest, caller: Caller | None, _: str) -> web.Response:
        """Answer a scan.

        Raises:
            Problem: 400, 403, 408, 409, 413, 415 or 503 with a code.
        """
        scanning = self._scanning
        if caller is None:
            raise Problem(HTTPStatus.UNAUTHORIZED, "key.unknown")
        if not self._loaded():
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "system.starting")
        gate = gate_of(caller, scanning.knowledge, ApiScope.SCAN)
        body = await read_json(request, _DECODER, MAX_BODY_BYTES)
        if (body.place is not None and body.place != gate.grant.place) or (
            body.gate is not None and body.gate != gate.grant.gate
        ):
            raise Problem(HTTPStatus.FORBIDDEN, "grant.place")
        scan_id = own_scan_id(body.scan_id, gate, "$.scan_id")
        try:
            answer = await scanning.scan(gate, scan_id, body, language_of(request))
        except Overloaded:
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "system.busy") from None
        except ScanConflict:
            raise Problem(HTTPStatus.CONFLICT, "scan.conflict") from None
        return json_response(answer)


def own_scan_id(text: str, gate: Gate, field: str) -> bytes:
    """Return the bytes of a scan_id that the caller may use.

    Raises:
        Problem: 400 body.field, it is none or far ahead; 409 scan.conflict, it is another's.
    """
    try:
        scan_id = scan_id_bytes(text)
    except MalformedError:
        raise Problem(HTTPStatus.BAD_REQUEST, "body.field", field=field) from None
    if not text.endswith(gate.tail):
        raise Problem(HTTPStatus.CONFLICT, "scan.conflict")
    if int.from_bytes(scan_id[:6], "big") > now() * 1000 + AHEAD_MS:
        raise Problem(HTTPStatus.BAD_REQUEST, "body.field", field=field)
    return scan_id
