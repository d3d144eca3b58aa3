"""The OpenAPI 3.1 document, made of the table of operations and the message types."""

import inspect
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import msgspec

from runtime.http.problems import PROBLEM_JSON
from verifier.contract.scan import (
    BatchAnswer,
    LineProblem,
    ScanRequest,
    TerminalAnswer,
    UploadRecord,
)
from verifier.service.openapi.operations import OPERATIONS, Operation

_REF: Final = "#/components/schemas/{name}"
_UNTYPED: Final = (bytes, str)
_ONE_READING: Final = (ScanRequest, UploadRecord)
"""Exactly one of text and texts, for which msgspec has no words."""
_PROBLEM: Final = {
    "title": "Problem",
    "description": "RFC 9457. The input is never repeated.",
    "type": "object",
    "properties": {
        "type": {"const": "about:blank"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "Stable; docs/http-verifier.md says what to do."},
        "field": {"type": "string", "description": "Path of what is wrong, such as $.scan_id."},
    },
    "required": ["type", "title", "status", "code"],
}
_HEADERS: Final = {
    401: ("WWW-Authenticate", "Bearer"),
    426: ("Upgrade", "websocket"),
    503: ("Retry-After", "Seconds until it is worth trying again."),
}
"""Headers that come with a problem."""


def document() -> dict[str, Any]:
    """Return the document."""
    types = [
        kind
        for operation in OPERATIONS
        for kind in (operation.body, operation.answer)
        if kind is not None and kind not in _UNTYPED and kind is not BatchAnswer
    ]
    types += [LineProblem, TerminalAnswer]
    found, components = msgspec.json.schema_components(types, ref_template=_REF)
    schemas = dict(zip(types, found, strict=True))
    schemas[BatchAnswer] = {"$ref": _REF.format(name="BatchAnswer")}
    for kind in _ONE_READING:
        components[kind.__name__]["oneOf"] = [{"required": ["text"]}, {"required": ["texts"]}]
    components |= {"BatchAnswer": _batch_answer(), "Problem": _PROBLEM}
    paths: dict[str, Any] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(
            operation, schemas
        )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Kapok verifier",
            "version": "1",
            "summary": "The doors of a scan worker.",
            "description": "Generated from the message types; docs/http-verifier.md explains.",
        },
        "paths": paths,
        "components": {
            "schemas": {name: _tidy(components[name]) for name in sorted(components)},
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "API key."},
                "operator": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "Operator token (docs/operators.md).",
                },
                "certificate": {"type": "mutualTLS", "description": "A terminal's certificate."},
            },
        },
    }


def _batch_answer() -> dict[str, Any]:
    """Return the schema that msgspec has no words for: one of two types without a tag."""
    either = [{"$ref": _REF.format(name=kind.__name__)} for kind in (TerminalAnswer, LineProblem)]
    return {
        "title": "BatchAnswer",
        "description": BatchAnswer.__doc__,
        "type": "object",
        "properties": {"answers": {"type": "array", "items": {"anyOf": either}}},
        "required": ["answers"],
    }


def _operation(operation: Operation, schemas: Mapping[Any, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"operationId": operation.name, "summary": operation.says}
    if operation.scope is None:
        made["security"] = []
    else:
        made["description"] = f"Scope `{operation.scope}`."
        asked = {
            "key": operation.keys,
            "certificate": operation.terminals,
            "operator": operation.operators,
        }
        made["security"] = [{name: []} for name, may in asked.items() if may]
    if operation.parameters:
        made["parameters"] = [
            {
                "name": one.name,
                "in": one.place,
                "required": one.required,
                "schema": dict(one.schema),
                "description": one.says,
            }
            for one in operation.parameters
        ]
    if operation.body is not None:
        content = _content(operation.body, operation.bodies, schemas)
        made["requestBody"] = {"required": True, "content": content}
    made["responses"] = _answers(operation, schemas)
    return made


def _answers(operation: Operation, schemas: Mapping[Any, Any]) -> dict[str, Any]:
    answers: dict[str, Any] = {}
    for status, says in operation.statuses.items():
        answers[str(status)] = {"description": says}
        if operation.answer is not None and status != HTTPStatus.NOT_MODIFIED:
            content = _content(operation.answer, operation.answers, schemas)
            answers[str(status)]["content"] = content
    for status, codes in operation.problems.items():
        schema = {"$ref": _REF.format(name="Problem"), "properties": {"code": {"enum": [*codes]}}}
        answer = answers.setdefault(str(status), {"description": HTTPStatus(status).phrase})
        answer.setdefault("content", {})[PROBLEM_JSON] = {"schema": schema}
        if status in _HEADERS:
            name, says = _HEADERS[status]
            answer["headers"] = {name: {"schema": {"type": "string"}, "description": says}}
    return dict(sorted(answers.items()))


def _content(kind: Any, types: tuple[str, ...], schemas: Mapping[Any, Any]) -> dict[str, Any]:
    """Return the schema of a body or an answer, under each of its content types."""
    if kind is bytes:
        return {name: {} for name in types}
    schema = {"type": "string"} if kind is str else schemas[kind]
    return {name: {"schema": schema} for name in types}


def _tidy(schema: Any) -> Any:
    """Take the indentation of docstrings out of descriptions."""
    if isinstance(schema, dict):
        return {
            name: inspect.cleandoc(value)
            if name == "description" and isinstance(value, str)
            else _tidy(value)
            for name, value in schema.items()
        }
    return [_tidy(value) for value in schema] if isinstance(schema, list) else schema
