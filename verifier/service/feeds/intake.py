"""The doors of sources. Scope `feeds`; a caller sees only the sources whose file names it.

    POST  /v1/feeds/{source}/batches            a manifest, and the text from its beginning
    PATCH /v1/feeds/{source}/batches/{batch}    the text from an offset on
    GET   /v1/feeds/{source}/batches/{batch}    where a batch stands
    GET   /v1/feeds, /v1/feeds/{source}         freshness, breaker, progress
    POST  /v1/feeds/{source}/reconcile          do both sides hold the same?

The text is never held: it comes in pieces, each with a time-out of its own.
"""

import asyncio
import base64
import re
from collections.abc import AsyncGenerator, Mapping
from http import HTTPStatus
from typing import Final

import msgspec
from aiohttp import web

from runtime.clock import now
from runtime.http.access import Caller
from runtime.http.bodies import decode, json_response, read_json
from runtime.http.connection import Connection
from runtime.http.problems import Problem, store_away
from runtime.http.routes import Handlers
from verifier.contract.feed import MAX_MANIFEST_BYTES, BatchForm
from verifier.errors import FeedRefused, Outage
from verifier.feeds.reconciliation import SourceStatement, compare
from verifier.feeds.reports import BatchReport, BatchState
from verifier.service.feeds.channel import Channel
from verifier.service.feeds.metrics import FeedMetrics
from verifier.service.feeds.refusals import refused
from verifier.service.feeds.states import SourceList, state_of

PIECE_BYTES: Final = 64 * 1024
"""Bytes that must come within the source's `slow` seconds."""
MAX_RECONCILE_BYTES: Final = 256 * 1024
"""Bytes; a thousand batches take 110 KB."""
MANIFEST: Final = r"[A-Za-z0-9_-]{1,1400}"
OFFSET: Final = r"[0-9]{1,10}"
_BATCH: Final = re.compile(r"[0-9a-f]{32}")
TYPES: Final = {"application/x-ndjson": BatchForm.NDJSON, "text/csv": BatchForm.CSV}
_ASKED: Final = msgspec.json.Decoder(SourceStatement)


class Intake:
    """The resource of all sources."""

    def __init__(self, channels: Mapping[str, Channel], metrics: FeedMetrics) -> None:
        self._channels = channels
        self._metrics = metrics

    def handlers(self) -> Handlers:
        """Return what answers."""
        return {
            "listSources": self.sources,
            "readSource": self.source,
            "sendBatch": self.post,
            "sendPart": self.patch,
            "readBatch": self.batch,
            "reconcile": self.reconcile,
        }

    async def post(self, request: web.BaseRequest, caller: Caller, name: str) -> web.Response:
        """Take a batch from its beginning."""
        channel = self._channel(caller, name)
        envelope = _manifest(request)
        gzip = _gzip(request)
        with _Refusals(channel, self._metrics), channel.part():
            told = await channel.offer(envelope)
            if told is None:
                told = await channel.receive(
                    _text(request, channel, _form(request)), gzip=gzip, offset=0
                )
        return _answer(told)

    async def patch(self, request: web.BaseRequest, caller: Caller, variable: str) -> web.Response:
        """Take a part of a batch from an offset on."""
        name, _, batch = variable.partition("/")
        channel = self._channel(caller, name)
        offset = request.headers.get("Upload-Offset", "")
        if re.fullmatch(OFFSET, offset) is None or _BATCH.fullmatch(batch) is None:
            raise Problem(HTTPStatus.BAD_REQUEST, "header.bad", field="Upload-Offset")
        gzip = _gzip(request)
        with _Refusals(channel, self._metrics), channel.part():
            told = channel.resume(batch)
            if told is None:
                told = await channel.receive(
                    _text(request, channel, _form(request)), gzip=gzip, offset=int(offset)
                )
        return _answer(told)

    async def batch(self, _request: web.BaseRequest, caller: Caller, variable: str) -> web.Response:
        """Say where a batch stands."""
        name, _, batch = variable.partition("/")
        channel = self._channel(caller, name)
        with _Refusals(channel, None):
            return _answer(await channel.report(batch))

    async def sources(self, _request: web.BaseRequest, caller: Caller, _: str) -> web.Response:
        """Say how the caller's sources stand."""
        mine = [it for it in self._channels.values() if caller.name in it.source.file.callers]
        states = []
        for channel in sorted(mine, key=lambda it: it.source.name):
            with _Refusals(channel, None):
                states.append(await state_of(channel, self._metrics, now()))
        return json_response(SourceList(sources=tuple(states)))

    async def source(self, _request: web.BaseRequest, caller: Caller, name: str) -> web.Response:
        """Say how a source stands."""
        channel = self._channel(caller, name)
        with _Refusals(channel, None):
            return json_response(await state_of(channel, self._metrics, now()))

    async def reconcile(self, request: web.BaseRequest, caller: Caller, name: str) -> web.Response:
        """Compare what a source says it has sent with what is here."""
        channel = self._channel(caller, name)
        body = await read_json(request, MAX_RECONCILE_BYTES)
        asked = decode(body, _ASKED, MAX_RECONCILE_BYTES)
        with _Refusals(channel, None):
            progress, reports = await channel.books.progress(), await channel.books.reports()
        return json_response(compare(asked, progress, reports))

    def _channel(self, caller: Caller, name: str) -> Channel:
        channel = self._channels.get(name)
        # One that is another's looks like none.
        if channel is None or caller.name not in channel.source.file.callers:
            raise Problem(HTTPStatus.NOT_FOUND, "source.unknown")
        return channel


class _Refusals:
    """Turns what a channel raises into problems, and counts refusals of a source."""

    def __init__(self, channel: Channel, metrics: FeedMetrics | None) -> None:
        self._channel = channel
        self._metrics = metrics

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, FeedRefused):
            if self._metrics is not None:
                name = self._channel.source.name
                self._metrics.count(self._metrics.refused, name, error.cause)
            raise refused(error) from None
        if isinstance(error, Outage):
            raise store_away() from None
        if isinstance(error, OSError) and not isinstance(error, ConnectionError):
            raise Problem(HTTPStatus.INSUFFICIENT_STORAGE, "spool.full") from error


async def _text(
    request: web.BaseRequest, channel: Channel, form: BatchForm
) -> AsyncGenerator[bytes, None]:
    """Yield the body as it comes.

    Raises:
        Problem: 408 part.slow, 415 body.type.
        ConnectionError: the sender is gone.
    """
    if channel.form is not form:
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "body.type")
    connection = request.protocol
    if isinstance(connection, Connection):
        connection.streaming = True  # its time-outs are ours
    try:
        if request.headers.get("Expect", "").lower() == "100-continue":
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            request.writer.output_size = 0
        loop, came = asyncio.get_running_loop(), 0
        patience = slow = float(channel.source.file.breaker.slow)
        while True:
            # Only what the sender keeps us waiting counts, not what we keep it.
            asked = loop.time()
            try:
                async with asyncio.timeout(patience):
                    data = await request.content.readany()
            except TimeoutError:
                channel.slow()
                closing = {"Connection": "close"}
                raise Problem(HTTPStatus.REQUEST_TIMEOUT, "part.slow", headers=closing) from None
            if not data:
                return
            came, patience = came + len(data), patience - (loop.time() - asked)
            if came >= PIECE_BYTES:
                came, patience = 0, slow
            yield data
    finally:
        if isinstance(connection, Connection):
            connection.progressed()
            connection.streaming = False


def _manifest(request: web.BaseRequest) -> bytes:
    """Return the signed manifest of the header `Kapok-Manifest`: base64url without padding."""
    text = request.headers.get("Kapok-Manifest", "")
    if re.fullmatch(MANIFEST, text) is None:
        raise Problem(HTTPStatus.BAD_REQUEST, "header.bad", field="Kapok-Manifest")
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        raise Problem(HTTPStatus.BAD_REQUEST, "header.bad", field="Kapok-Manifest") from None
    if len(data) > MAX_MANIFEST_BYTES:
        raise Problem(HTTPStatus.BAD_REQUEST, "header.bad", field="Kapok-Manifest")
    return data


def _gzip(request: web.BaseRequest) -> bool:
    encoding = request.headers.get("Content-Encoding", "identity").lower()
    if encoding not in ("identity", "gzip"):
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "body.encoding")
    return encoding == "gzip"


def _form(request: web.BaseRequest) -> BatchForm:
    kind, _, parameters = request.headers.get("Content-Type", "").partition(";")
    form = TYPES.get(kind.strip().lower())
    if form is None or parameters.strip().lower() not in ("", "charset=utf-8"):
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "body.type")
    return form


def _answer(report: BatchReport) -> web.Response:
    """Say how a batch stands: 200 applied, 202 on its way, 422 refused."""
    if report.state is BatchState.REFUSED:
        return json_response(report, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    done = report.state is BatchState.APPLIED
    return json_response(report, status=HTTPStatus.OK if done else HTTPStatus.ACCEPTED)
