"""A simulated far side of the terminal: the verifier's doors for terminals, with faults on demand.

TLS with client certificates, real HTTP, in a thread of its own. `mode` says what becomes of the
next requests; everything that arrives is kept. Whether codes are good is not judged here: what the
real worker does is for the tests with the real worker.
"""

import asyncio
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.utils import formatdate
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final

import msgspec
from aiohttp import web

from tests.support.terminal_process import Identities
from verifier.contract.bundle import BundleIndex, BundleVersion
from verifier.contract.scan import (
    ScanRequest,
    TerminalAnswer,
    UploadAnswer,
    UploadRecord,
    UploadRequest,
    UploadResult,
)
from verifier.contract.vocabulary import Outcome
from verifier.service.worker.doors.representations import Representations
from verifier.service.worker.kept_deltas import Ahead, Deltas, Gone

START_S: Final = 10.0


class Mode(StrEnum):
    """What becomes of a request."""

    ANSWER = "answer"
    UNRECORDED = "unrecorded"
    """The store is away: answered, not recorded."""
    HANG = "hang"
    """Taken in, never answered."""
    LOSE = "lose"
    """Taken in, and the connection breaks before the answer."""
    FAIL = "fail"
    """503."""
    REFUSE = "refuse"
    """403: not this terminal."""
    NONSENSE = "nonsense"
    RETRY = "retry"
    """Uploads: nothing stored, come again."""


class FarSide:
    """The running server."""

    def __init__(self, identities: Identities, bundles: Mapping[str, tuple[int, bytes]]) -> None:
        self.bundles = dict(bundles)
        self.scans = Mode.ANSWER
        self.uploads = Mode.ANSWER
        self.index = Mode.ANSWER
        self.store = "store-1"
        self.decision = Outcome.PASS
        self.asked: dict[str, str] = {}
        """scan_id -> text of every scan taken in."""
        self.uploaded: list[UploadRecord] = []
        """Every record taken in, repetitions too."""
        self.known: dict[str, UploadRecord] = {}
        self.fetched: Counter[tuple[str, int]] = Counter()
        """(bundle or bucket of deltas, status) of every fetch."""
        self.indexed = 0
        """How often the list of bundles was asked for."""
        self.deltas: dict[str, Deltas] = {}
        """By the name of the plane's snapshot."""
        self.break_at: dict[str, int] = {}
        """Bundle -> bytes after which its next answer breaks off."""
        self.listed_only: set[str] = set()
        """Bundles that stand in the list and are not there: 404."""
        self.ahead_s = 0.0
        """Seconds that its clock is ahead, as its answers say."""
        self.wrong: list[float] = []
        """Seconds that the next answers are wrong by besides, one each."""
        self.dated = True
        """Whether answers say the time at all."""
        self.port = 0
        self._identities = identities
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._stop: asyncio.Event | None = None

    @property
    def url(self) -> str:
        """Return where it listens."""
        return f"https://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Listen."""
        self._thread.start()
        assert self._ready.wait(START_S)

    def stop(self) -> None:
        """End; twice is once."""
        if self._stop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(START_S)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        app = web.Application(client_max_size=4 * 1024 * 1024)
        app.on_response_prepare.append(self._dated)
        app.router.add_post("/v1/scans", self._scan)
        app.router.add_post("/v1/scans/upload", self._upload)
        app.router.add_get("/v1/bundles", self._bundles)
        app.router.add_get("/v1/bundles/{name}", self._bundle)
        app.router.add_get("/v1/bundles/{name}/deltas/{first}", self._bucket)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        certificate, key = self._identities.server("far-side")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        context.load_verify_locations(self._identities.folder / "terminal-ca.pem")
        context.verify_mode = ssl.CERT_REQUIRED
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
        await site.start()
        self.port = runner.addresses[0][1]
        self._stop = asyncio.Event()
        self._ready.set()
        await self._stop.wait()
        await runner.cleanup()

    async def _dated(self, _: web.Request, response: web.StreamResponse) -> None:
        """Say the time as the clock here has it."""
        wrong = self.wrong.pop(0) if self.wrong else 0.0
        said = formatdate(time.time() + self.ahead_s + wrong, usegmt=True)
        response.headers["Date"] = said if self.dated else "unknown"

    async def _faulty(self, mode: Mode, request: web.Request) -> web.Response | None:
        """Return what stands in for the answer; None: the answer itself."""
        if mode is Mode.HANG and self._stop is not None:
            await self._stop.wait()
        if mode is Mode.LOSE and request.transport is not None:
            request.transport.abort()
        if mode is Mode.NONSENSE:
            return _json({"what": "ever"})
        statuses = {Mode.FAIL: 503, Mode.REFUSE: 403}
        return web.Response(status=statuses[mode]) if mode in statuses else None

    async def _scan(self, request: web.Request) -> web.Response:
        asked = msgspec.json.decode(await request.read(), type=ScanRequest)
        mode = self.scans
        if mode not in (Mode.FAIL, Mode.REFUSE):
            self.asked[asked.scan_id] = asked.all_texts[0]
        fault = await self._faulty(mode, request)
        if fault is not None:
            return fault
        answer = TerminalAnswer(
            scan_id=asked.scan_id,
            decision=self.decision,
            sentence="as the far side says",
            recorded=mode is not Mode.UNRECORDED,
        )
        return _json(answer, store=self.store)

    async def _upload(self, request: web.Request) -> web.Response:
        records = msgspec.json.decode(await request.read(), type=UploadRequest).records
        mode = self.uploads
        results = []
        for record in records:
            if mode in (Mode.ANSWER, Mode.LOSE, Mode.HANG):
                self.uploaded.append(record)
                code = "known" if record.scan_id in self.known else "stored"
                self.known.setdefault(record.scan_id, record)
            else:
                code = "retry"
            results.append(UploadResult(scan_id=record.scan_id, stored=code != "retry", code=code))
        fault = await self._faulty(mode, request)
        return fault or _json(UploadAnswer(results=tuple(results)), store=self.store)

    async def _bundles(self, request: web.Request) -> web.Response:
        fault = await self._faulty(self.index, request)
        if fault is not None:
            return fault
        self.indexed += 1
        found = tuple(
            BundleVersion(
                name=name,
                version=version,
                digest=sha256(data).hexdigest(),
                head=self._head(name, version),
            )
            for name, (version, data) in self.bundles.items()
        )
        return _json(BundleIndex(bundles=found), store=self.store)

    def _head(self, name: str, version: int) -> int | msgspec.UnsetType:
        return max(version, self.deltas[name].head) if name in self.deltas else msgspec.UNSET

    async def _bundle(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        if name in self.listed_only:
            return web.Response(status=404)
        return await self._content(request, name, self.bundles[name][1])

    async def _bucket(self, request: web.Request) -> web.StreamResponse:
        name, first = request.match_info["name"], int(request.match_info["first"])
        path = f"{name}/deltas/{first}"
        try:
            bucket = self.deltas[name].bucket(first, known=self.deltas[name].head)
        except (Ahead, Gone) as error:
            status = 404 if isinstance(error, Ahead) else 410
            self.fetched[path, status] += 1
            return web.Response(status=status)
        return await self._content(request, path, bucket.data)

    async def _content(self, request: web.Request, name: str, data: bytes) -> web.StreamResponse:
        """Send bytes as a worker does; break off where the test says so."""
        reply = Representations(data).reply(request.headers)
        self.fetched[name, reply.status] += 1
        response = web.StreamResponse(status=reply.status, headers=reply.headers)
        response.content_length = len(reply.body)
        await response.prepare(request)
        end = self.break_at.pop(name, None)
        await response.write(reply.body[:end])
        if end is None:
            await response.write_eof()
        elif request.transport is not None:
            request.transport.abort()
        return response


def _json(value: Any, *, store: str | None = None) -> web.Response:
    headers = {} if store is None else {"Kapok-Store": store}
    return web.Response(
        body=msgspec.json.encode(value), content_type="application/json", headers=headers
    )


@contextmanager
def far_side(identities: Identities, bundles: Mapping[str, tuple[int, bytes]]) -> Iterator[FarSide]:
    """Run a far side with bundles on its shelf: name -> (version, bytes)."""
    running = FarSide(identities, bundles)
    running.start()
    try:
        yield running
    finally:
        running.stop()
