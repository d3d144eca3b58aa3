"""The page of a document: what a reader looks for stands where it is looked for."""

from typing import Annotated, Final

from msgspec import Meta, Struct

from runtime.http.openapi.document import document
from runtime.http.openapi.page import page
from runtime.http.operations import (
    Operation,
    OperationArea,
    Reply,
    RequestBody,
    RouteTable,
    in_query,
    service,
)


class _Wanted(Struct):
    """What is wanted."""

    count: Annotated[int, Meta(ge=1, le=5000)]
    word: str = "a"


TABLE: Final = RouteTable(
    name="small",
    title="Small",
    says="Has little.",
    explained="docs/explained.md",
    operations=(
        Operation(
            method="POST",
            path="/v1/things",
            name="make",
            says="Make things.",
            area=OperationArea.CITY,
            callers=(service("do"),),
            parameters=(in_query("limit", "How many.", type="integer", minimum=1, maximum=9),),
            body=RequestBody(type=_Wanted, limit=1024),
            replies={201: Reply("They are made.", _Wanted)},
            problems={409: ("thing.taken", "thing.late")},
        ),
    ),
)


def test_requests_and_types_are_written_out() -> None:
    """Who, what, bounds, answers, codes."""
    lines = page(document(TABLE), TABLE.name, TABLE.explained).splitlines()
    for line in (
        "# Small: what it answers over HTTP",
        "[explained.md](explained.md) explains what is meant and what to do about each problem.",
        "### POST /v1/things",
        "Make things.",
        "By API key with the scope `do`. Area: the whole city.",
        "Body: [_Wanted](#_wanted). At most 1,024 bytes.",
        "| `limit` | query | integer (from 1 to 9) | optional | How many. |",
        "| 201 | [_Wanted](#_wanted) |  |",
        "| 409 | problem | `thing.taken`, `thing.late` |",
        "### _Wanted",
        "| `count` | integer (from 1 to 5,000) | required |",
        "| `word` | string | `a` |",
    ):
        assert line in lines, line
    assert "[openapi-small.json](openapi-small.json)" in "\n".join(lines)
