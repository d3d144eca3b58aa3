"""The unix-socket door: the terminal's lens, wedge and switch, for people and tests beside it.

POST /frame   a PNG, JPEG or WebP file -> the decision
POST /wedge   what a keyboard-wedge scanner typed -> the decision
POST /network {"cut": true | false} -> the state
GET  /state   the state

A decision is the TerminalAnswer with `online`, `screen` and `ms`. For a commissioning code that was
typed, `scanner` says what the scanner does; nothing is decided. A symbol of a card that is not
whole yet is answered without a decision: `card` says how many of how many were read. It is a door
as those of the services: the same bounds, the same codes of problems. Whoever may open the socket
(mode 0600) may do all of it.
"""

import asyncio
import os
import socket
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
from runtime.http.access import Caller
from runtime.http.bodies import JSON, decode, json_response, read_body
from runtime.http.door import Door
from runtime.http.limits import Refusals
from runtime.http.operations import Operation, OperationArea, Reply, RequestBody
from runtime.http.problems import Problem
from runtime.http.routes import Handlers, bind
from runtime.logs import Log
from verifier.barcode.bounds import MAX_PICTURE_BYTES, Cause, PictureRefused
from verifier.codes.scanner_report import ScannerReport
from verifier.contract.reasons import Language

MAX_WEDGE_BYTES: Final = 128 * 1024
"""Bytes of a typed line; the longest text a scan may have, in UTF-8, fits."""
MAX_LOOKING: Final = 4
"""Frames decoded or waiting at once; a camera that is faster gets 503 and drops frames."""
MAX_SWITCH_BYTES: Final = 1024
"""Bytes of a switch; it has one word."""
STOP_S: Final = 1.5
"""Seconds for open requests when the process stops."""

_TOO_LARGE: Final = frozenset({Cause.TOO_LARGE, Cause.TOO_MANY_PIXELS})


class _Switch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    cut: bool


_switch = msgspec.json.Decoder(_Switch)

Switch = Callable[[bool], Awaitable[None]]
State = Callable[[], Awaitable[dict[str, Any]]]
_ANSWER: Final = {200: Reply("The decision, or how much of a card was read.", bytes, (JSON,))}
_STATE: Final = {200: Reply("The state.", bytes, (JSON,))}
OPERATIONS: Final = (
    Operation(
        method="POST",
        path="/frame",
        name="showFrame",
        says="Look at a picture as at a frame of the camera.",
        area=OperationArea.NONE,
        body=RequestBody(type=bytes, limit=MAX_PICTURE_BYTES),
        replies=_ANSWER,
    ),
    Operation(
        method="POST",
        path="/wedge",
        name="typeLine",
        says="Read what a keyboard-wedge scanner typed.",
        area=OperationArea.NONE,
        body=RequestBody(type=bytes, limit=MAX_WEDGE_BYTES),
        replies=_ANSWER,
    ),
    Operation(
        method="POST",
        path="/network",
        name="switchNetwork",
        says="Cut the network off, or give it back.",
        area=OperationArea.NONE,
        body=RequestBody(type=bytes, limit=MAX_SWITCH_BYTES),
        replies=_STATE,
    ),
    Operation(
        method="GET",
        path="/state",
        name="readState",
        says="Say how the terminal is.",
        area=OperationArea.NONE,
        replies=_STATE,
    ),
)
"""What is asked; by no caller in particular."""


class LocalDoor:
    """The door of one terminal."""

    def __init__(self, shell: Shell, *, log: Log, switch: Switch, state: State) -> None:
        self.refusals = Refusals()
        self._shell = shell
        self._switch_network = switch
        self._state_of = state
        self._looking = 0
        handlers: Handlers = {
            "showFrame": self._frame,
            "typeLine": self._wedge,
            "switchNetwork": self._network,
            "readState": self._state,
        }
        self._door = Door(bind(OPERATIONS, handlers), None, log=log, counts=self)

    async def open(self, path: Path) -> None:
        """Listen; a socket left behind by a terminal that died is replaced.

        Raises:
            OSError: the path cannot be used.
        """
        path.unlink(missing_ok=True)  # noqa: ASYNC240 - nothing waits, there is no client yet
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # Made with its mode: a process that is confined changes none afterwards.
        mask = os.umask(0o177)
        try:
            sock.bind(str(path))
            sock.setblocking(False)
            await self._door.open(sock)
        except OSError:
            sock.close()
            raise
        finally:
            os.umask(mask)

    async def close(self) -> None:
        """Stop listening."""
        await self._door.close(STOP_S)

    def problem(self, code: str) -> None:
        """Count nothing: who asks here sits beside the terminal and reads the answer."""

    def turned_away(self) -> None:
        """Count nothing, as above."""

    async def _frame(self, request: web.BaseRequest, _caller: Caller, _: str) -> web.Response:
        started = time.perf_counter()
        if self._looking >= MAX_LOOKING:
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "lens.busy")
        self._looking += 1
        try:
            data = await read_body(request, MAX_PICTURE_BYTES, _any_type)
            reading = await asyncio.to_thread(lens.look_at_file, data)
        except PictureRefused as error:
            status = HTTPStatus.UNPROCESSABLE_ENTITY
            if error.cause in _TOO_LARGE:
                status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            raise Problem(status, f"picture.{error.cause}") from error
        finally:
            self._looking -= 1
        return await self._decided(reading, started)

    async def _wedge(self, request: web.BaseRequest, _caller: Caller, _: str) -> web.Response:
        started = time.perf_counter()
        data = await read_body(request, MAX_WEDGE_BYTES, _any_type)
        return await self._decided(lens.typed(data), started, typed=True)

    async def _decided(
        self, reading: Reading, started: float, *, typed: bool = False
    ) -> web.Response:
        shell = self._shell
        if reading.scanner is not None:
            return json_response(_scanner(reading.scanner, shell, started))
        shown: Shown | ShowNext
        if reading.reason is not None:
            shown = shell.no_code(reading.reason)
        else:
            shown = await shell.scan(reading.texts, typed=typed)
        told = (
            _asked(shown, shell.settings.language) if isinstance(shown, ShowNext) else _told(shown)
        )
        return json_response(told | {"ms": _since(started)})

    async def _network(self, request: web.BaseRequest, _caller: Caller, _: str) -> web.Response:
        body = await read_body(request, MAX_SWITCH_BYTES, _any_type)
        await self._switch_network(decode(body, _switch, MAX_SWITCH_BYTES).cut)
        return json_response(await self._state_of())

    async def _state(self, _request: web.BaseRequest, _caller: Caller, _: str) -> web.Response:
        return json_response(await self._state_of())


def _any_type(_content_type: str) -> bool:
    """Take a body whatever it is called: a camera and a scanner call it nothing."""
    return True


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
