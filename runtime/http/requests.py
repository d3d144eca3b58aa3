"""A request at a door: aiohttp's, with what is wrong with its head, and answers that are ours."""

import asyncio
from typing import Any, Final

from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import StreamWriter

from runtime.http.heads import VERSIONS, fault_of, origin_form
from runtime.http.problems import SERVER, Problem

MAX_BODY_BYTES: Final = 4 * 1024 * 1024
"""Bytes of any body: a batch of 1,000 lines or a picture; handlers may have tighter bounds."""
_NO_REQUEST: Final = "UNKNOWN"
"""The method of what aiohttp hands over in the place of a request that it could not read."""


class DoorRequest(web.BaseRequest):
    """A request."""

    fault: Problem | None = None
    """Why it is answered without a look at what it wants."""

    async def _prepare_hook(self, response: web.StreamResponse) -> None:
        """Say who answers; aiohttp would name itself and its version."""
        response.headers["Server"] = SERVER


class HeadWriter(StreamWriter):
    """Writes the head of an answer alone: HEAD asks for no more."""

    async def write(self, *_args: Any, **_kwargs: Any) -> None:
        """Drop a part of the body."""

    async def write_eof(self, chunk: bytes = b"") -> None:
        """Drop the rest of the body."""
        del chunk
        await super().write_eof()


def door_request(
    message: Any,
    payload: Any,
    protocol: Any,
    writer: AbstractStreamWriter,
    task: "asyncio.Task[None]",
) -> DoorRequest:
    """Make the request of a head that aiohttp has read."""
    loop = asyncio.get_running_loop()
    fault = None if message.method == _NO_REQUEST else fault_of(message)
    if message.method == _NO_REQUEST or message.version not in VERSIONS:
        message = message._replace(version=HttpVersion11)  # the version that the answer has
    if not message.path.startswith("/"):
        message = message._replace(path=origin_form(message.path) or message.path)
    if message.method == "HEAD":
        writer = HeadWriter(protocol, loop)
    if message.method == "HEAD" or message.version < HttpVersion11:
        headers = message.headers.copy()
        headers.popall("Upgrade", None)  # HEAD opens no stream, HTTP/1.0 knows of none
        message = message._replace(headers=headers)
    request = DoorRequest(
        message, payload, protocol, writer, task, loop, client_max_size=MAX_BODY_BYTES
    )
    request.fault = fault
    return request


def refuse_faulty(request: web.BaseRequest) -> None:
    """Refuse a request whose head is not what it must be.

    Raises:
        Problem: 400 request.malformed, 417 expectation.unknown, 501 coding.unknown,
            505 version.unknown.
    """
    if isinstance(request, DoorRequest) and request.fault is not None:
        raise request.fault
