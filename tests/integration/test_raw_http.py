"""Raw HTTP: every door of every process answers each row of one table alike."""

import json
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import pytest

from tests.support.archive_process import archive_house
from tests.support.centre import centre, root_file
from tests.support.doors import HOST, NAMES, TestedDoor, running_doors
from tests.support.far_side import far_side
from tests.support.ports import free_ports
from tests.support.raw_http import EXCHANGES, GET, EndedError, Exchange, RawAnswer, read_raw
from tests.support.terminal_process import Identities, TerminalProcess, terminal_process
from tests.support.terminal_shelf import shelf
from tests.support.verifier_process import eventually
from tests.support.verifier_tls import tls_files

ALL: Final = (*NAMES, "archive", "terminals", "terminal")
ASKS: Final = tuple(name for name in NAMES)
"""Doors with API keys and a POST."""
SOON_S: Final = 2.0
"""Seconds in which an answer or the end of a connection comes; a kept one lives for 75 s."""


@dataclass(frozen=True, slots=True)
class RawDoor:
    """A door, and how one opens a connection to it."""

    connect: Callable[[], socket.socket]
    get: str = "/healthz"
    tested: TestedDoor | None = None

    def is_open(self) -> bool:
        """Say whether who connects may be here; who may not is not always answered."""
        with self.connect() as client:
            client.sendall(GET.replace(b"GET_", self.get.encode()))
            try:
                return read_raw(client, bytearray(), bodiless=False).status == 200
            except EndedError:
                return False

    def exchange(self, exchange: Exchange) -> list[RawAnswer]:
        """Send the bytes of an exchange in one piece; returns as many answers as are told."""
        with self.connect() as client:
            client.sendall(exchange.sent.replace(b"GET_", self.get.encode()))
            held = bytearray()
            found = [read_raw(client, held, bodiless=told.bodiless) for told in exchange.told]
            assert not held
            assert goes_on(client, self.get) != exchange.ends
        return found


def goes_on(client: socket.socket, path: str) -> bool:
    """Say whether a connection takes one more request; it has nothing more to say before."""
    client.settimeout(SOON_S)
    try:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        return bool(read_raw(client, bytearray(), bodiless=False))
    except (ConnectionError, AssertionError):
        return False


@pytest.fixture(scope="module")
def doors() -> Iterator[dict[str, RawDoor]]:
    """Run all of them."""
    with ExitStack() as stack:
        found = {
            name: RawDoor(tested.connect, tested=tested)
            for name, tested in stack.enter_context(running_doors()).items()
        }
        archive = stack.enter_context(archive_house())
        archive.process.start()
        found["archive"] = RawDoor(_plain(archive.process.port))
        house, files = stack.enter_context(centre()), stack.enter_context(tls_files())
        (port,) = free_ports(1)
        house.tls = files.settings(port)
        house.worker()
        context, fingerprint = files.terminal("t-90")
        house.grant("t-90", fingerprint=fingerprint)
        found["terminals"] = terminals = RawDoor(_over_tls(port, context), "/v1/bundles")
        eventually("the grant is followed", terminals.is_open)
        found["terminal"] = RawDoor(_beside(_terminal(stack).socket), "/state")
        yield found


def _terminal(stack: ExitStack) -> TerminalProcess:
    """Start a terminal and its centre."""
    folder = stack.enter_context(TemporaryDirectory(prefix="kapok-i-"))
    identities, root = Identities.new(Path(folder)), root_file()
    far = stack.enter_context(far_side(identities, shelf(root)))
    found = stack.enter_context(terminal_process(identities, root, verifier_url=far.url))
    found.start()
    return found


def _plain(port: int) -> Callable[[], socket.socket]:
    return lambda: socket.create_connection((HOST, port), timeout=20)


def _beside(path: Path) -> Callable[[], socket.socket]:
    """Connect to a door on a unix socket."""

    def connect() -> socket.socket:
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(20)
        client.connect(str(path))
        return client

    return connect


def _over_tls(port: int, context: ssl.SSLContext) -> Callable[[], socket.socket]:
    plain = _plain(port)
    return lambda: context.wrap_socket(plain(), server_hostname=HOST)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("what", EXCHANGES)
def test_each_exchange_at_each_door(doors: dict[str, RawDoor], name: str, what: str) -> None:
    """Statuses, problems, headers, whether the connection goes on; never a word of aiohttp."""
    door, exchange = doors[name], EXCHANGES[what]
    for told, answer in zip(exchange.told, door.exchange(exchange), strict=True):
        assert answer.status == told.status
        assert answer.version == b"HTTP/1.0" if "HTTP/1.0" in what else b"HTTP/1.1"
        assert answer.headers["server"] == "kapok"
        assert told.headers.items() <= answer.headers.items()
        if told.code is not None:
            assert answer.headers["content-type"] == "application/problem+json"
            assert json.loads(answer.body)["code"] == told.code


def opened(doors: dict[str, RawDoor], name: str) -> TestedDoor:
    """Return a door with API keys."""
    tested = doors[name].tested
    assert tested is not None
    return tested


@pytest.mark.parametrize("name", ASKS)
def test_a_body_is_asked_for(doors: dict[str, RawDoor], name: str) -> None:
    """A client that sends it only then waits for nothing; what is refused anyway, is at once."""
    door = opened(doors, name)
    with door.connect() as client:
        client.sendall(door.head(1, "Expect: 100-Continue"))
        held = bytearray()
        assert read_raw(client, held, bodiless=False).status == 100
        client.sendall(b"{")
        assert said(read_raw(client, held, bodiless=False)) == (400, "body.json")
        client.sendall(door.head(door.limit + 1, "Expect: 100-continue"))
        large = read_raw(client, held, bodiless=False)
        assert said(large) == (413, "body.large")
        assert large.headers["connection"] == "close"
    with door.connect() as client:
        head = door.head(1, "Expect: 100-continue").replace(door.key.encode(), b"nobody")
        client.sendall(head)
        refused = read_raw(client, bytearray(), bodiless=False)
        assert said(refused) == (401, "key.unknown")
        assert refused.headers["connection"] == "close"


@pytest.mark.parametrize("name", ASKS)
def test_a_body_that_is_there_is_not_asked_for(doors: dict[str, RawDoor], name: str) -> None:
    """Nor one of HTTP/1.0, whose clients know of no such answer."""
    door = opened(doors, name)
    for head, status in (
        (door.head(1, "Expect: 100-continue") + b"{", 400),
        (door.head(1, "Expect: 100-continue").replace(b"HTTP/1.1", b"HTTP/1.0", 1) + b"{", 400),
    ):
        assert door.send(head)[0] == status


@pytest.mark.parametrize("name", ASKS)
@pytest.mark.parametrize("word", ["bearer", "BEARER", "Bearer ", "bEARER"])
def test_the_word_before_a_key_is_in_any_case(
    doors: dict[str, RawDoor], name: str, word: str
) -> None:
    """And so it is before a token."""
    door = opened(doors, name)
    head = door.head(1).replace(b"Authorization: Bearer ", f"Authorization: {word} ".encode())
    assert said_of(door.send(head + b"{")) == (400, "body.json")
    token = head.replace(door.key.encode(), b"0oRNxx")
    assert said_of(door.send(token + b"{")) == (401, "token.bad")


@pytest.mark.parametrize("name", ASKS)
def test_chunks_that_are_none_are_told_so(doors: dict[str, RawDoor], name: str) -> None:
    """At once: who reads the body does not wait for the rest."""
    door = opened(doors, name)
    head = door.head(0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    started = time.monotonic()
    assert said_of(door.send(head + b"1\r\n{\r\nzz\r\n")) == (400, "request.malformed")
    assert time.monotonic() - started < SOON_S


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
@pytest.mark.parametrize("name", [*ASKS, "archive"])
def test_head_says_what_get_says(doors: dict[str, RawDoor], name: str, path: str) -> None:
    """Status, type and length, without the body: what checkers of health ask."""
    door = doors[name]
    found = []
    for method in ("GET", "HEAD"):
        with door.connect() as client:
            client.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            answer = read_raw(client, bytearray(), bodiless=method == "HEAD")
            assert goes_on(client, path)
        assert int(answer.headers["content-length"]) > 0
        found.append((answer.status, answer.headers["content-type"]))
    assert found[0] == found[1]


@pytest.mark.parametrize(
    "lines",
    [
        ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 12"),
        ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"),
        ("Connection: Upgrade", "Upgrade: other"),
        (),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_opens_no_stream_is_told_how(
    doors: dict[str, RawDoor], method: str, lines: tuple[str, ...]
) -> None:
    """Another version, a key that is none, another protocol, a plain request; HEAD opens none."""
    door = opened(doors, "worker")
    head = (f"{method} /v1/scans/stream HTTP/1.1", "Host: x", f"Authorization: Bearer {door.key}")
    with door.connect() as client:
        client.sendall("\r\n".join((*head, *lines, "", "")).encode())
        answer = read_raw(client, bytearray(), bodiless=method == "HEAD")
    assert answer.status == 426
    assert answer.headers["sec-websocket-version"] == "13"
    assert answer.headers["connection"].lower() == "upgrade"
    assert answer.headers["upgrade"] == "websocket"


def test_a_client_of_http_1_0_opens_no_stream(doors: dict[str, RawDoor]) -> None:
    """It knows of no other protocol than its own (RFC 9110, 7.8)."""
    door = opened(doors, "worker")
    head = ("GET /v1/scans/stream HTTP/1.0", f"Authorization: Bearer {door.key}")
    more = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13")
    key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
    with door.connect() as client:
        client.sendall("\r\n".join((*head, *more, key, "", "")).encode())
        assert read_raw(client, bytearray(), bodiless=False).status == 426


def said(answer: RawAnswer) -> tuple[int, str]:
    """Return status and code of a problem."""
    return answer.status, json.loads(answer.body)["code"]


def said_of(answer: tuple[int, dict[str, str], Any]) -> tuple[int, str]:
    """Return status and code of a problem."""
    return answer[0], answer[2]["code"]
