"""POST /v1/scans/image: judge the one code in a picture, as if its text had come. Scope `scan`.

The body is a PNG, JPEG or WebP file, the scan_id stands in a header. Pictures are looked at in
threads; few at a time, and one too many is turned away before its body is read. A picture without
exactly one code is a denied scan; a file that cannot be looked at is a problem.
"""

import asyncio
import hashlib
import time
from concurrent.futures import Executor
from http import HTTPStatus
from typing import Final
from weakref import WeakValueDictionary

from aiohttp import web

from runtime.http.access import Caller
from runtime.http.bodies import read_body
from runtime.http.limits import ConcurrencyLimit
from runtime.http.problems import Problem
from runtime.http.requests import MAX_BODY_BYTES
from verifier.barcode.bounds import PictureRefused
from verifier.barcode.picture import PICTURE_TYPES
from verifier.contract.reasons import Reason
from verifier.contract.scan import ScanRequest
from verifier.contract.vocabulary import ApiScope
from verifier.service.http.languages import language_of
from verifier.service.store.commit import Overloaded
from verifier.service.worker.codeless import unread
from verifier.service.worker.doors.scans import WaitingRequest, own_scan_id
from verifier.service.worker.gates import gate_of
from verifier.service.worker.pictures import code_in
from verifier.service.worker.pipeline import PendingScan, ScanPipeline
from verifier.service.worker.readiness import WorkerState

MAX_PICTURES: Final = 8
"""Pictures in hand in a worker: two looked at, the others next; a hard one takes seconds."""
MAX_CALLER_PICTURES: Final = 4
"""Of them, those of one caller: half."""
SCAN_ID: Final = "Kapok-Scan-Id"


class ImageResource:
    """Pictures of one worker."""

    def __init__(self, pipeline: ScanPipeline, state: WorkerState, threads: Executor) -> None:
        self._pipeline = pipeline
        self._state = state
        self._threads = threads
        self._looking: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        """By share: one picture of a caller is looked at at a time; a thread stays for others."""
        self._places = ConcurrencyLimit(
            MAX_PICTURES, pipeline.metrics, a_caller=MAX_CALLER_PICTURES
        )

    async def post(self, request: web.BaseRequest, caller: Caller, _: str) -> web.Response:
        """Answer a picture.

        Raises:
            Problem: 400, 403, 408, 409, 413, 415 or 503 with a code.
        """
        if not self._state.loaded:
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "system.starting")
        name = request.headers.get(SCAN_ID, "")
        own_scan_id(name, gate_of(caller, self._pipeline.knowledge, ApiScope.SCAN), SCAN_ID)
        with self._places.one(caller.share):
            picture = await read_body(request, MAX_BODY_BYTES, _is_picture)
            turn = self._looking.setdefault(caller.share, asyncio.Lock())
            async with turn:
                found = await self._look(picture)
        waiting = WaitingRequest()
        try:
            self._begin(request, caller, picture, found, waiting)
        except Overloaded:
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "system.busy") from None
        return await waiting.response()

    async def _look(self, picture: bytes) -> str | Reason:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, code_in, picture)
        except PictureRefused as refused:
            raise Problem(HTTPStatus.BAD_REQUEST, f"picture.{refused.cause}") from None

    def _begin(
        self,
        request: web.BaseRequest,
        caller: Caller,
        picture: bytes,
        found: str | Reason,
        waiting: WaitingRequest,
    ) -> None:
        """Judge what was found; the grant is looked up again, looking took its time."""
        pipeline, language = self._pipeline, language_of(request)
        gate = gate_of(caller, pipeline.knowledge, ApiScope.SCAN)
        name = request.headers[SCAN_ID]
        scan_id = own_scan_id(name, gate, SCAN_ID)
        if not isinstance(found, Reason):
            asked = ScanRequest(scan_id=name, text=found)
            pipeline.begin(gate, scan_id, asked, language, waiting.done)
            return
        scan = PendingScan(pipeline, name, language, time.perf_counter(), waiting.done)
        scan.assessment = unread(found, pipeline.knowledge)
        bound_to = f"picture:{hashlib.sha256(picture).hexdigest()}"
        pipeline.begin_codeless(gate, scan_id, scan, bound_to)


def _is_picture(content_type: str) -> bool:
    return content_type.strip().lower() in PICTURE_TYPES
