"""One contract for the doors of all services: whatever is asked wrongly, each answers alike.

Meanwhile thousands of silent connections and two half-sent requests stand at each of them.
"""

import gzip
import json
import selectors
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from tests.support.doors import NAMES, WRONG_KEY, TestedDoor, read_answer, running_doors

SILENT: Final = 3000
"""Connections to each door that never send anything."""
ENDED_S: Final = (8.0, 20.0)
"""Seconds after which what sends nothing more is ended: 10 s, a look each second, our own load."""
QUICK_S: Final = 5.0
"""Seconds in which a door answers meanwhile; far less is usual."""


@dataclass(slots=True)
class Stalled:
    """Connections on which a client sends no more, and when each was ended."""

    opened: dict[socket.socket, float] = field(default_factory=dict)
    lasted: dict[socket.socket, float] = field(default_factory=dict)
    done: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        """Note when each is ended, until all are."""
        with selectors.DefaultSelector() as selector:
            for client in self.opened:
                client.setblocking(False)
                selector.register(client, selectors.EVENT_READ)
            deadline = time.monotonic() + ENDED_S[1] + 5
            while len(self.lasted) < len(self.opened) and time.monotonic() < deadline:
                for key, _ in selector.select(1):
                    client = key.fileobj
                    assert isinstance(client, socket.socket)
                    if _ended(client):
                        selector.unregister(client)
                        self.lasted[client] = time.monotonic() - self.opened[client]
        self.done.set()


def _ended(client: socket.socket) -> bool:
    try:
        return not client.recv(4096)
    except OSError:
        return True


@pytest.fixture(scope="module")
def doors() -> Iterator[dict[str, TestedDoor]]:
    """Run all of them."""
    with running_doors() as running:
        yield running


@pytest.fixture(scope="module", autouse=True)
def stalled(doors: dict[str, TestedDoor]) -> Iterator[dict[tuple[str, str], Stalled]]:
    """Open what never sends its request whole, at each door, before anything is asked."""
    found: dict[tuple[str, str], Stalled] = {}
    sent = {"silent": (b"", SILENT), "head": (b"POST /v1/sc", 1)}
    for name, door in doors.items():
        for kind, (data, count) in (sent | {"body": (door.head(50) + b"{", 1)}).items():
            group = found[name, kind] = Stalled()
            for _ in range(count):
                client = door.connect()
                client.sendall(data)
                group.opened[client] = time.monotonic()
    threads = [threading.Thread(target=group.watch) for group in found.values()]
    for thread in threads:
        thread.start()
    yield found
    for thread in threads:
        thread.join()
    for group in found.values():
        for client in group.opened:
            client.close()


@pytest.fixture(params=NAMES)
def door(request: pytest.FixtureRequest, doors: dict[str, TestedDoor]) -> TestedDoor:
    """Return one of them."""
    return doors[request.param]


def test_a_request_is_answered_while_thousands_say_nothing(door: TestedDoor) -> None:
    """On a connection of its own, from the same address."""
    started = time.monotonic()
    assert door.ask("GET", "/healthz", key=None).body == {"status": "ok"}
    assert time.monotonic() - started < QUICK_S


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Content-Type": "text/plain"}, "body.type"),
        ({"Content-Type": "application/json; charset=gbk"}, "body.type"),
        ({"Content-Type": "application/json", "Content-Encoding": "gzip"}, "body.encoding"),
    ],
)
def test_only_plain_json_is_taken(door: TestedDoor, headers: dict[str, str], code: str) -> None:
    """Another type, another charset, or a body that is packed."""
    answer = door.ask("POST", door.post, gzip.compress(b"{}"), headers=headers)
    assert problem(answer) == (415, code)


def test_a_body_that_is_no_json_says_so(door: TestedDoor) -> None:
    """Without naming a field."""
    answer = door.ask("POST", door.post, b"{")
    assert problem(answer) == (400, "body.json")
    assert "field" not in answer.body


def test_a_wrong_field_is_named(door: TestedDoor) -> None:
    """By its path."""
    answer = door.ask("POST", door.post, door.wrong)
    assert problem(answer) == (400, "body.field")
    assert answer.body["field"].startswith(door.field)


def test_an_over_long_body_is_not_read(door: TestedDoor) -> None:
    """Its length alone refuses it; without a length, as many bytes as may come do."""
    status, _, body = door.send(door.head(door.limit + 1))
    assert (status, body["code"]) == (413, "body.large")
    head = door.head(0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    chunk = b" " * (door.limit + 1)
    status, _, body = door.send(head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(chunk), chunk))
    assert (status, body["code"]) == (413, "body.large")


def test_an_over_long_head_is_refused(door: TestedDoor) -> None:
    """With a problem like any other."""
    status, headers, body = door.send(door.head(0, "X-Long: " + "x" * 20_000))
    assert (status, body["code"]) == (400, "request.malformed")
    assert headers["content-type"] == "application/problem+json"


def test_what_is_not_http_is_told_so(door: TestedDoor) -> None:
    """And nothing of it comes back."""
    status, _, body = door.send(b"\x16\x03\x01 nonsense\r\n\r\n")
    assert (status, body["code"]) == (400, "request.malformed")
    assert "nonsense" not in json.dumps(body)


def test_an_unknown_path_is_told_so(door: TestedDoor) -> None:
    """With or without a key."""
    assert problem(door.ask("GET", "/v1/nothing")) == (404, "path.unknown")
    assert problem(door.ask("GET", "/v1/nothing", key=None)) == (404, "path.unknown")


@pytest.mark.parametrize("method", ["DELETE", "PUT", "OPTIONS", "PATCH"])
def test_an_unknown_method_is_told_which_there_are(door: TestedDoor, method: str) -> None:
    """In Allow."""
    answer = door.ask(method, door.post)
    assert (answer.status, answer.headers["Allow"].split(", ")[-1]) == (405, "POST")
    assert answer.body["code"] == "method.unknown"


@pytest.mark.parametrize("key", [None, WRONG_KEY, "", "k" * 300])
def test_without_a_key_of_the_door_nobody_is_let_in(door: TestedDoor, key: str | None) -> None:
    """No key, a wrong one, none after the word, one that is too long."""
    answer = door.ask("POST", door.post, {}, key=key)
    assert problem(answer) == (401, "key.unknown")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_what_begins_like_a_token_is_judged_as_one(door: TestedDoor) -> None:
    """Whatever its length."""
    for text in ("0oRN", "0oRN" + "A" * 100, "0oRN" + "A" * 2000):
        assert problem(door.ask("POST", door.post, {}, key=text)) == (401, "token.bad")


def test_a_key_opens_its_scopes_only(door: TestedDoor) -> None:
    """Another one does not."""
    assert problem(door.ask("POST", door.post, {}, key=door.other_key)) == (403, "scope.missing")


def test_an_unknown_field_of_a_query_is_refused(door: TestedDoor) -> None:
    """It could be a misspelt one."""
    method, path = door.query
    assert problem(door.ask(method, f"{path}?surprise=1", key=door.query_key)) == (400, "query.bad")


def test_health_and_readiness_have_one_shape(door: TestedDoor) -> None:
    """Nobody is asked who; what is counted is there too."""
    found = door.ask("GET", "/readyz", key=None)
    assert set(found.body) == {"ready", "problems", "warnings", "known"}
    assert found.status == (200 if found.body["ready"] else 503)
    text = door.ask("GET", "/metrics", key=None)
    assert text.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert b'code="path.unknown"' in text.body


def test_a_connection_that_has_asked_once_is_kept(door: TestedDoor) -> None:
    """A silence between two requests is no fault."""
    with door.connect() as client:
        for _ in range(2):
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert read_answer(client)[0] == 200


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["head", "body"])
def test_half_a_request_is_ended(
    stalled: dict[tuple[str, str], Stalled], name: str, kind: str
) -> None:
    """After ten seconds."""
    group = stalled[name, kind]
    assert group.done.wait(ENDED_S[1] + 10)
    (lasted,) = group.lasted.values()
    assert ENDED_S[0] < lasted < ENDED_S[1]


@pytest.mark.parametrize("name", NAMES)
def test_who_says_nothing_is_ended(stalled: dict[tuple[str, str], Stalled], name: str) -> None:
    """After ten seconds, the oldest before that: one address has half of a door."""
    group = stalled[name, "silent"]
    assert group.done.wait(ENDED_S[1] + 10)
    assert len(group.lasted) == SILENT
    assert max(group.lasted.values()) < ENDED_S[1]
    assert sum(lasted > ENDED_S[0] for lasted in group.lasted.values()) > SILENT // 2


def problem(answer: Any) -> tuple[int, str]:
    """Return status and code of an answer that is a problem."""
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.body["status"] == answer.status
    return answer.status, answer.body["code"]
