"""The fast lane: a whole, plain request in one piece, answered without a task or a future.

A gate sends the same head with every scan. Such a head is read strictly (a subset of RFC 9112) and
once a connection; its request goes straight to the handler. Whatever is unusual in any way (other
methods, headers that change framing, bodies in pieces, pipelines) is not read here at all: it goes
to aiohttp as it came. Only bytes live here.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic

import msgspec

from runtime.clock import http_date, now
from runtime.http.access import Caller
from runtime.http.heads import is_host
from runtime.http.languages import Tag
from runtime.http.phrases import phrase
from runtime.http.problems import PROBLEM_JSON, SERVER, Problem, problem_body, problem_headers

MAX_HEAD_BYTES: Final = 4096
"""Bytes of a head that is plain; ours have some 250."""
END: Final = b"\r\n\r\n"

_HEAD: Final = re.compile(
    rb"POST (?P<path>/[a-z0-9/]{1,64}) HTTP/1\.1(?P<lines>(?:\r\n[!-~]+:[ -~]*)+)"
)
_LENGTH: Final = re.compile(rb"[1-9][0-9]{0,6}")
_PLAIN: Final = frozenset(
    (
        *(b"host", b"content-length", b"content-type", b"authorization", b"accept"),
        *(b"accept-language", b"accept-encoding", b"user-agent", b"connection"),
    )
)
"""Headers that a plain head may have, each once; others send the request the long way."""


class RequestHead(msgspec.Struct, frozen=True):
    """What is needed of a plain head."""

    path: str
    length: int
    authorization: str
    accept_language: str


Respond = Callable[[bytes], None]
"""Takes the whole answer, once."""


@dataclass(frozen=True, slots=True)
class Lane(Generic[Tag]):
    """What answers plain requests of one path."""

    answer: Callable[[Caller, Tag, bytes, Respond], None]
    """Takes who calls, the language, the body, and where the answer goes; may raise a Problem."""
    pick_language: Callable[[str], Tag]
    """Takes the value of Accept-Language; asked once a head."""


def read_head(head: bytes) -> RequestHead | None:
    """Read the head of a request, without its empty line; None: it is not plain."""
    found = _HEAD.fullmatch(head)
    if found is None:
        return None
    values: dict[bytes, bytes] = {}
    for line in found["lines"].split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        name = name.lower()
        if name not in _PLAIN or name in values:
            return None
        values[name] = value.strip(b" ")
    length = values.get(b"content-length", b"")
    if (
        not is_host(values.get(b"host", b"").decode())
        or values.get(b"content-type") != b"application/json"
        or values.get(b"connection", b"keep-alive").lower() != b"keep-alive"
        or _LENGTH.fullmatch(length) is None
    ):
        return None
    return RequestHead(
        found["path"].decode(),
        int(length),
        values.get(b"authorization", b"").decode(),
        values.get(b"accept-language", b"").decode(),
    )


class _Openings:
    """Status line and headers up to Content-Length's value, made once a second."""

    __slots__ = ("_made", "_second")

    def __init__(self) -> None:
        self._second = 0
        self._made: dict[int, bytes] = {}

    def of(self, status: int) -> bytes:
        second = int(now())
        if second != self._second:
            self._second, self._made = second, {}
        made = self._made.get(status)
        if made is None:
            made = self._made[status] = (
                f"HTTP/1.1 {status} {phrase(status)}\r\n"
                f"Content-Type: application/json\r\nServer: {SERVER}\r\n"
                f"Date: {http_date()}\r\nContent-Length: "
            ).encode()
        return made


_OPENINGS: Final = _Openings()


def response(status: int, body: bytes) -> bytes:
    """Write a JSON answer."""
    return b"%b%d\r\n\r\n%b" % (_OPENINGS.of(status), len(body), body)


def problem(found: Problem) -> bytes:
    """Write a problem."""
    body = problem_body(found)
    headers = {
        "Content-Type": PROBLEM_JSON,
        "Server": SERVER,
        "Date": http_date(),
        "Content-Length": str(len(body)),
    } | problem_headers(found)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {found.status} {phrase(found.status)}\r\n{lines}\r\n".encode() + body
