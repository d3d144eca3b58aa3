from http import HTTPStatus

import pytest

from runtime.http.lane import RequestHead, problem, read_head, response
from runtime.http.problems import Problem

PLAIN = (
    b"POST /v1/scans HTTP/1.1\r\nHost: a:1\r\nAuthorization: Bearer k\r\n"
    b"Content-Type: application/json\r\nContent-Length: 42"
)


def test_a_plain_head_is_read() -> None:
    """Names in any case, values trimmed."""
    assert read_head(PLAIN) == RequestHead("/v1/scans", 42, "Bearer k", "")
    other = PLAIN.replace(b"Content-Length: 42", b"content-length:42 ")
    assert read_head(other) == RequestHead("/v1/scans", 42, "Bearer k", "")


def test_the_language_is_read() -> None:
    """As it stands there; the service picks."""
    head = read_head(PLAIN + b"\r\nAccept-Language: en-GB, zh;q=0.5")
    assert head is not None
    assert head.accept_language == "en-GB, zh;q=0.5"


@pytest.mark.parametrize(
    "head",
    [
        PLAIN.replace(b"POST", b"PUT"),
        PLAIN.replace(b"HTTP/1.1", b"HTTP/1.0"),
        PLAIN.replace(b"/v1/scans", b"/v1/scans?a=1"),
        PLAIN.replace(b"/v1/scans", b"http://a/v1/scans"),
        PLAIN.replace(b"Host: a:1\r\n", b""),
        PLAIN + b"\r\nHost: b",
        PLAIN + b"\r\nContent-Length: 42",
        PLAIN + b"\r\nTransfer-Encoding: chunked",
        PLAIN + b"\r\nContent-Encoding: gzip",
        PLAIN + b"\r\nExpect: 100-continue",
        PLAIN + b"\r\nConnection: close",
        PLAIN + b"\r\nUpgrade: websocket",
        PLAIN + b"\r\nX-Other: 1",
        PLAIN + b"\r\n folded",
        PLAIN + b"\r\nAccept : a",
        PLAIN + b"\nAccept: a",
        PLAIN + b"\r\nAccept: \xff",
        PLAIN + b"\r\nAccept: a\rb",
        PLAIN.replace(b"42", b"+42"),
        PLAIN.replace(b"42", b"042"),
        PLAIN.replace(b"42", b"0"),
        PLAIN.replace(b"42", b"4 2"),
        PLAIN.replace(b"42", b"99999999"),
        PLAIN.replace(b"application/json", b"text/plain"),
        PLAIN.replace(b"application/json", b"application/json; charset=utf-8"),
        b"",
    ],
)
def test_what_is_unusual_takes_the_long_way(head: bytes) -> None:
    """Nothing is guessed here: aiohttp reads it as it came."""
    assert read_head(head) is None


def test_answers_are_whole() -> None:
    """Status line, length, body."""
    answer = response(200, b"{}")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"Content-Length: 2\r\n\r\n{}")


def test_a_problem_says_when_to_come_again() -> None:
    """503 carries Retry-After."""
    answer = problem(Problem(HTTPStatus.SERVICE_UNAVAILABLE, "system.busy"))
    assert answer.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert b"Retry-After: 1\r\n" in answer
    assert b'"code":"system.busy"' in answer
