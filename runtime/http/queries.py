"""Whole numbers and words in queries, within bounds; anything else in a query is refused."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl

from aiohttp import web

from runtime.http.problems import Problem

MAX_FIELDS: Final = 8
"""Fields of a query; ours have two."""
_MAX_DIGITS: Final = 16


def numbers(request: web.BaseRequest, bounds: Mapping[str, tuple[int, int, int]]) -> dict[str, int]:
    """Return the numbers of a query; `bounds` maps a name to default, lowest, highest.

    Raises:
        Problem: 400 query.bad.
    """
    found = {name: default for name, (default, _, _) in bounds.items()}
    for name, text in _fields(request):
        if name not in bounds or not (text.isascii() and text.isdigit()) or len(text) > _MAX_DIGITS:
            raise Problem(HTTPStatus.BAD_REQUEST, "query.bad")
        _, lowest, highest = bounds[name]
        if not lowest <= int(text) <= highest:
            raise Problem(HTTPStatus.BAD_REQUEST, "query.bad")
        found[name] = int(text)
    return found


def words(request: web.BaseRequest, forms: Mapping[str, re.Pattern[str]]) -> dict[str, str]:
    """Return the words of a query; `forms` maps a name to what it may look like.

    Raises:
        Problem: 400 query.bad.
    """
    found: dict[str, str] = {}
    for name, text in _fields(request):
        if name in found or name not in forms or forms[name].fullmatch(text) is None:
            raise Problem(HTTPStatus.BAD_REQUEST, "query.bad")
        found[name] = text
    return found


def _fields(request: web.BaseRequest) -> list[tuple[str, str]]:
    query = request.raw_path.partition("?")[2]
    try:
        return parse_qsl(
            query, keep_blank_values=True, strict_parsing=bool(query), max_num_fields=MAX_FIELDS
        )
    except ValueError:
        raise Problem(HTTPStatus.BAD_REQUEST, "query.bad") from None
