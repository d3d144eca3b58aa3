"""The HTTP doors of our services for tests: each one running, and what to ask it."""

import json
import resource
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from tests.support.feeds_house import CONSUMER_KEY, feeds_house
from tests.support.feeds_house import KEY as FEEDS_KEY
from tests.support.fleet_process import SCOPES, fleet_house
from tests.support.issuing_house import issuing_house
from tests.support.verifier_process import ADMIN_KEY, API_KEY, BOOKING_KEY, Answer, ask

NAMES: Final = ("worker", "issuing", "feeds", "fleet")
HOST: Final = "127.0.0.1"
WRONG_KEY: Final = "kapok_nobody_" + "n" * 43
READER_KEY: Final = "kapok_reader_" + "r" * 43
"""A key of the fleet that gives no commands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TestedDoor:
    """A door, and requests that every door must answer alike."""

    __test__ = False

    port: int
    key: str
    """Opens `post`."""
    other_key: str
    """A key of the door that does not open `post`."""
    post: str
    """Takes a JSON body."""
    limit: int
    """Bytes of its body."""
    wrong: Any
    """A body with a wrong field."""
    field: str
    """The path of that field."""
    query: tuple[str, str]
    """Method and path of what takes no query field `surprise`."""
    query_key: str
    """Opens it."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Of `post`, besides."""

    def ask(self, method: str, path: str, body: Any = None, **given: Any) -> Answer:
        """Make one request."""
        headers = {**self.headers, **given.pop("headers", {})}
        return ask(self.port, method, path, body, **{"key": self.key, "headers": headers} | given)

    def head(self, length: int, *lines: str) -> bytes:
        """Return the head of a POST with a body of `length` bytes."""
        own = [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join(
            (
                *(f"POST {self.post} HTTP/1.1", "Host: x", f"Authorization: Bearer {self.key}"),
                *("Content-Type: application/json", f"Content-Length: {length}", *own, *lines),
                *("", ""),
            )
        ).encode()

    def connect(self) -> socket.socket:
        """Open a connection."""
        return socket.create_connection((HOST, self.port), timeout=20)

    def send(self, data: bytes) -> tuple[int, dict[str, str], Any]:
        """Send bytes on a new connection; returns status, headers and problem of the answer."""
        with self.connect() as client:
            client.sendall(data)
            return read_answer(client)


def read_answer(client: socket.socket) -> tuple[int, dict[str, str], Any]:
    """Read one answer with a JSON body."""
    file = client.makefile("rb")
    status = int(file.readline().split()[1])
    headers: dict[str, str] = {}
    while line := file.readline().strip():
        name, _, value = line.decode().partition(": ")
        headers[name.lower()] = value
    length = int(headers.get("content-length", "0"))
    return status, headers, json.loads(file.read(length)) if length else None


@contextmanager
def running_doors() -> Iterator[dict[str, TestedDoor]]:
    """Run a process of each kind."""
    allow_many_sockets()
    with ExitStack() as stack:
        issuing = stack.enter_context(issuing_house())
        feeds = stack.enter_context(feeds_house())
        fleet = stack.enter_context(fleet_house(("hall-1",), start=False))
        keys = (("test", API_KEY, SCOPES), ("reader", READER_KEY, ("fleet.read",)))
        process = fleet.add_process(
            api_keys=[
                {"name": name, "sha256": sha256(key.encode()).hexdigest(), "scopes": scopes}
                for name, key, scopes in keys
            ]
        )
        process.start()
        yield {
            "worker": TestedDoor(
                port=issuing.centre.port,
                key=API_KEY,
                other_key=ADMIN_KEY,
                post="/v1/scans/upload",
                limit=2 * 1024 * 1024,
                wrong={"records": [{"scan_id": "a", "text": "b", "at": "x"}]},
                field="$.records[0]",
                query=("GET", "/v1/records"),
                query_key=ADMIN_KEY,
            ),
            "issuing": TestedDoor(
                port=issuing.issuing.port,
                key=ADMIN_KEY,
                other_key=BOOKING_KEY,
                post="/v1/challenges",
                limit=1024,
                wrong={"person": "x"},
                field="$.person",
                query=("POST", "/v1/credentials/bulk"),
                query_key=ADMIN_KEY,
            ),
            "feeds": TestedDoor(
                port=feeds.process.port,
                key=FEEDS_KEY,
                other_key=CONSUMER_KEY,
                post="/v1/corrections",
                limit=4096,
                wrong={"plane": "health", "reason": 7, "person": 1},
                field="$.reason",
                query=("GET", "/v1/corrections"),
                query_key=FEEDS_KEY,
            ),
            "fleet": TestedDoor(
                port=process.port,
                key=API_KEY,
                other_key=READER_KEY,
                post="/v1/terminals/hall-1/commands",
                limit=4096,
                wrong={"type": "reboot"},
                field="$.type",
                query=("GET", "/v1/terminals"),
                query_key=API_KEY,
                headers={"Idempotency-Key": "a"},
            ),
        }


def allow_many_sockets() -> None:
    """Let this process and those it starts open as many files as the machine allows."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
