"""Requests as bytes, and what every door must answer to them: one table for all doors."""

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

HEAD_END: Final = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Told:
    """What one answer must be."""

    status: int = 200
    code: str | None = None
    """Of the problem."""
    headers: Mapping[str, str] = field(default_factory=dict)
    bodiless: bool = False


@dataclass(frozen=True, slots=True)
class Exchange:
    """Bytes that are sent at once, and the answers that must come, in their order.

    In the bytes, `GET_` stands for the path of a good GET.
    """

    sent: bytes
    told: tuple[Told, ...]
    ends: bool = False
    """Whether the door ends the connection after the last answer."""


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """One answer as it came."""

    status: int
    version: bytes
    headers: Mapping[str, str]
    body: bytes


GOOD: Final = Told()
MALFORMED: Final = Told(400, "request.malformed", {"connection": "close"})
VERSION: Final = Told(505, "version.unknown", {"connection": "close"})
CODING: Final = Told(501, "coding.unknown", {"connection": "close"})
GET: Final = b"GET GET_ HTTP/1.1\r\nHost: x\r\n\r\n"
ABSENT: Final = Told(404, "path.unknown")
NOTHING: Final = b"GET /v1/nothing HTTP/1.1\r\nHost: x\r\n\r\n"


def get(host: str = "x", *, target: str = "GET_", version: str = "1.1", more: str = "") -> bytes:
    """Write a GET."""
    return f"GET {target} HTTP/{version}\r\nHost: {host}\r\n{more}\r\n".encode()


def post(*lines: str, target: str = "/v1/nothing", version: str = "1.1", body: str = "") -> bytes:
    """Write a POST to a path that there is not."""
    return "\r\n".join((f"POST {target} HTTP/{version}", "Host: x", *lines, "", body)).encode()


EXCHANGES: Final[Mapping[str, Exchange]] = {
    "a good one": Exchange(GET, (GOOD,)),
    "two good ones at once": Exchange(GET + GET, (GOOD, GOOD)),
    "forty good ones at once": Exchange(GET * 40, (GOOD,) * 40),
    # HEAD
    "HEAD": Exchange(GET.replace(b"GET ", b"HEAD ", 1), (Told(bodiless=True),)),
    "HEAD of what there is not": Exchange(
        NOTHING.replace(b"GET", b"HEAD") + GET, (Told(404, bodiless=True), GOOD)
    ),
    "HEAD with an Upgrade": Exchange(
        get(more="Connection: Upgrade\r\nUpgrade: websocket\r\n").replace(b"GET ", b"HEAD ", 1),
        (Told(bodiless=True),),
    ),
    "the methods that there are": Exchange(
        GET.replace(b"GET ", b"DELETE ", 1), (Told(405, "method.unknown", {"allow": "GET, HEAD"}),)
    ),
    # Versions
    "HTTP/1.0": Exchange(get(version="1.0"), (GOOD,), ends=True),
    "HTTP/1.0 without Host": Exchange(b"GET GET_ HTTP/1.0\r\n\r\n", (GOOD,), ends=True),
    "HTTP/0.9": Exchange(get(version="0.9"), (VERSION,), ends=True),
    "HTTP/1.2": Exchange(get(version="1.2"), (VERSION,), ends=True),
    "HTTP/2.0": Exchange(get(version="2.0"), (VERSION,), ends=True),
    "HTTP/3.0": Exchange(get(version="3.0"), (VERSION,), ends=True),
    "HTTP/2 by its preface": Exchange(
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", (VERSION,), ends=True
    ),
    "no version": Exchange(get(version="x"), (MALFORMED,), ends=True),
    # Targets
    "absolute": Exchange(get(target="http://xGET_"), (GOOD,)),
    "absolute, another case": Exchange(get(target="HTTP://X:80GET_"), (GOOD,)),
    "absolute, https": Exchange(get(target="https://[::1]:443GET_"), (GOOD,)),
    "absolute without a path": Exchange(get(target="http://x"), (ABSENT,)),
    "absolute with a query alone": Exchange(get(target="http://x?a=1"), (ABSENT,)),
    "absolute, another scheme": Exchange(get(target="ftp://xGET_"), (MALFORMED,), ends=True),
    "absolute with a user": Exchange(get(target="http://u@xGET_"), (MALFORMED,), ends=True),
    "absolute without a host": Exchange(get(target="http://GET_"), (MALFORMED,), ends=True),
    "absolute and a bad Host": Exchange(get("a b", target="http://xGET_"), (MALFORMED,), ends=True),
    # Hosts
    "a name and a port": Exchange(get("hall-1.example:8443"), (GOOD,)),
    "an IPv6 address": Exchange(get("[2001:db8::1]:80"), (GOOD,)),
    "no Host": Exchange(b"GET GET_ HTTP/1.1\r\n\r\n", (MALFORMED,), ends=True),
    "two Hosts": Exchange(get(more="Host: x\r\n"), (MALFORMED,), ends=True),
    **{
        f"Host {bad!r}": Exchange(get(bad), (MALFORMED,), ends=True)
        for bad in (
            *("", "a b", "a/b", "u@x", "x:y", "x:1:2", "a, b", "[::1", "[:::]", "http://x"),
            "é",
            "%",
        )
    },
    # Bodies
    "a body in chunks": Exchange(
        post("Transfer-Encoding: Chunked", body="1\r\na\r\n3;x=y\r\nb\r\n\r\n0\r\nX: y\r\n\r\n")
        + GET,
        (ABSENT, GOOD),
    ),
    "a body that holds empty lines": Exchange(
        post("Content-Length: 12", body="\r\n\r\n" * 3) + GET, (ABSENT, GOOD)
    ),
    "gzip, chunked": Exchange(
        post("Transfer-Encoding: gzip, chunked", body="0\r\n\r\n"), (CODING,), ends=True
    ),
    "deflate,chunked": Exchange(
        post("Transfer-Encoding: deflate,chunked", body="0\r\n\r\n"), (CODING,), ends=True
    ),
    "gzip alone": Exchange(post("Transfer-Encoding: gzip"), (MALFORMED,), ends=True),
    "chunks and a length": Exchange(
        post("Transfer-Encoding: chunked", "Content-Length: 5", body="0\r\n\r\n"),
        (MALFORMED,),
        ends=True,
    ),
    "chunks in HTTP/1.0": Exchange(
        post("Transfer-Encoding: chunked", version="1.0", body="0\r\n\r\n"), (MALFORMED,), ends=True
    ),
    "two lengths": Exchange(
        post("Content-Length: 1", "Content-Length: 2", body="ab"), (MALFORMED,), ends=True
    ),
    "a length with a sign": Exchange(post("Content-Length: +1", body="a"), (MALFORMED,), ends=True),
    # What is bad spoils itself alone
    "a bad one behind a good one": Exchange(GET + b"\x16\x03\x01\r\n\r\n", (GOOD, MALFORMED), True),
    "a bad one behind a good body": Exchange(
        post("Content-Length: 2", body="ab") + b"NO\r\n\r\n", (ABSENT, MALFORMED), ends=True
    ),
    "a bad one behind good chunks": Exchange(
        post("Transfer-Encoding: chunked", body="1\r\na\r\n0\r\n\r\n") + b"NO\r\n\r\n",
        (ABSENT, MALFORMED),
        ends=True,
    ),
    "a bad Host behind two good ones": Exchange(
        GET + GET + get("a b"), (GOOD, GOOD, MALFORMED), ends=True
    ),
    "a good one behind a bad one": Exchange(get("a b") + GET, (MALFORMED,), ends=True),
    # Expectations
    "another expectation": Exchange(
        get(more="Expect: 200-maybe\r\n"), (Told(417, "expectation.unknown"),), ends=True
    ),
    "an expectation of no body": Exchange(get(more="Expect: 100-Continue\r\n"), (GOOD,)),
    # Other protocols
    "another Upgrade is not taken": Exchange(
        get(more="Connection: Upgrade\r\nUpgrade: h2c\r\n") + GET, (GOOD, GOOD)
    ),
    "CONNECT": Exchange(b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n", (ABSENT,)),
    "OPTIONS of the server": Exchange(b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", (ABSENT,)),
}
"""By what is sent."""


class EndedError(AssertionError):
    """The door ended the connection without an answer."""


def read_raw(client: socket.socket, held: bytearray, *, bodiless: bool) -> RawAnswer:
    """Read one answer; `held` has what came with the one before."""
    while HEAD_END not in held:
        held += _more(client)
    head, _, rest = bytes(held).partition(HEAD_END)
    first, *lines = head.split(b"\r\n")
    version, status = first.split(b" ")[:2]
    headers = {}
    for line in lines:
        name, _, value = line.decode().partition(": ")
        headers[name.lower()] = value
    length = 0 if bodiless or int(status) < 200 else int(headers["content-length"])
    while len(rest) < length:
        rest += _more(client)
    held[:] = rest[length:]
    return RawAnswer(int(status), version, headers, rest[:length])


def _more(client: socket.socket) -> bytes:
    try:
        data = client.recv(65536)
    except TimeoutError:
        raise AssertionError("the door says nothing") from None
    if not data:
        raise EndedError
    return data
