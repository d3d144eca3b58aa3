"""Bodies in and out: strict JSON within bounds; an error names the path and never quotes."""

import asyncio
import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final, TypeVar

import msgspec
from aiohttp import web
from multidict import CIMultiDict

from runtime.http.problems import SERVER, Problem
from runtime.json_depth import check_depth

READ_S: Final = 10.0
"""Seconds in which the whole of a request must have come."""
JSON: Final = "application/json"
JSON_HEADERS: Final = CIMultiDict({"Content-Type": JSON, "Server": SERVER})
_PATH: Final = re.compile(r"at `(\$[^`]*)`")
_MISSING: Final = re.compile(r"missing required field `([A-Za-z_]+)`")
_ENCODER: Final = msgspec.json.Encoder()
Body = TypeVar("Body")


async def read_json(request: web.BaseRequest, limit: int) -> bytes:
    """Read a JSON body of at most `limit` bytes; it is not decoded yet.

    Raises:
        Problem: 408 body.slow, 413 body.large, 415 body.type or body.encoding.
    """
    return await read_body(request, limit, _is_json)


async def read_body(request: web.BaseRequest, limit: int, is_type: Callable[[str], bool]) -> bytes:
    """Read a body of at most `limit` bytes whose Content-Type is one of those asked for.

    Raises:
        Problem: 408 body.slow, 413 body.large, 415 body.type or body.encoding.
    """
    headers = request.headers
    if not is_type(headers.get("Content-Type", "")):
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "body.type")
    if "Content-Encoding" in headers:
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "body.encoding")
    length = request.content_length
    if length is not None and length > limit:
        raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body.large")
    try:
        async with asyncio.timeout(READ_S):
            body = await request.read()
    except TimeoutError:
        closing = {"Connection": "close"}
        raise Problem(HTTPStatus.REQUEST_TIMEOUT, "body.slow", headers=closing) from None
    except web.HTTPRequestEntityTooLarge:
        raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body.large") from None
    if len(body) > limit:
        raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body.large")
    return body


def decode(body: bytes, decoder: "msgspec.json.Decoder[Body]", limit: int) -> Body:
    """Decode and validate a JSON body.

    Raises:
        Problem: 400 body.json or body.field, 413 body.large.
    """
    if len(body) > limit:
        raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body.large")
    try:
        check_depth(body)
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise Problem(HTTPStatus.BAD_REQUEST, "body.field", field=_field(str(error))) from None
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise Problem(HTTPStatus.BAD_REQUEST, "body.json") from None


def encode(value: Any) -> bytes:
    """Write an answer as JSON."""
    return _ENCODER.encode(value)


def json_response(value: Any, status: int = 200) -> web.Response:
    """Build a JSON answer."""
    return web.Response(body=encode(value), status=status, headers=JSON_HEADERS)


def _is_json(content_type: str) -> bool:
    kind, _, parameters = content_type.partition(";")
    charset = parameters.strip().lower()
    return kind.strip().lower() == JSON and charset in ("", "charset=utf-8", 'charset="utf-8"')


def _field(message: str) -> str:
    """Return the path that a validation message speaks of; names only of our own fields."""
    at = _PATH.search(message)
    path = at[1] if at else "$"
    missing = _MISSING.search(message)
    return f"{path}.{missing[1]}" if missing else path
