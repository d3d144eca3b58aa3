"""POST /v1/scans: judge one code at the caller's gate. Scope `scan`."""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

import msgspec
from aiohttp import web

from runtime.clock import now
from runtime.http.access import Caller
from runtime.http.bodies import decode, encode, json_response, read_json
from runtime.http.lane import Respond, problem, response
from runtime.http.problems import Problem
from verifier.contract.errors import MalformedError
from verifier.contract.reasons import Language
from verifier.contract.scan import ScanRequest, TerminalAnswer, scan_id_bytes
from verifier.contract.vocabulary import ApiScope
from verifier.service.http.languages import language_of
from verifier.service.store.commit import Overloaded
from verifier.service.worker.gates import gate_of
from verifier.service.worker.knowledge import Knowledge, ScanGate
from verifier.service.worker.pipeline import AHEAD_MS, Done, ScanPipeline

MAX_BODY_BYTES: Final = 64 * 1024
"""Bytes of a request: 20,000 characters of text, escaped where JSON asks for it."""
_DECODER: Final = msgspec.json.Decoder(ScanRequest)


class WaitingRequest:
    """A request that waits for the answer of its scan."""

    __slots__ = ("_future",)

    def __init__(self) -> None:
        self._future: asyncio.Future[TerminalAnswer | None]
        self._future = asyncio.get_running_loop().create_future()

    def done(self, answer: TerminalAnswer | None) -> None:
        """Take the answer; a vanished client's scan is stored all the same."""
        if not self._future.done():
            self._future.set_result(answer)

    async def response(self) -> web.Response:
        """Return the answer once it is there.

        Raises:
            Problem: 409 scan.conflict.
        """
        answer = await self._future
        if answer is None:
            raise conflict()
        return json_response(answer)


class ScanResource:
    """Scans of one worker."""

    def __init__(self, pipeline: ScanPipeline, loaded: Callable[[], bool]) -> None:
        self._pipeline = pipeline
        self._loaded = loaded

    async def post(self, request: web.BaseRequest, caller: Caller, _: str) -> web.Response:
        """Answer a scan.

        Raises:
            Problem: 400, 403, 408, 409, 413, 415 or 503 with a code.
        """
        body = await read_json(request, MAX_BODY_BYTES)
        waiting = WaitingRequest()
        self._begin(caller, language_of(request), body, waiting.done)
        return await waiting.response()

    def lane(self, caller: Caller, language: Language, body: bytes, respond: Respond) -> None:
        """Answer a scan that came in one piece.

        Raises:
            Problem: 400, 403, 409, 413 or 503 with a code.
        """

        def done(answer: TerminalAnswer | None) -> None:
            respond(problem(conflict()) if answer is None else response(200, encode(answer)))

        self._begin(caller, language, body, done)

    def _begin(self, caller: Caller, language: Language, body: bytes, done: Done) -> None:
        if not self._loaded():
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "system.starting")
        gate, scan_id, request = read_line(caller, self._pipeline.knowledge, body)
        try:
            self._pipeline.begin(gate, scan_id, request, language, done)
        except Overloaded:
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "system.busy") from None


def read_line(
    caller: Caller, knowledge: Knowledge, data: bytes
) -> tuple[ScanGate, bytes, ScanRequest]:
    """Read one scan line: at which gate, under which scan_id, what.

    Raises:
        Problem: 400, 403, 409 or 413 with a code and, where a field is wrong, its path.
    """
    gate = gate_of(caller, knowledge, ApiScope.SCAN)
    request = decode(data, _DECODER, MAX_BODY_BYTES)
    check_place(gate, request.place, request.gate)
    return gate, own_scan_id(request.scan_id, gate, "$.scan_id"), request


def check_place(gate: ScanGate, place: str | None, name: str | None) -> None:
    """Hold a repeated place and gate against the grant.

    Raises:
        Problem: 403 grant.place.
    """
    grant = gate.grant
    if place not in (None, grant.place) or name not in (None, grant.gate):
        raise Problem(HTTPStatus.FORBIDDEN, "grant.place")


def conflict() -> Problem:
    """Return the problem of a scan_id that is another's, or of another text."""
    return Problem(HTTPStatus.CONFLICT, "scan.conflict")


def own_scan_id(text: str, gate: ScanGate, field: str) -> bytes:
    """Return the bytes of a scan_id that the caller may use.

    Raises:
        Problem: 400 body.field, it is none or far ahead; 409 scan.conflict, it is another's.
    """
    try:
        scan_id = scan_id_bytes(text)
    except MalformedError:
        raise Problem(HTTPStatus.BAD_REQUEST, "body.field", field=field) from None
    if not text.endswith(gate.tail):
        raise conflict()
    if int.from_bytes(scan_id[:6], "big") > now() * 1000 + AHEAD_MS:
        raise Problem(HTTPStatus.BAD_REQUEST, "body.field", field=field)
    return scan_id
