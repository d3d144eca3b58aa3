"""Rows of a table: what follows from them, and what must not be served."""

from dataclasses import replace
from typing import Any, Final

import pytest

from runtime.http.operations import (
    Allowed,
    CallerKind,
    Codes,
    Operation,
    OperationArea,
    Reply,
    RequestBody,
    RouteTable,
    faults,
    in_path,
    in_query,
    merged,
    numbers_in_query,
    operator,
    problems_of,
    service,
    terminal,
)

PLAIN: Final = Operation(
    method="GET",
    path="/v1/things",
    name="things",
    says="List.",
    area=OperationArea.PLACE,
    replies={200: Reply("They.")},
)
ONE: Final = replace(
    PLAIN, path="/v1/things/{thing}", name="thing", parameters=(in_path("thing", "Which."),)
)


def table(*operations: Operation) -> RouteTable:
    """Return a table of these rows."""
    return RouteTable(
        name="things", title="Things", says="Has.", explained="docs/t.md", operations=operations
    )


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({}, {400: ("request.malformed", "body.unasked"), 500: ("internal",)}),
        ({"callers": (service("see"),)}, {401: ("key.unknown", "token.bad")}),
        ({"callers": (service("see"),)}, {403: ("scope.missing",)}),
        (
            {"callers": (operator("see"),)},
            {403: ("scope.missing", "operator.needed", "operator.area")},
        ),
        (
            {"callers": (service("see"), operator("see")), "area": OperationArea.CITY},
            {403: ("scope.missing", "operator.area")},
        ),
        (
            {"callers": (service("see"), terminal("see"))},
            {403: ("scope.missing", "certificate.unusable")},
        ),
        ({"callers": (Allowed(kind=CallerKind.OPERATOR_KEY),)}, {401: ("key.unknown",)}),
        (
            {"body": RequestBody(type=dict, limit=9)},
            {
                400: ("request.malformed", "body.json", "body.field"),
                408: ("body.slow",),
                413: ("body.large",),
                415: ("body.type", "body.encoding"),
            },
        ),
        (
            {"body": RequestBody(type=bytes, limit=9, media=("image/png",), streamed=True)},
            {400: ("request.malformed",), 415: ("body.type", "body.encoding")},
        ),
        ({"parameters": (in_query("a", "A."),)}, {400: ("request.malformed", "body.unasked",
                                                        "query.bad")}),
        ({"problems": {409: ("thing.taken",)}}, {409: ("thing.taken",)}),
    ],
)  # fmt: skip
def test_codes_follow_from_the_row(changes: Any, codes: Codes) -> None:
    """Beside those that it names itself."""
    found = problems_of(replace(PLAIN, **changes), tokens=False)
    assert {status: found[status] for status in codes} == codes
    assert set(found) >= {400, 500}


def test_a_path_with_variables_can_be_unknown() -> None:
    """What stands for a variable may be none that a path has."""
    assert problems_of(ONE, tokens=False)[404] == ("path.unknown",)
    assert 404 not in problems_of(PLAIN, tokens=False)
    assert ONE.pattern is not None
    assert ONE.pattern.fullmatch("/v1/things/a.b-c_1")
    assert not ONE.pattern.fullmatch("/v1/things/a/b")
    assert not ONE.pattern.fullmatch("/v1/things/")
    assert replace(ONE, path="/v1.things/{thing}").pattern.fullmatch("/v1xthings/a") is None  # type: ignore[union-attr]


def test_tokens_can_be_refused_where_they_open_something() -> None:
    """In four ways."""
    row = replace(PLAIN, callers=(service("see"),))
    assert len(problems_of(row, tokens=True)[401]) == 5
    assert not table(row).tokens
    assert table(row, replace(ONE, callers=(operator("see"),))).tokens


@pytest.mark.parametrize(
    "rows",
    [
        (PLAIN, replace(ONE, name="things")),
        (PLAIN, replace(PLAIN, name="others")),
        (ONE, replace(ONE, name="others", path="/v1/things/{other}",
                      parameters=(in_path("other", "Which."),))),
        (replace(ONE, parameters=()),),
        (replace(PLAIN, parameters=(in_path("thing", "Which."),)),),
        (replace(PLAIN, replies={}),),
    ],
)  # fmt: skip
def test_a_faulty_table_is_told(rows: tuple[Operation, ...]) -> None:
    """Ids and ways twice, variables that are not described, no answer."""
    assert list(faults(table(*rows)))
    assert not list(faults(table(PLAIN, ONE)))


def test_bounds_are_those_of_the_handler() -> None:
    """As numbers of the query."""
    (one,) = numbers_in_query({"limit": (5, 1, 9)}, {"limit": "How many."})
    assert one.schema == {"type": "integer", "minimum": 1, "maximum": 9, "default": 5}
    assert not one.required


def test_groups_of_codes_are_joined() -> None:
    """Each code once, by ascending status."""
    assert merged({409: ("a",), 400: ("b",)}, {409: ("a", "c")}) == {400: ("b",), 409: ("a", "c")}
