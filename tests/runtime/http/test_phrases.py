"""The phrases of HTTP statuses: the same on every Python."""

from http import HTTPStatus

import pytest

from runtime.http.lane import problem
from runtime.http.phrases import phrase
from runtime.http.problems import Problem, problem_body, problem_response


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, "OK"),
        (404, "Not Found"),
        (413, "Content Too Large"),
        (414, "URI Too Long"),
        (416, "Range Not Satisfiable"),
        (422, "Unprocessable Content"),
        (503, "Service Unavailable"),
    ],
)
def test_a_status_has_the_phrase_of_rfc_9110(status: int, expected: str) -> None:
    """Also those that Python renamed with 3.13."""
    assert phrase(status) == expected


def test_a_problem_says_the_phrase_everywhere() -> None:
    """In the status line of both ways out, and as its title."""
    found = Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body.large")
    assert b'"title":"Content Too Large"' in problem_body(found)
    assert problem(found).startswith(b"HTTP/1.1 413 Content Too Large\r\n")
    assert problem_response(found).reason == "Content Too Large"
