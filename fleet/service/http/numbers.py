"""Whole numbers in queries, within bounds."""

from http import HTTPStatus

from aiohttp import web

from fleet.service.http.problems import ProblemError


def number(request: web.Request, name: str, *, default: int, lowest: int, highest: int) -> int:
    """Return a query's number.

    Raises:
        ProblemError: 400 `query.bad`, it is none or out of bounds.
    """
    text = request.query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 16):
        raise ProblemError(HTTPStatus.BAD_REQUEST, "query.bad")
    value = int(text)
    if not lowest <= value <= highest:
        raise ProblemError(HTTPStatus.BAD_REQUEST, "query.bad")
    return value
