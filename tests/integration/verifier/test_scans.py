"""POST /v1/scans at the service door: what is answered, what is refused, and how."""

import contextlib
import http.client
import json
import socket
import time
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from tests.support.centre import (
    ADMIN_KEY,
    API_KEY,
    Centre,
    credential,
    eventually,
    new_scan_id,
    paper,
    shown,
)
from tests.support.keys import PHONE, STRANGER
from verifier.contract.reasons import Reason
from verifier.contract.vocabulary import Outcome
from verifier.issuing.holder import present, presentation_text

persons = count(1000)


@pytest.fixture
def line(house: Centre) -> Iterator[http.client.HTTPConnection]:
    """Yield a keep-alive connection."""
    connection = http.client.HTTPConnection("127.0.0.1", house.port, timeout=20)
    yield connection
    connection.close()


def post(
    line: http.client.HTTPConnection, body: bytes, path: str = "/v1/scans", **headers: str
) -> tuple[int, Any]:
    """Send a body on an open connection, plainly."""
    given = {
        "Host": "x",
        "Authorization": f"Bearer {API_KEY}",
        "Content-Type": "application/json",
    } | {name.replace("_", "-"): value for name, value in headers.items()}
    line.request("POST", path, body, given)
    answer = line.getresponse()
    return answer.status, json.loads(answer.read())


def test_a_phone_passes_once(house: Centre) -> None:
    """The second showing, freshly signed, is the same person."""
    person = next(persons)
    first, second = house.scan(shown(person)), house.scan(shown(person))
    assert (first.status, second.status) == (200, 200)
    assert first.body["decision"] == Outcome.PASS
    assert first.body["recorded"]
    assert second.body["decision"] == Outcome.DENY
    assert second.body["reason"] == Reason.USE_REPLAYED


def test_a_retry_gets_the_same_answer_on_either_way(
    house: Centre, line: http.client.HTTPConnection
) -> None:
    """By the fast lane, by aiohttp, after the proof's window has passed in between or not."""
    text, scan_id = shown(next(persons)), new_scan_id()
    body = json.dumps({"scan_id": scan_id, "text": text}).encode()
    answers = [post(line, body), post(line, body, X_Long_Way="1"), post(line, body)]
    assert {status for status, _ in answers} == {200}
    assert answers[0][1] == answers[1][1] == answers[2][1]
    assert answers[0][1]["decision"] == Outcome.PASS
    assert house.scan(text).body["reason"] == Reason.USE_REPLAYED


def test_a_denied_scan_is_recorded_and_stays_denied(house: Centre) -> None:
    """A stale proof; the answer is the stored one."""
    text, scan_id = shown(next(persons), ago=90), new_scan_id()
    first = house.scan(text, scan_id=scan_id).body
    assert first["reason"] == Reason.PROOF_STALE
    assert first["recorded"]
    assert house.scan(text, scan_id=scan_id).body == first


def test_another_text_under_the_same_scan_id_is_a_conflict(house: Centre) -> None:
    """409, and nothing is claimed."""
    scan_id, second = new_scan_id(), next(persons)
    house.scan(shown(next(persons)), scan_id=scan_id)
    refused = house.scan(shown(second), scan_id=scan_id)
    assert (refused.status, refused.body["code"]) == (409, "scan.conflict")
    assert house.scan(shown(second)).body["decision"] == Outcome.PASS


def test_the_scan_id_of_another_terminal_is_refused(house: Centre) -> None:
    """It cannot be used, and not be taken from its owner."""
    refused = house.scan(shown(next(persons)), scan_id=new_scan_id("t-2"))
    assert (refused.status, refused.body["code"]) == (409, "scan.conflict")


@pytest.mark.parametrize(
    "where", [{"place": "hall-1"}, {"gate": "b"}, {"place": "metro-1", "gate": "b"}]
)
def test_a_terminal_that_names_another_place_is_refused(
    house: Centre, where: dict[str, str]
) -> None:
    """Place and gate are the grant's."""
    person = next(persons)
    body = {"scan_id": new_scan_id(), "text": shown(person)} | where
    refused = house.ask("POST", "/v1/scans", body)
    assert (refused.status, refused.body["code"]) == (403, "grant.place")
    repeated = body | {"place": "metro-1", "gate": "a"}
    assert house.ask("POST", "/v1/scans", repeated).body["decision"] == Outcome.PASS


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        (b"", "body.json", None),
        (b"{", "body.json", None),
        (b"\xff\xfe", "body.json", None),
        (b"[]", "body.field", "$"),
        (b'{"text":"a"}', "body.field", "$.scan_id"),
        (b'{"scan_id":1,"text":"a"}', "body.field", "$.scan_id"),
        (b'{"scan_id":"1","text":"a"}', "body.field", "$.scan_id"),
        (b'{"scan_id":"1","text":"a","x-secret":1}', "body.field", "$"),
        (b"[" * 60_000, "body.json", None),
    ],
)
@pytest.mark.parametrize("way", ["lane", "aiohttp"])
def test_bad_json_is_refused_with_a_path_and_no_echo(
    line: http.client.HTTPConnection, body: bytes, code: str, field: str | None, way: str
) -> None:
    """The connection lives on."""
    more = {} if way == "lane" else {"X_Long_Way": "1"}
    status, problem = post(line, body, **more)
    assert (status, problem["code"], problem.get("field")) == (400, code, field)
    assert "secret" not in json.dumps(problem)
    good = {"scan_id": new_scan_id(), "text": shown(next(persons))}
    assert post(line, json.dumps(good).encode(), **more)[1]["decision"] == Outcome.PASS


def test_a_scan_id_of_a_distant_future_is_refused(house: Centre) -> None:
    """It would be remembered until then."""
    refused = house.scan(shown(next(persons)), scan_id=new_scan_id(at=time.time() + 2 * 86_400))
    assert (refused.status, refused.body["field"]) == (400, "$.scan_id")


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Content_Type": "text/plain"}, 415, "body.type"),
        ({"Content_Type": "application/json; charset=latin-1"}, 415, "body.type"),
        ({"Content_Type": ""}, 415, "body.type"),
        ({"Content_Encoding": "gzip"}, 415, "body.encoding"),
        ({"Authorization": "Bearer kapok_test_wrong"}, 401, "key.unknown"),
        ({"Authorization": ""}, 401, "key.unknown"),
        ({"Authorization": "Bearer kapok_caf\xe9"}, 401, "key.unknown"),
        ({"Authorization": f"Bearer {ADMIN_KEY}"}, 403, "scope.missing"),
    ],
)
def test_a_wrong_header_is_refused(
    line: http.client.HTTPConnection, headers: dict[str, str], status: int, code: str
) -> None:
    """Before the body is looked at."""
    body = json.dumps({"scan_id": new_scan_id(), "text": "CC1:"}).encode()
    found, problem = post(line, body, **headers)
    assert (found, problem["code"]) == (status, code)


def test_content_types_with_the_one_charset_are_taken(line: http.client.HTTPConnection) -> None:
    """JSON is UTF-8, and some clients say so."""
    body = json.dumps({"scan_id": new_scan_id(), "text": shown(next(persons))}).encode()
    assert post(line, body, Content_Type="Application/JSON; charset=UTF-8")[0] == 200


def test_ten_megabytes_of_text_are_refused_by_their_length(house: Centre) -> None:
    """And the worker goes on."""
    body = json.dumps({"scan_id": new_scan_id(), "text": "x" * 10_000_000}).encode()
    with socket.create_connection(("127.0.0.1", house.port), timeout=20) as client:
        client.sendall(head(len(body)) + body[:100_000])
        assert b" 413 " in client.recv(4096)
    assert house.scan(shown(next(persons))).body["decision"] == Outcome.PASS


def test_a_text_just_too_long_is_refused(house: Centre) -> None:
    """By its field."""
    refused = house.scan("CC1:" + "A" * 20_000)
    assert (refused.status, refused.body["field"]) == (400, "$.text")
    assert house.scan("CC1:" + "A" * 19_000).body["reason"] == Reason.FORMAT_TOO_LONG


def test_what_is_not_http_is_answered_with_a_problem(house: Centre) -> None:
    """Nothing of it comes back."""
    with socket.create_connection(("127.0.0.1", house.port), timeout=20) as client:
        client.sendall(b"SECRET / NONSENSE\r\n\r\n")
        received = client.recv(4096)
    assert b" 400 " in received.splitlines()[0]
    assert b"request.malformed" in received
    assert b"SECRET" not in received


def test_the_value_of_a_header_is_never_taken_for_a_request(house: Centre) -> None:
    """A head that was begun is ended by what comes next, whatever that looks like."""
    body = json.dumps({"scan_id": new_scan_id(), "text": shown(next(persons))}).encode()
    whole = head(len(body)) + body
    with socket.create_connection(("127.0.0.1", house.port), timeout=20) as client:
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /none HTTP/1.1\r\nX: ")
        received = b""
        while received.count(b"HTTP/1.1 ") < 1:
            received += client.recv(65_536)
        client.sendall(whole)
        while received.count(b"HTTP/1.1 ") < 2:
            received += client.recv(65_536)
    assert b'"decision"' not in received


def test_a_request_in_pieces_and_two_in_one_are_answered(house: Centre) -> None:
    """Whatever way the bytes come, in their order."""
    bodies = [
        json.dumps({"scan_id": new_scan_id(), "text": shown(next(persons))}).encode()
        for _ in range(6)
    ]
    stream = b"".join(head(len(body)) + body for body in bodies)
    with socket.create_connection(("127.0.0.1", house.port), timeout=20) as client:
        for start in range(0, len(stream), 700):
            client.sendall(stream[start : start + 700])
        received = b""
        while received.count(b'"recorded":true') < 6:
            received += client.recv(65_536)
    order = [json.loads(body)["scan_id"].encode() for body in bodies]
    places = [received.index(scan_id) for scan_id in order]
    assert places == sorted(places)


def test_a_client_that_never_reads_holds_nobody_up(house: Centre) -> None:
    """Its answers stop being made once it has enough of them; others are served."""
    body = json.dumps({"scan_id": new_scan_id(), "text": shown(next(persons))}).encode()
    request = head(len(body)) + body
    with socket.create_connection(("127.0.0.1", house.port), timeout=0.5) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        fill(client, request * 50)
        started = time.monotonic()
        assert house.scan(shown(next(persons))).status == 200
        assert time.monotonic() - started < 5


def fill(client: socket.socket, data: bytes) -> None:
    """Send until the other side takes no more."""
    with contextlib.suppress(OSError):
        while True:
            client.sendall(data)


def test_unknown_paths_and_methods_are_problems(house: Centre) -> None:
    """404, and 405 with Allow."""
    assert house.ask("GET", "/v1/other").body["code"] == "path.unknown"
    refused = house.ask("DELETE", "/v1/scans")
    assert (refused.status, refused.headers["Allow"]) == (405, "POST")


def test_sentences_come_in_two_languages(house: Centre) -> None:
    """Chinese unless English is asked for."""
    text = shown(next(persons))
    house.scan(text)
    chinese = house.scan(text).body["sentence"]
    english = house.scan(text, headers={"Accept-Language": "en"}).body["sentence"]
    assert chinese != english
    assert english.isascii()


def test_paper_uses_nobody_up_who_has_a_phone(house: Centre) -> None:
    """A photo of it passes once; after the phone it passes no more."""
    person = next(persons)
    assert house.scan(paper(person)).body["decision"] == Outcome.PASS
    assert house.scan(paper(person)).body["reason"] == Reason.USE_REPLAYED
    assert house.scan(shown(person)).body["decision"] == Outcome.PASS
    other = next(persons)
    assert house.scan(shown(other)).body["decision"] == Outcome.PASS
    assert house.scan(paper(other)).body["reason"] == Reason.USE_REPLAYED


def test_another_phone_cannot_show_the_credential(house: Centre) -> None:
    """The proof is the holder's."""
    made = present(
        credential(next(persons), holder=PHONE), key=STRANGER, now=int(time.time()), cti=b"abcd"
    )
    assert house.scan(presentation_text(made)).body["reason"] == Reason.PROOF_BAD


def test_metrics_count_what_happened(house: Centre) -> None:
    """By outcome, reason and format; each worker at its own door too."""
    house.scan(shown(next(persons)))
    text = house.ask("GET", "/metrics", key=None).body.decode()
    assert 'verifier_scans_total{format="CC1",outcome="pass",reason="",worker="worker-0"}' in text
    assert 'verifier_store_up{worker="worker-0"} 1.0' in text


def head(length: int) -> bytes:
    """Return the plain head of a request."""
    return (
        f"POST /v1/scans HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {API_KEY}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


def test_a_revoked_grant_ends_an_open_connection_at_once(
    house: Centre, line: http.client.HTTPConnection
) -> None:
    """The next request on it is refused; a newer grant opens it again."""

    def status() -> tuple[int, str]:
        body = {"scan_id": new_scan_id(), "text": shown(next(persons))}
        found, answer = post(line, json.dumps(body).encode())
        return found, answer.get("code", "")

    assert status()[0] == 200
    house.grant(state="revoked")
    eventually("the grant is followed", lambda: status() == (403, "grant.revoked"))
    house.grant()
    eventually("the new grant is followed", lambda: status()[0] == 200)
