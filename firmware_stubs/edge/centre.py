"""The line to the verifier: HTTPS with the terminal's own certificate.

Every answer over it is authenticated, so its `Date` may set the clock. Bodies are bounded. While
the network is cut there is no session: open connections are closed, new requests fail at once.
Which failures count against the network is said here, what follows from them is the machine's.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import partial
from http import HTTPStatus
from typing import Final, TypeVar

import aiohttp
import msgspec
from structlog.typing import FilteringBoundLogger

from firmware_stubs import events
from firmware_stubs.downloads import Download, DownloadError
from firmware_stubs.edge import steady
from firmware_stubs.edge.identity import refreshed
from firmware_stubs.events import Event
from firmware_stubs.scans import Scan
from runtime.json_depth import check_depth
from runtime.tls import RenewableContext
from verifier.contract.bundle import BundleIndex
from verifier.contract.reasons import Language
from verifier.contract.scan import (
    ScanRequest,
    TerminalAnswer,
    UploadAnswer,
    UploadRecord,
    UploadRequest,
)

MAX_ANSWER_BYTES: Final = 256 * 1024
"""Bytes of any answer but a bundle; a group's exceptions take 30 KB at most."""
BUNDLE_LIMIT_S: Final = 300.0
"""Seconds for one bundle; a health plane of 4.7 MB over a slow line. The next try goes on."""
SILENT_S: Final = 15.0
"""Seconds without a byte of a bundle after which the line counts as broken."""
UPLOAD_LIMIT_S: Final = 15.0
"""Seconds for an upload of 100 records."""
INDEX_LIMIT_S: Final = 5.0
MAX_CONNECTIONS: Final = 4
"""One for scans, one for uploads and bundles, and two more for a queue at the gate."""
STORE_HEADER: Final = "Kapok-Store"
"""The name that the centre's store gives itself; another name means that it failed over."""

OTHER_CERTIFICATE: Final = "grant.fingerprint"
"""Code of a refusal to a certificate that is not, or no more, the one that the grant names."""
GRANT_FOLLOWS_S: Final = 60.0
"""Seconds in which the centre may not yet know a certificate that was renewed: it says no to the
new one, and the terminal decides alone instead of letting nobody in."""
NO_SCOPE: Final = "grant.scope"
"""Code of a refusal to a terminal that may act, but not like this."""

_CONTENT: Final = (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT)

Failures: Final = (aiohttp.ClientError, OSError, TimeoutError, asyncio.TimeoutError)
"""All that a request may raise when the network or the far side is to blame."""


class CentreRefusedError(Exception):
    """403 over mutual TLS: the centre does not let this terminal act; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class CentreUnusableError(Exception):
    """An answer of no use: another status, or a body that is not what was agreed."""

    def __init__(self, message: str, status: int = HTTPStatus.OK) -> None:
        super().__init__(message)
        self.status = status


class CutError(OSError):
    """The network is cut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CentreReply:
    """An answer, its body read."""

    status: int
    body: bytes
    store: str | None


Answer = TypeVar("Answer")
Observe = Callable[[float, float, float], None]
"""Takes (`Date`, sent, received) in Unix seconds of the system's clock."""


class _Problem(msgspec.Struct, frozen=True, kw_only=True):
    code: str


_problem = msgspec.json.Decoder(_Problem)
_scan_answer = msgspec.json.Decoder(TerminalAnswer)
_upload_answer = msgspec.json.Decoder(UploadAnswer)
_index = msgspec.json.Decoder(BundleIndex)
_encode = msgspec.json.Encoder().encode


class Centre:
    """The verifier, as this terminal reaches it."""

    def __init__(
        self,
        url: str,
        tls: RenewableContext,
        *,
        language: Language,
        observe: Observe,
        log: FilteringBoundLogger,
    ) -> None:
        self._url = url
        self._tls = tls
        self._headers = {"Accept-Language": language.value}
        self._observe = observe
        self._log = log
        self._renewed_at = -GRANT_FOLLOWS_S
        self._session: aiohttp.ClientSession | None = None
        self._session_before: aiohttp.ClientSession | None = None
        """With the certificate before; what is under way on it may end."""
        self._cut = False
        self._download: Download | None = None
        """The bundle whose line broke last."""
        self.store: str | None = None
        """Name of the centre's store in the newest answer that gave one."""

    async def cut(self) -> None:
        """Close every connection and refuse new ones."""
        self._cut = True
        await self.close()

    def join(self) -> None:
        """Let requests through again."""
        self._cut = False

    async def close(self) -> None:
        """Close every connection; the next request opens one."""
        sessions = (self._session, self._session_before)
        self._session = self._session_before = None
        for session in sessions:
            if session is not None:
                await session.close()

    async def ask(self, scan: Scan, limit_s: float) -> Event:
        """Ask for a decision, at most `limit_s` seconds."""
        started = time.perf_counter()
        request = ScanRequest(scan_id=scan.scan_id, text=scan.text)
        try:
            told = await self._request("POST", "/v1/scans", limit_s, body=_encode(request))
            seconds = time.perf_counter() - started
            answer = _read(told, _scan_answer)
        except CentreRefusedError:
            return events.CentreRefused(scan_id=scan.scan_id)
        except Failures:
            seconds = time.perf_counter() - started
            return events.CentreFailed(scan_id=scan.scan_id, seconds=seconds)
        except CentreUnusableError:
            return events.CentreFailed(scan_id=scan.scan_id, seconds=seconds, network=False)
        if answer.scan_id != scan.scan_id:
            return events.CentreFailed(scan_id=scan.scan_id, seconds=seconds, network=False)
        return events.CentreAnswered(answer=answer, seconds=seconds)

    async def upload(self, records: tuple[UploadRecord, ...]) -> UploadAnswer:
        """Upload records.

        Raises:
            CentreRefusedError, CentreUnusableError, or one of Failures.
        """
        body = _encode(UploadRequest(records=records))
        told = await self._request("POST", "/v1/scans/upload", UPLOAD_LIMIT_S, body=body)
        return _read(told, _upload_answer)

    async def index(self, place: str) -> BundleIndex:
        """Return which bundles there are for a place; none where the grant does not open them.

        Raises:
            CentreRefusedError, CentreUnusableError, or one of Failures.
        """
        try:
            path = f"/v1/bundles?place={place}"
            return _read(await self._request("GET", path, INDEX_LIMIT_S), _index)
        except CentreRefusedError as error:
            if error.code == NO_SCOPE:
                # The grant is good, only narrower: no reason to let nobody in.
                return BundleIndex(bundles=())
            raise

    async def bundle(self, name: str, digest: bytes | None) -> bytes | None:
        """Return the bytes of a bundle, or of a bucket of deltas below one.

        None when it is still the one with that digest.
        After a broken line the next call for the same bundle goes on where it broke.

        Raises:
            CentreRefusedError, CentreUnusableError, or one of Failures.
        """
        download = self._download
        if download is None or download.name != name:
            download = self._download = Download(name)
        try:
            told = await self._request(
                "GET",
                f"/v1/bundles/{name}",
                BUNDLE_LIMIT_S,
                headers=download.headers(digest),
                into=download,
            )
            if told.status in _CONTENT:
                return download.done()
        except DownloadError as error:
            raise CentreUnusableError(str(error)) from error
        download.forget()
        if told.status == HTTPStatus.NOT_MODIFIED:
            return None
        raise CentreUnusableError(f"status {told.status}", told.status)

    async def _request(
        self,
        method: str,
        path: str,
        limit_s: float,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        into: Download | None = None,
    ) -> CentreReply:
        """Ask once, or twice where the certificate was renewed since the connection was made."""
        ask = partial(self._ask, method, path, limit_s, body=body, headers=headers, into=into)
        session = self._opened()
        try:
            return await ask(session)
        except CentreRefusedError as error:
            if error.code != OTHER_CERTIFICATE:
                raise
            if not await self._renewed() and session is self._session:
                if time.monotonic() - self._renewed_at < GRANT_FOLLOWS_S:
                    raise CentreUnusableError("the grant is not of the new certificate") from error
                raise
        except Failures:
            await self._renewed()
            raise
        return await ask(self._opened())

    async def _renewed(self) -> bool:
        """Use a certificate that was renewed for connections from now on; False: none was."""
        if not refreshed(self._tls, self._log):
            return False
        self._renewed_at = time.monotonic()
        before, self._session_before, self._session = self._session_before, self._session, None
        if before is not None:
            await before.close()
        return True

    async def _ask(
        self,
        method: str,
        path: str,
        limit_s: float,
        session: aiohttp.ClientSession,
        *,
        body: bytes | None,
        headers: Mapping[str, str] | None,
        into: Download | None,
    ) -> CentreReply:
        given = {"Accept-Encoding": "identity"} | dict(headers or {})
        if body is not None:
            given["Content-Type"] = "application/json"
        sent = steady.wall()
        async with session.request(
            method,
            self._url + path,
            data=body,
            headers=given,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=limit_s, sock_read=SILENT_S),
        ) as response:
            self._note_time(response, sent)
            data = b""
            if into is not None and response.status in _CONTENT:
                partial = response.status == HTTPStatus.PARTIAL_CONTENT
                into.began(response.headers, partial=partial)
                async for octets in response.content.iter_any():
                    into.took(octets)
            else:
                data = await _body(response, MAX_ANSWER_BYTES)
            told = CentreReply(
                status=response.status,
                body=data,
                store=response.headers.get(STORE_HEADER),
            )
        self.store = told.store or self.store
        if told.status == HTTPStatus.FORBIDDEN:
            raise CentreRefusedError(_code(told.body))
        if told.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise aiohttp.ClientPayloadError(f"status {told.status}")
        return told

    def _opened(self) -> aiohttp.ClientSession:
        if self._cut:
            raise CutError("the network is cut")
        if self._session is None:
            connector = aiohttp.TCPConnector(ssl=self._tls, limit=MAX_CONNECTIONS)
            self._session = aiohttp.ClientSession(
                connector=connector, headers=self._headers, auto_decompress=False
            )
        return self._session

    def _note_time(self, response: aiohttp.ClientResponse, sent: float) -> None:
        try:
            date = parsedate_to_datetime(response.headers.get("Date", ""))
        except ValueError:
            return
        self._observe(date.timestamp(), sent, steady.wall())


def _read(told: CentreReply, decoder: "msgspec.json.Decoder[Answer]") -> Answer:
    if told.status != HTTPStatus.OK:
        raise CentreUnusableError(f"status {told.status}", told.status)
    try:
        check_depth(told.body)
        return decoder.decode(told.body)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise CentreUnusableError("not the agreed answer") from error


def _code(body: bytes) -> str:
    """Return the stable code of a problem document; empty when it has none."""
    try:
        return _problem.decode(body).code
    except (msgspec.DecodeError, ValueError, RecursionError):
        return ""


async def _body(response: aiohttp.ClientResponse, most: int) -> bytes:
    """Read a body of at most `most` bytes."""
    parts, size = [], 0
    async for part in response.content.iter_any():
        size += len(part)
        if size > most:
            raise CentreUnusableError("an answer longer than agreed")
        parts.append(part)
    return b"".join(parts)
