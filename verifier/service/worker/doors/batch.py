"""POST /v1/scans/batch: up to 1,000 scan lines, each judged as if it came alone. Scope `scan`.

One batch is judged at a time, a few lines between two turns of the loop, so that single scans stay
quick; then all its lines enter the group commit together. A line that does not hold spoils only
itself.
"""

import asyncio
from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Final

import msgspec
from aiohttp import web

from runtime.http.access import Caller
from runtime.http.bodies import decode, json_response, read_json
from runtime.http.limits import MAX_CALLER_LARGE, MAX_LARGE, ConcurrencyLimit
from runtime.http.problems import Problem
from runtime.http.requests import MAX_BODY_BYTES
from verifier.contract.reasons import Language
from verifier.contract.scan import (
    MAX_BATCH_SCANS,
    BatchAnswer,
    LineProblem,
    TerminalAnswer,
)
from verifier.contract.vocabulary import ApiScope
from verifier.service.http.languages import language_of
from verifier.service.store.commit import Overloaded
from verifier.service.worker.doors.lines import line_problem, refusal
from verifier.service.worker.doors.scans import conflict, read_line
from verifier.service.worker.gates import gate_of
from verifier.service.worker.pipeline import Done, PendingScan, ScanPipeline
from verifier.service.worker.readiness import WorkerState

AT_A_TIME: Final = 8
"""Lines judged before others get their turn: some 2 ms."""


class _Lines(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A batch whose lines are not read yet: each may be wrong by itself."""

    scans: Annotated[
        tuple[msgspec.Raw, ...], msgspec.Meta(min_length=1, max_length=MAX_BATCH_SCANS)
    ]


_DECODER: Final = msgspec.json.Decoder(_Lines)

LineAnswer = TerminalAnswer | LineProblem


class BatchResource:
    """Batches of one worker."""

    def __init__(self, pipeline: ScanPipeline, state: WorkerState) -> None:
        self._pipeline = pipeline
        self._state = state
        self._places = ConcurrencyLimit(MAX_LARGE, pipeline.metrics, a_caller=MAX_CALLER_LARGE)
        self._turn = asyncio.Lock()

    async def post(self, request: web.BaseRequest, caller: Caller, _: str) -> web.Response:
        """Answer a batch.

        Raises:
            Problem: 400, 403, 408, 413, 415 or 503 with a code.
        """
        if not self._state.loaded:
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "system.starting")
        gate_of(caller, self._pipeline.knowledge, ApiScope.SCAN)
        with self._places.one(caller.share):
            body = await read_json(request, MAX_BODY_BYTES)
            lines = decode(body, _DECODER, MAX_BODY_BYTES).scans
            answers = await self._answers(caller, language_of(request), lines)
        return json_response(BatchAnswer(answers=tuple(answers)))

    async def _answers(
        self, caller: Caller, language: Language, lines: Sequence[msgspec.Raw]
    ) -> list[LineAnswer]:
        pipeline = self._pipeline
        try:
            pipeline.admit_bulk(len(lines), caller.share)
        except Overloaded:
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "system.busy") from None
        sheet = _Sheet(pipeline, len(lines), caller.share)
        unsent = len(lines)
        try:
            async with self._turn:
                judged = await self._judge(caller, language, lines, sheet)
            for scan, command in judged:
                unsent -= 1
                pipeline.send(scan, command)
        finally:
            pipeline.release_bulk(unsent, caller.share)
        return await sheet.complete()

    async def _judge(
        self, caller: Caller, language: Language, lines: Sequence[msgspec.Raw], sheet: "_Sheet"
    ) -> list[tuple[PendingScan, bytes]]:
        """Judge all lines; those that do not hold are answered at once."""
        judged = []
        for number, line in enumerate(lines):
            if number % AT_A_TIME == AT_A_TIME - 1:
                await asyncio.sleep(0)
            data = bytes(line)
            try:
                gate, scan_id, request = read_line(caller, self._pipeline.knowledge, data)
            except Problem as problem:
                sheet.put(number, line_problem(problem, data, f"$.scans[{number}]"))
                continue
            done = sheet.line(number, request.scan_id)
            judged.append(self._pipeline.judge(gate, scan_id, request, language, done))
        return judged


class _Sheet:
    """The answers of a batch as they come in."""

    def __init__(self, pipeline: ScanPipeline, lines: int, share: str) -> None:
        self._pipeline = pipeline
        self._share = share
        self._answers: list[LineAnswer | None] = [None] * lines
        self._left = lines
        self._complete: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def put(self, number: int, answer: LineAnswer) -> None:
        """Take the answer of a line."""
        self._answers[number] = answer
        self._left -= 1
        if not self._left and not self._complete.done():  # a vanished client's lines are stored
            self._complete.set_result(None)

    def line(self, number: int, scan_id: str) -> Done:
        """Return what takes the answer of a line that went to the store."""

        def done(answer: TerminalAnswer | None) -> None:
            self._pipeline.bulk_answered(1, self._share)
            self.put(number, refusal(conflict(), scan_id) if answer is None else answer)

        return done

    async def complete(self) -> list[LineAnswer]:
        """Return all answers once the last one is in."""
        await self._complete
        return [answer for answer in self._answers if answer is not None]
