"""GET /healthz (the process lives), /readyz (it can do its work), /metrics. Nobody is asked who."""

import inspect
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web
from msgspec import Struct

from runtime.http.access import Caller
from runtime.http.bodies import json_response
from runtime.http.routes import Handler, Route

PROMETHEUS: Final = "text/plain; version=0.0.4; charset=utf-8"


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that is wrong, and what to do."""

    code: str
    detail: str


class Readiness(Struct, frozen=True, kw_only=True):
    """What a process says of itself."""

    ready: bool
    problems: tuple[Finding, ...]
    """Why it is not ready."""
    warnings: tuple[Finding, ...]
    """What is wrong and does not stop it."""
    known: dict[str, int]
    """Versions and ages (seconds) of what it works by."""


def health_routes(
    ready: Callable[[], Readiness | Awaitable[Readiness]], text: Callable[[], bytes]
) -> tuple[Route, ...]:
    """Return the three routes."""

    async def healthz(_request: web.BaseRequest, _caller: Caller | None, _: str) -> web.Response:
        return json_response({"status": "ok"})

    async def readyz(_request: web.BaseRequest, _caller: Caller | None, _: str) -> web.Response:
        said = ready()
        found = await said if inspect.isawaitable(said) else said
        return json_response(found, status=200 if found.ready else 503)

    async def metrics(_request: web.BaseRequest, _caller: Caller | None, _: str) -> web.Response:
        return web.Response(body=text(), headers={"Content-Type": PROMETHEUS})

    handlers: tuple[tuple[str, Handler], ...] = (
        ("/healthz", healthz),
        ("/readyz", readyz),
        ("/metrics", metrics),
    )
    return tuple(
        Route(method="GET", path=path, handler=handler, public=True) for path, handler in handlers
    )
