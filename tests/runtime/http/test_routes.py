"""Routes: every row has its handler, a request finds its row, the row says who may ask."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import pytest

from runtime.http.access import Caller
from runtime.http.operations import (
    Operation,
    OperationArea,
    Reply,
    in_path,
    operator,
    service,
    terminal,
)
from runtime.http.problems import Problem
from runtime.http.routes import Router, admit, bind

LIST: Final = Operation(
    method="GET",
    path="/v1/things",
    name="list",
    says="List.",
    area=OperationArea.PLACE,
    replies={200: Reply("They.")},
)
MAKE: Final = replace(LIST, method="POST", name="make")
READ: Final = replace(
    LIST, path="/v1/things/{thing}", name="read", parameters=(in_path("thing", "Which."),)
)
PART: Final = replace(
    LIST,
    path="/v1/things/{thing}/parts/{part}",
    name="part",
    parameters=(in_path("thing", "Which."), in_path("part", "Which.")),
)
CITY: Final = OperationArea.CITY
"""Among callers: the row is the whole city's."""
ROWS: Final = (LIST, MAKE, READ, PART)


async def answer(*_: Any) -> Any:
    """Answer nothing."""


def handlers(*names: str) -> Mapping[str, Any]:
    """Return a handler each."""
    return dict.fromkeys(names, answer)


@dataclass(frozen=True, slots=True)
class _Token:
    """An operator's token."""

    scopes: frozenset[str]
    district: str | None = None
    place: str | None = None
    id: str = "0" * 16
    person: str = "ling"


KEY: Final = Caller(name="system", terminal=None, scopes=frozenset({"see"}))
TERMINAL: Final = Caller(name="t-1", terminal="t-1", fingerprint="f" * 64)


def by_operator(scope: str, **area: Any) -> Caller:
    """Return an operator."""
    token = _Token(frozenset({scope}), **area)
    return Caller(name="ling", terminal=None, scopes=token.scopes, token=token)


@pytest.mark.parametrize("names", [("list", "make", "read"), ("list", "make", "read", "part", "x")])
def test_a_missing_handler_and_one_too_many_end_the_start(names: tuple[str, ...]) -> None:
    """The error names it."""
    with pytest.raises(ValueError, match=r"part|x"):
        bind(ROWS, handlers(*names))


def test_a_lane_of_no_operation_ends_the_start() -> None:
    """As a handler of none."""
    lanes: Any = {"x": object()}
    with pytest.raises(ValueError, match="x"):
        bind(ROWS, handlers("list", "make", "read", "part"), lanes)


def test_a_request_finds_its_row() -> None:
    """By method and path; the variables are handed over."""
    router = Router(bind(ROWS, handlers("list", "make", "read", "part")))
    for method, path, name, variable in (
        ("GET", "/v1/things", "list", ""),
        ("POST", "/v1/things", "make", ""),
        ("GET", "/v1/things/a", "read", "a"),
        ("GET", "/v1/things/a/parts/b", "part", "a/b"),
    ):
        route, found = router.find(method, path)
        assert (route.operation.name, found) == (name, variable)


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("DELETE", "/v1/things", 405, "GET, HEAD, POST"),
        ("POST", "/v1/things/a", 405, "GET, HEAD"),
        ("GET", "/v1/things/", 404, None),
        ("GET", "/v1/things/a%20b", 404, None),
        ("GET", "/v1/things/a/parts", 404, None),
    ],
)
def test_what_is_no_route_is_told_so(
    method: str, path: str, status: int, allow: str | None
) -> None:
    """An unknown method says which there are."""
    router = Router(bind(ROWS, handlers("list", "make", "read", "part")))
    with pytest.raises(Problem) as refused:
        router.find(method, path)
    assert refused.value.status == status
    assert refused.value.headers.get("Allow") == allow


@pytest.mark.parametrize(
    ("callers", "caller", "code"),
    [
        ((service("see"),), KEY, None),
        ((service("do"),), KEY, "scope.missing"),
        ((service("see"),), by_operator("see"), "scope.missing"),
        ((service("see"),), TERMINAL, "scope.missing"),
        ((operator("see"),), KEY, "operator.needed"),
        ((operator("see"),), by_operator("see"), None),
        ((operator("see"),), by_operator("do"), "scope.missing"),
        ((operator("see"),), by_operator("see", district="liwan"), None),
        ((operator("see"), CITY), by_operator("see", district="liwan"), "operator.area"),
        ((operator("see"), CITY), by_operator("see", place="hall"), "operator.area"),
        ((operator("see"), CITY), by_operator("see"), None),
        ((service("see"), operator("do")), KEY, None),
        ((service("see"), operator("do")), by_operator("see"), "scope.missing"),
        ((terminal("see"),), TERMINAL, None),
        ((terminal("see"), operator("see")), KEY, "scope.missing"),
    ],
)
def test_who_may_ask_is_the_rows_to_say(callers: Any, caller: Caller, code: str | None) -> None:
    """By kind of caller, scope and area."""
    area = CITY if CITY in callers else OperationArea.PLACE
    asked = tuple(each for each in callers if each is not CITY)
    operation = replace(LIST, callers=asked, area=area)
    if code is None:
        admit(operation, caller)
        return
    with pytest.raises(Problem) as refused:
        admit(operation, caller)
    assert (int(refused.value.status), refused.value.code) == (403, code)
