"""Errors to callers: RFC 9457 problem+json with a stable code; the input is never echoed."""

from http import HTTPStatus
from typing import Final

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler
from redis.exceptions import RedisError

from fleet.service.app import LOG

RETRY_AFTER_S: Final = 1


class ProblemError(Exception):
    """What a caller is told instead of an answer."""

    def __init__(self, status: HTTPStatus, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code


def problem(status: HTTPStatus, code: str) -> web.Response:
    """Build the answer."""
    headers = {}
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = str(RETRY_AFTER_S)
    if status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    body = {"type": "about:blank", "title": status.phrase, "status": int(status), "code": code}
    return web.Response(
        status=status,
        body=msgspec.json.encode(body),
        content_type="application/problem+json",
        headers=headers,
    )


def answer(value: object, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    """Build a JSON answer."""
    body = msgspec.json.encode(value)
    return web.Response(status=status, body=body, content_type="application/json")


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every error into a problem."""
    try:
        return await handler(request)
    except ProblemError as error:
        return problem(error.status, error.code)
    except web.HTTPException as error:
        status = HTTPStatus(error.status)
        return problem(status, status.name.lower().replace("_", "."))
    except (RedisError, OSError):
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, "store.unavailable")
    except Exception:  # noqa: BLE001 - the last line of defence; logged with its trace
        request.app[LOG].exception("http.failed", path=request.match_info.handler.__name__)
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal")
