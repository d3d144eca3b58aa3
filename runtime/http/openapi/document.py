"""The OpenAPI 3.1 document, made of a table of routes and its message types."""

import inspect
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from runtime.http.operations import (
    Allowed,
    CallerKind,
    Operation,
    OperationArea,
    Parameter,
    RequestBody,
    RouteTable,
    problems_of,
)
from runtime.http.phrases import phrase

PROBLEM_JSON: Final = "application/problem+json"
_REF: Final = "#/components/schemas/{name}"
_UNTYPED: Final = (bytes, str)
_HEADERS: Final[Mapping[int, Mapping[str, str]]] = {
    401: {"WWW-Authenticate": "Bearer"},
    405: {"Allow": "The methods that there are."},
    426: {"Upgrade": "websocket", "Sec-WebSocket-Version": "13"},
    429: {"Retry-After": "Seconds until it is worth trying again."},
    503: {"Retry-After": "Seconds until it is worth trying again."},
}
"""Headers that come with a problem."""
_SCHEMES: Final[Mapping[CallerKind, Mapping[str, str]]] = {
    CallerKind.KEY: {"type": "http", "scheme": "bearer", "description": "API key of a service."},
    CallerKind.OPERATOR: {
        "type": "http",
        "scheme": "bearer",
        "description": "Operator token (docs/operators.md).",
    },
    CallerKind.CERTIFICATE: {"type": "mutualTLS", "description": "A terminal's certificate."},
    CallerKind.OPERATOR_KEY: {
        "type": "http",
        "scheme": "bearer",
        "description": "An operator's own key (docs/operators.md).",
    },
}
"""A holder's signature is a part of the body, for which OpenAPI has no scheme."""
_BY: Final[Mapping[CallerKind, str]] = {
    CallerKind.KEY: "API key",
    CallerKind.OPERATOR: "operator token",
    CallerKind.CERTIFICATE: "terminal certificate",
    CallerKind.OPERATOR_KEY: "an operator's own key",
    CallerKind.HOLDER: "the signature of the holder's key, in the body",
}
_AREAS: Final[Mapping[OperationArea, str]] = {
    OperationArea.CITY: " Area: the whole city.",
    OperationArea.PLACE: (
        " Area: the place named must lie in an operator's; a terminal's is its own."
    ),
    OperationArea.OWN: " Area: the caller's own.",
    OperationArea.NONE: "",
}
"""How far an operation reaches, in a sentence."""
_PATTERN: Final = (("\\A", "^"), ("\\Z", "$"))
"""Anchors of Python's patterns, and what they are in ECMAScript's, which JSON Schema has."""


def document(table: RouteTable) -> dict[str, Any]:
    """Return the document."""
    schemas, components = _schemas(table)
    paths: dict[str, Any] = {}
    for operation in table.operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(
            operation, schemas, tokens=table.tokens
        )
    kinds = frozenset().union(*(one.kinds for one in table.operations))
    echoing = {kind.__name__ for kind in table.echoing}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": table.title,
            "version": "1",
            "summary": table.says,
            "description": f"Generated from the table of routes; {table.explained} explains.",
            "license": {"name": "Apache License 2.0", "identifier": "Apache-2.0"},
        },
        "servers": _servers(kinds),
        "tags": [
            {"name": tag, "description": _tag(tag)}
            for tag in dict.fromkeys(one.tag for one in table.operations)
        ],
        "paths": paths,
        "components": {
            "schemas": {
                name: _tidy(
                    components[name]
                    if name in echoing
                    else _with_members(components[name], table.members)
                )
                for name in sorted(components)
            },
            "securitySchemes": {
                str(kind): dict(scheme) for kind, scheme in _SCHEMES.items() if kind in kinds
            },
        },
    }


def _servers(kinds: frozenset[CallerKind]) -> list[dict[str, Any]]:
    """Return the doors; a house says in a file where its own are."""
    doors = [("http", "The service's door.")]
    if CallerKind.CERTIFICATE in kinds:
        doors.append(("https", "The terminals' door: it asks for their certificates."))
    return [
        {
            "url": f"{scheme}://{{host}}:{{port}}",
            "description": f"{says} Its address stands in <data>/run/endpoints.json.",
            "variables": {"host": {"default": "127.0.0.1"}, "port": {"default": "8080"}},
        }
        for scheme, says in doors
    ]


def _tag(tag: str) -> str:
    health = "Whether the process lives and can do its work, and what it counts."
    return health if tag == "health" else f"Requests below /v1/{tag}."


def _with_members(
    schema: dict[str, Any], members: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Return the schema of a type with what is known of some of its members, which are texts."""
    properties = {
        name: _instead(one, members[name]) if name in members else one
        for name, one in schema.get("properties", {}).items()
    }
    return {**schema, "properties": properties} if properties else schema


def _instead(schema: dict[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """Put what is known in the place of a text; of several kinds, in the place of the text."""
    if "anyOf" in schema:
        return {**schema, "anyOf": [_instead(one, known) for one in schema["anyOf"]]}
    return {**schema, **known} if schema.get("type") == "string" else schema


def _schemas(table: RouteTable) -> tuple[dict[Any, Any], dict[str, Any]]:
    """Return type -> what stands for it, and name -> the schema of each named type."""
    types = [
        kind
        for kind in dict.fromkeys((*_types(table), *table.needed))
        if kind not in _UNTYPED and kind not in table.written
    ]
    found, components = msgspec.json.schema_components(types, ref_template=_REF)
    schemas = dict(zip(types, found, strict=True))
    for kind, schema in table.written.items():
        components[kind.__name__] = {
            "title": kind.__name__,
            "description": kind.__doc__,
            **schema,
        }
        schemas[kind] = {"$ref": _REF.format(name=kind.__name__)}
    for kind, members in table.added.items():
        components[kind.__name__] |= members
    components["Problem"] = _problem(table.explained)
    return schemas, components


def _types(table: RouteTable) -> Iterator[Any]:
    for operation in table.operations:
        if operation.body is not None:
            yield operation.body.type
        for reply in operation.replies.values():
            yield from _each(reply.type)


def _each(kind: Any) -> tuple[Any, ...]:
    """Return the types of which an answer has one."""
    if kind is None:
        return ()
    return kind if isinstance(kind, tuple) else (kind,)


def _problem(explained: str) -> dict[str, Any]:
    return {
        "title": "Problem",
        "description": "RFC 9457. The input is never repeated.",
        "type": "object",
        "properties": {
            "type": {"const": "about:blank"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "code": {"type": "string", "description": f"Stable; {explained} says what to do."},
            "field": {
                "type": "string",
                "description": "Path of what is wrong, such as $.scan_id.",
            },
        },
        "required": ["type", "title", "status", "code"],
    }


def _operation(operation: Operation, schemas: Mapping[Any, Any], *, tokens: bool) -> dict[str, Any]:
    made: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.says,
        "description": _who(operation.callers) + _AREAS[operation.area],
        "x-area": str(operation.area),
        "security": [
            {str(allowed.kind): [] if allowed.scope is None else [str(allowed.scope)]}
            for allowed in operation.callers
            if allowed.kind in _SCHEMES
        ],
    }
    if operation.parameters:
        made["parameters"] = [_parameter(one) for one in operation.parameters]
    if operation.body is not None:
        made["requestBody"] = _body(operation.body, schemas)
    made["responses"] = _answers(operation, schemas, tokens=tokens)
    return made


def _who(callers: tuple[Allowed, ...]) -> str:
    """Say in a sentence who may ask."""
    if not callers:
        return "Nobody is asked who they are."
    kinds: dict[str, list[str]] = {}
    for allowed in callers:
        scope = "" if allowed.scope is None else f" with the scope `{allowed.scope}`"
        kinds.setdefault(scope, []).append(_BY[allowed.kind])
    said = (f"{' or '.join(named)}{needs}" for needs, named in kinds.items())
    return f"By {'; or by '.join(said)}."


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.required,
        "schema": dict(parameter.schema),
        "description": parameter.says,
    }


def _body(body: RequestBody, schemas: Mapping[Any, Any]) -> dict[str, Any]:
    packed = f" It may come in {' or '.join(body.encodings)}." if body.encodings else ""
    return {
        "required": True,
        "description": f"At most {body.limit:,} bytes.{packed}",
        "content": _content(body.type, body.media, schemas),
    }


def _answers(operation: Operation, schemas: Mapping[Any, Any], *, tokens: bool) -> dict[str, Any]:
    answers: dict[int, Any] = {}
    for status, reply in operation.replies.items():
        answer: dict[str, Any] = {"description": reply.says}
        if reply.headers:
            answer["headers"] = {name: _header(says) for name, says in reply.headers.items()}
        if reply.type is not None:
            answer["content"] = _content(reply.type, reply.media, schemas)
        answers[status] = answer
    for status, codes in problems_of(operation, tokens=tokens).items():
        schema = {"$ref": _REF.format(name="Problem"), "properties": {"code": {"enum": [*codes]}}}
        answer = answers.setdefault(status, {"description": phrase(status)})
        answer.setdefault("content", {})[PROBLEM_JSON] = {"schema": schema}
        if status in _HEADERS:
            answer["headers"] = {name: _header(says) for name, says in _HEADERS[status].items()}
    return {str(status): answers[status] for status in sorted(answers)}


def _header(says: str) -> dict[str, Any]:
    return {"schema": {"type": "string"}, "description": says}


def _content(kind: Any, media: tuple[str, ...], schemas: Mapping[Any, Any]) -> dict[str, Any]:
    """Return the schema of a body or an answer, under each of its content types."""
    if kind is bytes:
        return {name: {} for name in media}
    if kind is str:
        return {name: {"schema": {"type": "string"}} for name in media}
    found = [_tidy(schemas[one]) for one in _each(kind)]
    schema = found[0] if len(found) == 1 else {"anyOf": found}
    return {name: {"schema": schema} for name in media}


def _tidy(schema: Any) -> Any:
    """Take the indentation out of descriptions, and write patterns as JSON Schema has them."""
    if isinstance(schema, dict):
        return {name: _tidy_member(name, value) for name, value in schema.items()}
    return [_tidy(value) for value in schema] if isinstance(schema, list | tuple) else schema


def _tidy_member(name: str, value: Any) -> Any:
    if name == "description" and isinstance(value, str):
        return inspect.cleandoc(value)
    if name == "pattern" and isinstance(value, str):
        for python, ecma in _PATTERN:
            value = value.replace(python, ecma)
        return value
    return _tidy(value)
