"""GET /v1/bundles and /v1/bundles/{name}: signed bundles as they were accepted. Scope `bundles`."""

from http import HTTPStatus
from typing import Final

from aiohttp import web

from verifier.contract.bundle import BundleIndex
from verifier.contract.vocabulary import ApiScope
from verifier.service.http.access import Caller, gate_of, require
from verifier.service.http.bodies import json_response
from verifier.service.http.connection import Connection
from verifier.service.http.door import Route
from verifier.service.http.problems import Problem
from verifier.service.knowledge import Knowledge

CHUNK_BYTES: Final = 64 * 1024
"""Octets written at once: what a slow terminal makes us hold."""


def bundle_routes(knowledge: Knowledge) -> tuple[Route, ...]:
    """Return the routes of the list and of each bundle."""

    def allow(caller: Caller | None) -> None:
        if caller is None:
            raise Problem(HTTPStatus.UNAUTHORIZED, "key.unknown")
        if caller.scopes is None:
            gate_of(caller, knowledge, ApiScope.BUNDLES)
        else:
            require(caller, ApiScope.BUNDLES)

    async def index(_request: web.BaseRequest, caller: Caller | None, _: str) -> web.Response:
        allow(caller)
        held = knowledge.bundles
        return json_response(
            BundleIndex(bundles=tuple(held[name].version for name in sorted(held)))
        )

    async def one(request: web.BaseRequest, caller: Caller | None, name: str) -> web.StreamResponse:
        allow(caller)
        bundle = knowledge.bundles.get(name)
        if bundle is None:
            raise Problem(HTTPStatus.NOT_FOUND, "bundle.unknown")
        tag = f'"{bundle.version.digest}"'
        headers = {
            "ETag": tag,
            "Server": "kapok",
            "Kapok-Bundle-Version": str(bundle.version.version),
        }
        asked = request.headers.get("If-None-Match", "")
        if tag in (one.strip().removeprefix("W/") for one in asked.split(",")):
            return web.Response(status=304, headers=headers)
        headers["Content-Type"] = "application/cose"
        return await _send(request, bundle.data, headers)

    return (
        Route(method="GET", path="/v1/bundles", handler=index),
        Route(method="GET", path="/v1/bundles/{}", handler=one),
    )


async def _send(
    request: web.BaseRequest, data: bytes, headers: dict[str, str]
) -> web.StreamResponse:
    """Send bytes piece by piece, as fast as the client takes them."""
    response = web.StreamResponse(headers=headers)
    response.content_length = len(data)
    await response.prepare(request)
    view = memoryview(data)
    for start in range(0, len(data), CHUNK_BYTES):
        await response.write(view[start : start + CHUNK_BYTES])
        if isinstance(request.protocol, Connection):
            request.protocol.progressed()
    await response.write_eof()
    return response
