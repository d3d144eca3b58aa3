"""The unix-socket door: the terminal's lens, wedge and switch, for people and tests beside it.

POST /frame   a PNG, JPEG or WebP file -> the decision
POST /wedge   what a keyboard-wedge scanner typed -> the decision
POST /network {"cut": true | false} -> the state
GET  /state   the state

A decision is the TerminalAnswer with `online`, `screen` and `ms`. For a commissioning code that was
typed, `scanner` says what the scanner does; nothing is decided. A symbol of a card that is not
whole yet is answered without a decision: `card` says how many of how many were read. Errors are
RFC 9457 problems with a stable code; the input is never echoed. Whoever may open the socket (mode
0600) may do all of it.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import msgspec
from aiohttp import web

from firmware_stubs.edge import lens
from firmware_stubs.edge.lens import Reading
from firmware_stubs.edge.shell import Shell, Shown, ShowNext
from runtime.http.phrases import phrase
from verifier.barcode.bounds import MAX_PICTURE_BYTES, Cause, PictureRefused
from verifier.codes.scanner_report import ScannerReport
from verifier.contract.reasons import Language

MAX_WEDGE_BYTES: Final = 128 * 1024
"""Bytes of a typed line; the longest text a scan may have, in UTF-8, fits."""
MAX_LOOKING: Final = 4
"""Frames decoded or waiting at once; a camera that is faster gets 503 and drops frames."""
STOP_S: Final = 1.5
"""Seconds for open requests when the process stops."""

_TOO_LARGE: Final = frozenset({Cause.TOO_LARGE, Cause.TOO_MANY_PIXELS})
_encode = msgspec.json.Encoder().encode


class _Switch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    cut: bool


_switch = msgspec.json.Decoder(_Switch)

Switch = Callable[[bool], Awaitable[None]]
State = Callable[[], Awaitable[dict[str, Any]]]


class ProblemError(Exception):
    """A request that cannot be answered; becomes a problem document."""

    def __init__(self, status: HTTPStatus, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code


class LocalDoor:
    """The door of one terminal."""

    def __init__(self, shell: Shell, *, switch: Switch, state: State) -> None:
        self._shell = shell
        self._switch_network = switch
        self._state_of = state
        self._looking = 0
        self._runner: web.AppRunner | None = None

    async def open(self, path: Path) -> None:
        """Listen; a socket left behind by a terminal that died is replaced.

        Raises:
            OSError: the path cannot be used.
        """
        app = web.Application(client_max_size=MAX_PICTURE_BYTES + 1, middlewares=[_problems])
        app.on_response_prepare.append(_sign)
        app.router.add_post("/frame", self._frame)
        app.router.add_post("/wedge", self._wedge)
        app.router.add_post("/network", self._network)
        app.router.add_get("/state", self._state)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=STOP_S)
        await self._runner.setup()
        path.unlink(missing_ok=True)  # noqa: ASYNC240 - nothing waits, there is no client yet
        # Made with its mode: a process that is confined changes none afterwards.
        mask = os.umask(0o177)
        try:
            await web.UnixSite(self._runner, path).start()
        finally:
            os.umask(mask)

    async def close(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _frame(self, request: web.Request) -> web.Response:
        started = time.perf_counter()
        if self._looking >= MAX_LOOKING:
            raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, "lens.busy")
        self._looking += 1
        try:
            data = await request.read()
            reading = await asyncio.to_thread(lens.look_at_file, data)
        except PictureRefused as error:
            status = HTTPStatus.UNPROCESSABLE_ENTITY
            if error.cause in _TOO_LARGE:
                status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            raise ProblemError(status, f"picture.{error.cause}") from error
        finally:
            self._looking -= 1
        return await self._decided(reading, started)

    async def _wedge(self, request: web.Request) -> web.Response:
        started = time.perf_counter()
        data = await request.read()
        if len(data) > MAX_WEDGE_BYTES:
            raise ProblemError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "wedge.too_long")
        return await self._decided(lens.typed(data), started, typed=True)

    async def _decided(
        self, reading: Reading, started: float, *, typed: bool = False
    ) -> web.Response:
        shell = self._shell
        if reading.scanner is not None:
            return _json(_scanner(reading.scanner, shell, started))
        shown: Shown | ShowNext
        if reading.reason is not None:
            shown = shell.no_code(reading.reason)
        else:
            shown = await shell.scan(reading.texts, typed=typed)
        told = (
            _asked(shown, shell.settings.language) if isinstance(shown, ShowNext) else _told(shown)
        )
        return _json(told | {"ms": _since(started)})

    async def _network(self, request: web.Request) -> web.Response:
        try:
            switch = _switch.decode(await request.read())
        except (msgspec.DecodeError, ValueError) as error:
            raise ProblemError(HTTPStatus.BAD_REQUEST, "request.malformed") from error
        await self._switch_network(switch.cut)
        return _json(await self._state_of())

    async def _state(self, _request: web.Request) -> web.Response:
        return _json(await self._state_of())


def _told(shown: Shown) -> dict[str, Any]:
    answer: dict[str, Any] = msgspec.to_builtins(shown.answer)
    return answer | {"online": shown.online, "screen": shown.screen}


def _asked(shown: ShowNext, language: Language) -> dict[str, Any]:
    progress = shown.progress
    return {
        "card": {"read": progress.read, "total": progress.total},
        "sentence": progress.sentence(language),
    }


def _scanner(report: ScannerReport, shell: Shell, started: float) -> dict[str, Any]:
    """Say what a scanner does to the commissioning code; nothing is decided by it."""
    shell.counters["frames.scanner"] += 1
    shell.log.info("scanner.read", verdict=report.verdict.value)
    sentence = report.sentence(shell.settings.language)
    return {"scanner": report.document(), "sentence": sentence, "ms": _since(started)}


def _since(started: float) -> float:
    """Return milliseconds since a reading of the performance counter."""
    return round((time.perf_counter() - started) * 1000, 2)


def _json(body: dict[str, Any]) -> web.Response:
    return web.Response(body=_encode(body), content_type="application/json")


async def _sign(_request: web.Request, response: web.StreamResponse) -> None:
    """Say who answers; aiohttp would name itself and its version."""
    response.headers["Server"] = "kapok"


@web.middleware
async def _problems(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except ProblemError as error:
        return _problem(error.status, error.code)
    except web.HTTPException as error:
        return _problem(HTTPStatus(error.status), f"http.{error.status}")


def _problem(status: HTTPStatus, code: str) -> web.Response:
    body = {"type": "about:blank", "title": phrase(status), "status": int(status), "code": code}
    return web.Response(status=status, body=_encode(body), content_type="application/problem+json")
