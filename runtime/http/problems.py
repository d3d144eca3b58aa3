"""Errors to callers: RFC 9457 problem+json with a stable code; the input is never echoed."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import msgspec
from aiohttp import web

from runtime.http.phrases import phrase

RETRY_AFTER_S: Final = 1
"""Seconds after which a caller that was turned away may come again."""
PROBLEM_JSON: Final = "application/problem+json"
SERVER: Final = "kapok"
"""What answers say of their server: a name, and nothing that tells its parts."""
UPGRADE: Final[Mapping[str, str]] = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
}
"""What a client is told that opens a stream in another way than RFC 6455's."""


class Problem(Exception):  # noqa: N818 - it is the trade's word (RFC 9457)
    """What a caller is told instead of an answer; `field` is a path such as $.text."""

    def __init__(
        self,
        status: HTTPStatus,
        code: str,
        *,
        field: str | None = None,
        headers: Mapping[str, str] | None = None,
        told: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.field = field
        self.headers = dict(headers or {})
        self.told = dict(told or {})
        """Numbers that help the caller, as members of their own."""


def problem_headers(problem: Problem) -> dict[str, str]:
    """Return the headers that go with a problem, but for those of its body."""
    headers = dict(problem.headers)
    if problem.status is HTTPStatus.SERVICE_UNAVAILABLE:
        headers.setdefault("Retry-After", str(RETRY_AFTER_S))
    if problem.status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if problem.status is HTTPStatus.UPGRADE_REQUIRED:
        headers |= UPGRADE
    return headers


def problem_body(problem: Problem) -> bytes:
    """Return the JSON of a problem."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": phrase(problem.status),
        "status": int(problem.status),
        "code": problem.code,
    }
    if problem.field is not None:
        body["field"] = problem.field
    body |= problem.told
    return msgspec.json.encode(body)


def problem_response(problem: Problem) -> web.Response:
    """Build the answer of a problem."""
    headers = {"Content-Type": PROBLEM_JSON, "Server": SERVER, **problem_headers(problem)}
    response = web.Response(
        status=int(problem.status),
        reason=phrase(problem.status),
        body=problem_body(problem),
        headers=headers,
    )
    if problem.headers.get("Connection") == "close":
        response.force_close()
    return response


def store_away() -> Problem:
    """Return the problem of a store that does not answer."""
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, "store.unavailable")
