"""GET /healthz (the process lives), /readyz (it can do its work), /metrics. Nobody is asked who."""

import inspect
from collections.abc import Awaitable, Callable, Iterator
from enum import StrEnum
from typing import Final

from aiohttp import web
from msgspec import Struct
from msgspec.structs import replace

from runtime.clock import STANDS_S, ahead
from runtime.http.access import Caller
from runtime.http.bodies import json_response
from runtime.http.limits import Refusals
from runtime.http.operations import Operation, OperationArea, Reply
from runtime.http.routes import Handlers
from runtime.open_files import OpenFiles, open_files

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


class Alive(StrEnum):
    """What /healthz says."""

    OK = "ok"


HEALTH: Final = (
    Operation(
        method="GET",
        path="/healthz",
        name="health",
        says="Say that the process lives.",
        area=OperationArea.NONE,
        replies={200: Reply("It lives.", dict[str, Alive])},
    ),
    Operation(
        method="GET",
        path="/readyz",
        name="readiness",
        says="Say whether it can do its work; if not, what to do.",
        area=OperationArea.NONE,
        replies={200: Reply("It can.", Readiness), 503: Reply("It cannot.", Readiness)},
    ),
    Operation(
        method="GET",
        path="/metrics",
        name="metrics",
        says="Count in Prometheus text.",
        area=OperationArea.NONE,
        replies={200: Reply("The metrics.", str, ("text/plain",))},
    ),
)
"""The rows of every service."""


def with_clock(found: Readiness, ahead_s: float) -> Readiness:
    """Add a warning where the machine's clock made a step; nothing here follows it yet."""
    if not ahead_s:
        return found
    code, where = ("clock.ahead", "ahead") if ahead_s > 0 else ("clock.behind", "back")
    detail = (
        f"this machine's clock was set {round(abs(ahead_s), -1):.0f} s {where};"
        f" time goes on as it passed, and follows it after {STANDS_S / 60:.0f} minutes"
    )
    return replace(found, warnings=(*found.warnings, Finding(code=code, detail=detail)))


def health_handlers(
    ready: Callable[[], Readiness | Awaitable[Readiness]],
    text: Callable[[], bytes],
    refusals: Refusals,
) -> Handlers:
    """Return what answers the three; to what `ready` says comes what every door has to say."""

    async def healthz(_request: web.BaseRequest, _caller: Caller, _: str) -> web.Response:
        return json_response({"status": Alive.OK})

    async def readyz(_request: web.BaseRequest, _caller: Caller, _: str) -> web.Response:
        said = ready()
        found = with_clock(await said if inspect.isawaitable(said) else said, ahead())
        more = tuple(_turned_away(refusals))
        if more:
            found = replace(found, warnings=(*found.warnings, *more))
        return json_response(found, status=200 if found.ready else 503)

    async def metrics(_request: web.BaseRequest, _caller: Caller, _: str) -> web.Response:
        return web.Response(body=text(), headers={"Content-Type": PROMETHEUS})

    return {"health": healthz, "readiness": readyz, "metrics": metrics}


def _turned_away(refusals: Refusals) -> Iterator[Finding]:
    """Say whether connections find no room, or soon will find none."""
    if refusals.recent:
        detail = f"{refusals.count} connections found no room since the start"
        yield Finding(code="connections.refused", detail=detail)
    files = open_files()
    if files is not None and files.scarce:
        yield files_scarce(files)


def files_scarce(files: OpenFiles) -> Finding:
    """Return the finding of a process that has nearly as many files open as it may."""
    detail = f"{files.now} of {files.most} files are open; each connection is one"
    return Finding(code="files.scarce", detail=detail)
