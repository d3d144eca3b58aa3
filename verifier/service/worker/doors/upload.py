"""POST /v1/scans/upload: take in scans that a terminal has decided itself. Scope `scan`."""

from http import HTTPStatus
from typing import Final

import msgspec
from aiohttp import web

from runtime.http.access import Caller
from runtime.http.bodies import decode, json_response, read_json
from runtime.http.limits import ConcurrencyLimit
from runtime.http.problems import Problem
from runtime.http.routes import Handler
from verifier.contract.scan import UploadAnswer, UploadRequest
from verifier.contract.vocabulary import ApiScope
from verifier.service.store.commit import Overloaded
from verifier.service.worker.follow.suspensions import SuspensionFollower
from verifier.service.worker.gates import gate_of
from verifier.service.worker.pipeline import ScanPipeline
from verifier.service.worker.readiness import WorkerState
from verifier.service.worker.uploads import upload

MAX_BODY_BYTES: Final = 2 * 1024 * 1024
"""Bytes of an upload: 100 records of 20,000 characters."""
MAX_UPLOADS: Final = 64
"""Uploads judged at once in a worker; a terminal comes again with the same one."""
MAX_CALLER_UPLOADS: Final = 16
"""Of them, those of one caller; a terminal has one, a service may send for many terminals."""
_DECODER: Final = msgspec.json.Decoder(UploadRequest)


def upload_handler(
    pipeline: ScanPipeline, state: WorkerState, suspensions: SuspensionFollower
) -> Handler:
    """Return the handler."""
    places = ConcurrencyLimit(MAX_UPLOADS, pipeline.metrics, a_caller=MAX_CALLER_UPLOADS)

    async def post(request: web.BaseRequest, caller: Caller, _: str) -> web.Response:
        if not state.loaded:
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "system.starting")
        gate_of(caller, pipeline.knowledge, ApiScope.SCAN)
        # Before it has a place: a body that comes slowly must not keep others from theirs.
        data = await read_json(request, MAX_BODY_BYTES)
        with places.one(caller.share):
            body = decode(data, _DECODER, MAX_BODY_BYTES)
            # Looked up again: the body may have taken seconds, and a grant may end meanwhile.
            gate = gate_of(caller, pipeline.knowledge, ApiScope.SCAN)
            try:
                uploaded = await upload(pipeline, gate, body.records)
            except Overloaded:
                raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "system.busy") from None
            if uploaded.points:
                await suspensions.count(gate.grant, uploaded.points)
        return json_response(UploadAnswer(results=uploaded.results))

    return post
