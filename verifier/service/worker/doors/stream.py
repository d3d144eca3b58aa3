"""GET /v1/scans/stream: a WebSocket for gates and aggregators. Scope `scan`.

Each text frame is one scan line, judged as if it had come alone; answers come in the order of the
lines. Reading stops while too many lines are unanswered, a client that does not read its answers is
cut off, and a grant that ends ends the stream, also an idle one.
"""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final, NamedTuple

from aiohttp import WSCloseCode, WSMsgType, web

from runtime.http.access import Caller
from runtime.http.bodies import encode
from runtime.http.connection import Connection
from runtime.http.limits import ConcurrencyLimit
from runtime.http.problems import Problem
from verifier.contract.reasons import Language
from verifier.contract.scan import TerminalAnswer
from verifier.contract.vocabulary import ApiScope
from verifier.service.http.languages import language_of
from verifier.service.store.commit import Overloaded
from verifier.service.worker.doors.lines import line_problem, refusal
from verifier.service.worker.doors.scans import MAX_BODY_BYTES, conflict, read_line
from verifier.service.worker.gates import gate_of
from verifier.service.worker.pipeline import MAX_PENDING, ScanPipeline
from verifier.service.worker.readiness import WorkerState

MAX_STREAMS: Final = 256
"""Open streams of a worker; one that does not read holds some 300 KB before it is cut off."""
MAX_CALLER_STREAMS: Final = 128
"""Of them, those of one caller: half."""
MAX_UNANSWERED: Final = 32
"""Lines of a stream in work at once; the next are left in the kernel."""
PING_S: Final = 20.0
"""Seconds of silence until a ping; half as many later a client that says nothing is gone."""
SLOW_S: Final = 10.0
"""Seconds in which a client must take an answer, once 64 KiB wait for it."""
WATCH_S: Final = 0.5
"""Seconds between looks at the grant of a stream."""
CLOSE_S: Final = 2.0
"""Seconds for the last answers, and for the client's half of the closing."""
BUFFER_BYTES: Final = 64 * 1024
"""Bytes of answers that may wait for a client."""


class _End(NamedTuple):
    """Why a stream ends; the client is told both."""

    code: WSCloseCode
    message: str = ""


_GONE: Final = _End(WSCloseCode.OK)
_SLOW: Final = _End(WSCloseCode.ABNORMAL_CLOSURE)


class StreamResource:
    """Streams of one worker."""

    def __init__(self, pipeline: ScanPipeline, state: WorkerState) -> None:
        self._pipeline = pipeline
        self._state = state
        self._places = ConcurrencyLimit(MAX_STREAMS, pipeline.metrics, a_caller=MAX_CALLER_STREAMS)

    async def get(self, request: web.BaseRequest, caller: Caller, _: str) -> web.StreamResponse:
        """Serve a stream until it ends.

        Raises:
            Problem: 401, 403, 426 or 503 with a code, instead of the upgrade.
        """
        if not self._state.loaded:
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "system.starting")
        gate_of(caller, self._pipeline.knowledge, ApiScope.SCAN)
        socket: web.WebSocketResponse[Any] = web.WebSocketResponse(
            timeout=CLOSE_S,
            heartbeat=PING_S,
            compress=False,
            max_msg_size=MAX_BODY_BYTES,
            writer_limit=BUFFER_BYTES,
            decode_text=False,
        )
        if not socket.can_prepare(request).ok:
            raise Problem(HTTPStatus.UPGRADE_REQUIRED, "upgrade.missing")
        metrics = self._pipeline.metrics
        with self._places.one(caller.share):
            metrics.streams += 1
            try:
                await socket.prepare(request)
                stream = _Stream(self._pipeline, self._state, caller, language_of(request), socket)
                await stream.run(request.protocol)
            finally:
                metrics.streams -= 1
        return socket


class _Stream:
    """One open stream: a reader, a writer, and a watch on the grant."""

    def __init__(
        self,
        pipeline: ScanPipeline,
        state: WorkerState,
        caller: Caller,
        language: Language,
        socket: "web.WebSocketResponse[Any]",
    ) -> None:
        self._pipeline = pipeline
        self._state = state
        self._caller = caller
        self._language = language
        self._socket = socket
        self._room = asyncio.Semaphore(MAX_UNANSWERED)
        self._answers: asyncio.Queue[asyncio.Future[bytes] | None] = asyncio.Queue()
        """In the order of the lines; as many as there is room for, then None for the end."""

    async def run(self, connection: Any) -> None:
        """Serve until one of the three says why it ends; then close in order."""
        if isinstance(connection, Connection):
            connection.streaming = True
        writer = asyncio.create_task(self._write())
        others = (asyncio.create_task(self._read()), asyncio.create_task(self._watch()))
        try:
            done, _ = await asyncio.wait((writer, *others), return_when=asyncio.FIRST_COMPLETED)
            end = _ending(done.pop())
            if end is not _SLOW:
                await _stopped(*others)
                self._answers.put_nowait(None)
                await asyncio.wait((writer,), timeout=CLOSE_S)
                await self._socket.close(code=end.code, message=end.message.encode())
        finally:
            await _stopped(writer, *others)
            if isinstance(connection, Connection):
                connection.streaming = False
                connection.cut()

    async def _read(self) -> _End:
        """Take lines in, as long as there is room for their answers."""
        while True:
            await self._room.acquire()
            message = await self._socket.receive()
            if message.type is WSMsgType.BINARY:
                return _End(WSCloseCode.UNSUPPORTED_DATA, "stream.binary")
            if message.type is not WSMsgType.TEXT:
                return _GONE  # closed by the client, or by aiohttp with a code of its own
            try:
                gate_of(self._caller, self._pipeline.knowledge, ApiScope.SCAN)
            except Problem as problem:
                return _End(WSCloseCode.POLICY_VIOLATION, problem.code)
            answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
            self._answers.put_nowait(answer)
            self._line(message.data, answer)

    def _line(self, data: bytes, answer: "asyncio.Future[bytes]") -> None:
        pipeline = self._pipeline
        try:
            gate, scan_id, request = read_line(self._caller, pipeline.knowledge, data)
            try:
                # No more than three quarters of the places: streams leave room for single scans.
                pipeline.admit(MAX_PENDING * 3 // 4)
                done = _into(answer, request.scan_id)
                pipeline.begin(gate, scan_id, request, self._language, done)
            except Overloaded:
                raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "system.busy") from None
        except Problem as problem:
            answer.set_result(encode(line_problem(problem, data, "$")))

    async def _write(self) -> _End:
        """Send answers in the order of their lines."""
        while (waiting := await self._answers.get()) is not None:
            answer = await waiting
            try:
                async with asyncio.timeout(SLOW_S):
                    await self._socket.send_frame(answer, WSMsgType.TEXT)
            except TimeoutError:
                return _SLOW
            except ConnectionError:
                return _GONE
            self._room.release()
        return _GONE

    async def _watch(self) -> _End:
        """See the grant end, or the worker stop."""
        while True:
            await asyncio.sleep(WATCH_S)
            if not self._state.serving.is_set():
                return _End(WSCloseCode.GOING_AWAY, "system.stopping")
            try:
                gate_of(self._caller, self._pipeline.knowledge, ApiScope.SCAN)
            except Problem as problem:
                return _End(WSCloseCode.POLICY_VIOLATION, problem.code)


def _into(answer: "asyncio.Future[bytes]", scan_id: str) -> Callable[[TerminalAnswer | None], None]:
    """Return what takes a scan's answer."""

    def done(found: TerminalAnswer | None) -> None:
        if not answer.done():  # a stream that has ended: its lines are stored all the same
            answer.set_result(encode(refusal(conflict(), scan_id) if found is None else found))

    return done


def _ending(task: "asyncio.Task[_End]") -> _End:
    """Return why a task ended; a fault of ours is reported, and ends the stream."""
    error = task.exception()
    if error is None:
        return task.result()
    if isinstance(error, ConnectionError):
        return _GONE
    context = {"message": "a stream failed", "exception": error}
    asyncio.get_running_loop().call_exception_handler(context)
    return _End(WSCloseCode.INTERNAL_ERROR, "internal")


async def _stopped(*tasks: "asyncio.Task[_End]") -> None:
    """Cancel tasks and wait for them."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
