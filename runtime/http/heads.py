"""What the head of a request must be, before anybody asks what it wants (RFC 9110, RFC 9112)."""

import re
from functools import lru_cache
from http import HTTPStatus
from ipaddress import IPv6Address
from typing import Any, Final

from runtime.http.problems import Problem

VERSIONS: Final = frozenset({(1, 0), (1, 1)})
"""Versions of HTTP that a door speaks."""
_NAME: Final = r"(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+"
_HOST: Final = re.compile(rf"(?:\[(?P<address>[0-9A-Fa-f:.]+)\]|{_NAME})(?::[0-9]{{0,5}})?")
_ABSOLUTE: Final = re.compile(r"https?://(?P<host>[^/?#]*)(?P<rest>.*)", re.IGNORECASE)
_VERSION: Final = ("Invalid HTTP version", "Pause on PRI/Upgrade")
"""How aiohttp's parser says that a version is none that it knows."""


@lru_cache(maxsize=256)
def is_host(value: str) -> bool:
    """Say whether a Host header names a host, and perhaps a port."""
    found = _HOST.fullmatch(value)
    if found is None or found["address"] is None:
        return found is not None
    try:
        IPv6Address(found["address"])
    except ValueError:
        return False
    return True


def origin_form(target: str) -> str | None:
    """Return path and query of a request's target; None: it has another form.

    An absolute target is one of a client that speaks through a proxy, or as if it did.
    """
    if target.startswith("/"):
        return target
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None or not is_host(absolute["host"]):
        return None
    rest = absolute["rest"]
    return rest if rest.startswith("/") else f"/{rest}"


def fault_of(message: Any) -> Problem | None:
    """Say what is wrong with a head that aiohttp's parser has taken; None: nothing.

    Whoever sends such a head and we may not agree on where the request ends: the connection ends.
    """
    version, headers = message.version, message.headers
    if version not in VERSIONS:
        return unknown_version()
    host = headers.get("Host")
    bad_host = not is_host(host) if host is not None else version != (1, 0)
    bad_target = origin_form(message.path) is None and message.path != "*"
    if bad_host or (bad_target and message.method != "CONNECT"):
        return malformed()
    codings = headers.get("Transfer-Encoding")
    if codings is not None and codings.lower() != "chunked":
        return _fault(HTTPStatus.NOT_IMPLEMENTED, "coding.unknown")
    if codings is not None and version == (1, 0):
        return malformed()
    expected = headers.get("Expect", "100-continue")
    if version == (1, 1) and expected.lower() != "100-continue":
        return _fault(HTTPStatus.EXPECTATION_FAILED, "expectation.unknown")
    return None


def fault_of_error(error: BaseException | None, status: HTTPStatus) -> Problem:
    """Say what is wrong with bytes that aiohttp's parser has not taken."""
    said = str(error)
    if any(words in said for words in _VERSION):
        return unknown_version()
    return _fault(status, "request.malformed")


def malformed() -> Problem:
    """Return the problem of what is not HTTP."""
    return _fault(HTTPStatus.BAD_REQUEST, "request.malformed")


def unknown_version() -> Problem:
    """Return the problem of a version that no door speaks."""
    return _fault(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "version.unknown")


def _fault(status: HTTPStatus, code: str) -> Problem:
    return Problem(status, code, headers={"Connection": "close"})
