"""The OpenAPI document of a small table: everything that a row says stands in it."""

from typing import Annotated, Any, Final

from msgspec import Meta, Struct

from runtime.http.openapi.document import document
from runtime.http.operations import (
    Allowed,
    CallerKind,
    Operation,
    OperationArea,
    Reply,
    RequestBody,
    RouteTable,
    in_header,
    in_path,
    operator,
    service,
)


class _Asked(Struct):
    """What is asked.

    In two paragraphs.
    """

    word: Annotated[str, Meta(pattern=r"\A[a-z]+\Z")]
    other: str | None = None


class _First(Struct):
    """One answer."""

    first: int


class _Second(Struct):
    """Another answer."""

    second: int


class _Mixed(Struct):
    """Of types that msgspec has no schema for."""

    parts: tuple[_First | int, ...]


TABLE: Final = RouteTable(
    name="small",
    title="Small",
    says="Has little.",
    explained="docs/small.md",
    operations=(
        Operation(
            method="POST",
            path="/v1/things/{thing}",
            name="change",
            says="Change a thing.",
            area=OperationArea.CITY,
            callers=(service("do"), operator("do")),
            parameters=(in_path("thing", "Which."), in_header("If-Match", "Its version.")),
            body=RequestBody(type=_Asked, limit=2048, encodings=("gzip",)),
            replies={
                200: Reply("One of two.", (_First, _Second)),
                201: Reply("Made.", _Mixed, headers={"Location": "Where it is."}),
            },
            problems={409: ("thing.taken",), 503: ("store.away",)},
        ),
        Operation(
            method="GET",
            path="/v1/token",
            name="token",
            says="Give a token.",
            area=OperationArea.NONE,
            callers=(Allowed(kind=CallerKind.OPERATOR_KEY),),
            replies={200: Reply("It.", bytes, ("application/cose",)), 304: Reply("It stands.")},
        ),
        Operation(
            method="GET",
            path="/healthz",
            name="health",
            says="Say that it lives.",
            area=OperationArea.NONE,
            replies={200: Reply("It lives.", str, ("text/plain",))},
        ),
    ),
    written={_Mixed: {"type": "object", "properties": {}}},
    added={_Asked: {"oneOf": [{"required": ["word"]}]}},
)
MADE: Final = document(TABLE)
CHANGE: Final[dict[str, Any]] = MADE["paths"]["/v1/things/{thing}"]["post"]


def test_who_may_ask_stands_in_it() -> None:
    """For programs as security with scopes, for people as a sentence."""
    assert CHANGE["security"] == [{"key": ["do"]}, {"operator": ["do"]}]
    assert CHANGE["description"] == (
        "By API key or operator token with the scope `do`. Area: the whole city."
    )
    assert CHANGE["x-area"] == "city"
    assert MADE["paths"]["/v1/token"]["get"]["security"] == [{"operatorKey": []}]
    assert MADE["paths"]["/healthz"]["get"]["security"] == []
    assert set(MADE["components"]["securitySchemes"]) == {"key", "operator", "operatorKey"}


def test_what_is_asked_stands_in_it() -> None:
    """Types, bounds, parameters; patterns as JSON Schema writes them."""
    body = CHANGE["requestBody"]
    assert body["description"] == "At most 2,048 bytes. It may come in gzip."
    assert body["content"] == {"application/json": {"schema": {"$ref": REF + "_Asked"}}}
    asked = MADE["components"]["schemas"]["_Asked"]
    assert asked["properties"]["word"]["pattern"] == "^[a-z]+$"
    assert asked["description"] == "What is asked.\n\nIn two paragraphs."
    assert asked["oneOf"] == [{"required": ["word"]}]
    assert [(one["name"], one["in"], one["required"]) for one in CHANGE["parameters"]] == [
        ("thing", "path", True),
        ("If-Match", "header", False),
    ]


REF: Final = "#/components/schemas/"


def test_what_comes_back_stands_in_it() -> None:
    """Answers and problems by status, with their headers."""
    answers = CHANGE["responses"]
    assert list(answers) == sorted(answers)
    either = answers["200"]["content"]["application/json"]["schema"]
    assert either == {"anyOf": [{"$ref": REF + "_First"}, {"$ref": REF + "_Second"}]}
    assert answers["201"]["headers"]["Location"]["description"] == "Where it is."
    taken = answers["409"]["content"]["application/problem+json"]["schema"]
    assert taken == {"$ref": REF + "Problem", "properties": {"code": {"enum": ["thing.taken"]}}}
    assert set(answers["503"]["headers"]) == {"Retry-After"}
    assert set(answers["401"]["headers"]) == {"WWW-Authenticate"}
    token = MADE["paths"]["/v1/token"]["get"]["responses"]
    assert token["200"]["content"] == {"application/cose": {}}
    assert "content" not in token["304"]
    health = MADE["paths"]["/healthz"]["get"]["responses"]["200"]["content"]
    assert health == {"text/plain": {"schema": {"type": "string"}}}
