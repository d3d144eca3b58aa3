"""Whole numbers and words in queries, within bounds; anything else in a query is refused."""

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl

from aiohttp import web

from runtime.http.problems import Problem

MAX_FIELDS: Final = 8
"""Fields of a query; ours have two."""
_MAX_DIGITS: Final = 16


Bounds = Mapping[str, tuple[int, int, int]]
"""By name: default, lowest, highest."""
Forms = Mapping[str, re.Pattern[str]]
"""By name: what a word may look like."""


def numbers(request: web.BaseRequest, bounds: Bounds) -> dict[str, int]:
    """Return the numbers of a query.

    Raises:
        Problem: 400 query.bad.
    """
    return _numbers(_fields(request), bounds)


def words(request: web.BaseRequest, forms: Forms) -> dict[str, str]:
    """Return the words of a query.

    Raises:
        Problem: 400 query.bad.
    """
    return _words(_fields(request), forms)


def numbers_and_words(
    request: web.BaseRequest, bounds: Bounds, forms: Forms
) -> tuple[dict[str, int], dict[str, str]]:
    """Return the numbers and the words of a query that may have both.

    Raises:
        Problem: 400 query.bad.
    """
    fields = _fields(request)
    named = [field for field in fields if field[0] in forms]
    return _numbers([field for field in fields if field not in named], bounds), _words(named, forms)


def _numbers(fields: Sequence[tuple[str, str]], bounds: Bounds) -> dict[str, int]:
    found = {name: default for name, (default, _, _) in bounds.items()}
    for name, text in fields:
        if name not in bounds or not (text.isascii() and text.isdigit()) or len(text) > _MAX_DIGITS:
            raise Problem(HTTPStatus.BAD_REQUEST, "query.bad")
        _, lowest, highest = bounds[name]
        if not lowest <= int(text) <= highest:
            raise Problem(HTTPStatus.BAD_REQUEST, "query.bad")
        found[name] = int(text)
    return found


def _words(fields: Sequence[tuple[str, str]], forms: Forms) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, text in fields:
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
