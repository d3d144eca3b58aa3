"""The doors of a running house, for the commands of people on this machine.

Every call is one request with a time-out; what a door refuses or does not answer is a LocalError
with one sentence. Addresses and the key's file come from endpoints.json.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec

from deploy.local.disk_errors import closed
from deploy.local.errors import AwayError, LocalError, UsageError
from deploy.local.house import API_KEY, Endpoints, read_endpoints
from deploy.local.outside import harmless
from deploy.local.passwords import read_secret
from runtime.http.answers import read_whole
from verifier.contract.bundle import MAX_BUNDLE_BYTES
from verifier.contract.envelope import take_apart
from verifier.contract.errors import MalformedError
from verifier.contract.export import ExportDocument, read_export

TIMEOUT_S: Final = 10.0
"""Seconds; a door that takes longer is as good as closed."""
PART_TIMEOUT_S: Final = 60.0
"""Seconds for a part of a batch: the house takes it as fast as the source may send."""
SEARCH_TIMEOUT_S: Final = 600.0
"""Seconds for a search of a month's day files; a city's take two minutes."""
MAX_ANSWER_BYTES: Final = 4 * 2**20
"""Bytes read of one answer."""

Answer = dict[str, Any]


class Doors:
    """The doors of one house; open it with `opened`."""

    def __init__(
        self, data: Path, endpoints: Endpoints, key: str, session: aiohttp.ClientSession
    ) -> None:
        self.data = data
        """The house's data folder."""
        self.endpoints = endpoints
        self._headers = {"Authorization": f"Bearer {key}"}
        self._session = session

    async def operator_token(self, key: str) -> Answer:
        """Have the fleet give a token for an operator's own API key."""
        url = self.endpoints.fleet_url + "/v1/operator-tokens"
        headers = {"Authorization": f"Bearer {key}"}
        return await _answer(self._session, "POST", url, headers=headers)

    def with_token(self, token: str) -> "Doors":
        """Return the same doors, asked with an operator's token."""
        return Doors(self.data, self.endpoints, token, self._session)

    async def fleet(self, path: str) -> Answer:
        """GET from the fleet."""
        return await self._call("GET", self.endpoints.fleet_url + path)

    async def command(self, terminal: str, kind: str, key: str) -> Answer:
        """Give a terminal a command under an Idempotency-Key."""
        url = f"{self.endpoints.fleet_url}/v1/terminals/{terminal}/commands"
        return await self._call("POST", url, {"type": kind}, {"Idempotency-Key": key})

    async def issue(self, request: Mapping[str, Any]) -> Answer:
        """POST /v1/credentials at the issuing process."""
        url = self.endpoints.issuing_url + "/v1/credentials"
        return await self._call("POST", url, request)

    async def issuing(
        self, path: str, body: Mapping[str, Any] | None = None, *, method: str | None = None
    ) -> Answer:
        """GET from the issuing process, or POST a body to it; a POST without one names `method`."""
        method = method or ("GET" if body is None else "POST")
        return await self._call(method, self.endpoints.issuing_url + path, body)

    async def issue_bulk(self, job: str, batch: int, body: bytes) -> tuple[int, bytes]:
        """POST a batch of NDJSON to /v1/credentials/bulk; return status and answer as they came."""
        url = f"{self.endpoints.issuing_url}/v1/credentials/bulk?job={job}&batch={batch}"
        headers = {**self._headers, "Content-Type": "application/x-ndjson"}
        return await _fetch(
            self._session, "POST", url, limit=MAX_ANSWER_BYTES, headers=headers, data=body
        )

    async def feeds(self, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        """GET from the feeds process, or POST a body to it."""
        method = "GET" if body is None else "POST"
        return await self._call(method, self.endpoints.feeds_url + path, body)

    async def feed_part(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None
    ) -> tuple[int, Answer]:
        """Send a part of a batch; return status and answer, whatever they are."""
        status, found = await _fetch(
            self._session,
            method,
            self.endpoints.feeds_url + path,
            limit=MAX_ANSWER_BYTES,
            seconds=PART_TIMEOUT_S,
            headers={**self._headers, **headers},
            data=body,
        )
        try:
            return status, harmless(msgspec.json.decode(found, type=dict[str, Any]))
        except msgspec.DecodeError as error:
            raise LocalError(
                f"{path} answered {status} without JSON; read the log of its process"
            ) from error

    async def archive(self, path: str, body: Mapping[str, Any]) -> Answer:
        """POST to the archiving process, which may have a month of files to read."""
        return await _answer(
            self._session,
            "POST",
            self.endpoints.archive_url + path,
            seconds=SEARCH_TIMEOUT_S,
            headers={**self._headers, "Content-Type": "application/json"},
            data=msgspec.json.encode(body),
        )

    async def exported(self, after: int) -> ExportDocument:
        """GET a page of the export of records; this machine takes its signature as given."""
        url = f"{self.endpoints.feeds_url}/v1/export/records?after={after}"
        status, body = await _fetch(
            self._session, "GET", url, limit=MAX_ANSWER_BYTES, headers=self._headers
        )
        if status != HTTPStatus.OK:
            raise LocalError(f"{url} refused: {status}")
        try:
            return read_export(take_apart(body).payload)
        except MalformedError as error:
            raise LocalError(
                f"{url} answered without a page of records; read the worker's log"
            ) from error

    async def verifier(self, path: str) -> Answer:
        """GET from the verifier's service door, over a new connection: any worker may answer."""
        url = self.endpoints.verifier_url + path
        return await self._call("GET", url, headers={"Connection": "close"})

    async def search_records(self, asked: Mapping[str, Any]) -> Answer:
        """POST /v1/records/search at the verifier's service door."""
        url = self.endpoints.verifier_url + "/v1/records/search"
        return await self._call("POST", url, asked, {"Connection": "close"})

    async def bundle(self, name: str) -> bytes:
        """GET a signed bundle from the verifier, as a terminal does."""
        url = f"{self.endpoints.verifier_url}/v1/bundles/{name}"
        status, body = await _fetch(
            self._session, "GET", url, limit=MAX_BUNDLE_BYTES, headers=self._headers
        )
        if status != HTTPStatus.OK:
            raise LocalError(f"{url} refused: {status}")
        return body

    async def terminal(self, name: str, path: str, body: bytes | None = None) -> Answer:
        """GET or POST at a terminal's own door."""
        socket = self.endpoints.terminals.get(name)
        if socket is None:
            known = ", ".join(sorted(self.endpoints.terminals))
            raise UsageError(f"no terminal {name} on this machine; there are {known}")
        connector = aiohttp.UnixConnector(socket)
        async with aiohttp.ClientSession(connector=connector) as session:
            return await _answer(
                session, "GET" if body is None else "POST", f"http://terminal{path}", data=body
            )

    async def _call(
        self,
        method: str,
        url: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        sent = {**self._headers, **(headers or {})}
        if body is None:
            return await _answer(self._session, method, url, headers=sent)
        sent["Content-Type"] = "application/json"
        data = msgspec.json.encode(body)
        return await _answer(self._session, method, url, headers=sent, data=data)


async def _fetch(
    session: aiohttp.ClientSession,
    method: str,
    url: str,
    *,
    limit: int,
    seconds: float = TIMEOUT_S,
    **options: Any,
) -> tuple[int, bytes]:
    """Return status and body of an answer of at most `limit` bytes."""
    timeout = aiohttp.ClientTimeout(total=seconds)
    try:
        async with session.request(method, url, timeout=timeout, **options) as response:
            body = await read_whole(response, limit)
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise AwayError(
            f"{url} does not answer ({type(error).__name__}); start the house with `kapok up`"
        ) from error
    return response.status, body


async def _answer(session: aiohttp.ClientSession, method: str, url: str, **options: Any) -> Answer:
    status, body = await _fetch(session, method, url, limit=MAX_ANSWER_BYTES, **options)
    try:
        found = harmless(msgspec.json.decode(body))
    except msgspec.DecodeError as error:
        raise LocalError(
            f"{url} answered {status} without JSON; read the log of its process"
        ) from error
    if status >= 400:
        code = found.get("code", status) if isinstance(found, dict) else status
        raise LocalError(f"{url} refused: {code}")
    return found if isinstance(found, dict) else {"items": found}


@asynccontextmanager
async def opened(data: Path) -> AsyncIterator[Doors]:
    """Open the doors of the house on a data folder.

    Raises:
        UsageError: no house was ever up there, or its files belong to another account.
    """
    try:
        endpoints = read_endpoints(data)
        if endpoints is None:
            raise UsageError(f"no house on {data}; start one with `kapok up`")
        key = read_secret(Path(endpoints.api_keys[API_KEY]))
    except PermissionError as error:
        raise UsageError(closed(data)) from error
    async with aiohttp.ClientSession() as session:
        yield Doors(data, endpoints, key, session)
