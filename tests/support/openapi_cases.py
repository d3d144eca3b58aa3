"""Requests of every shape that an OpenAPI document allows or forbids, at a real process.

No answer is a fault of ours, and none is one that the document does not name: by status, content
type and schema, the problem's code included.
"""

import json
from collections.abc import Callable
from typing import Any, Final

import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from runtime.http.openapi.document import document
from runtime.http.operations import CallerKind, Operation, RouteTable

EXAMPLES: Final = 25
"""Requests of each kind: enough for each field to be missing, wrong, null and too long."""
FEW: Final = 10
"""Where a service has many routes."""
CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
Own = Callable[[schemathesis.Case], None]
"""Makes the caller's own what looks right, so that some requests come all the way through."""


@schemathesis.serializer("application/x-ndjson")
def _ndjson(_: Any, value: Any) -> bytes:
    """Write a body of lines."""
    return value if isinstance(value, bytes) else json.dumps(value).encode() + b"\n"


def schema_of(table: RouteTable, *, most_items: int | None = None) -> Any:
    """Return what makes requests of a document; `most_items` bounds the lists that are made."""
    made = document(table)
    return schemathesis.openapi.from_dict(made if most_items is None else _short(made, most_items))


def _short(value: Any, most_items: int) -> Any:
    """Bound the lists of a document: to make hundreds of members costs seconds a request."""
    if isinstance(value, dict):
        return {
            name: min(one, most_items) if name == "maxItems" else _short(one, most_items)
            for name, one in value.items()
        }
    return [_short(one, most_items) for one in value] if isinstance(value, list) else value


def bounded(examples: int = EXAMPLES) -> Any:
    """Return the settings under which cases are the same at every run."""
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


def operation_of(case: schemathesis.Case, table: RouteTable) -> Operation:
    """Return the row that a case is about."""
    name = case.operation.definition.raw["operationId"]
    return next(one for one in table.operations if one.name == name)


def examine(case: schemathesis.Case, port: int, key: str | None, own: Own | None = None) -> None:
    """Ask as a caller who may, with what is made and with what is made fit; then as a stranger."""
    _ask(case, port, key)
    if own is not None:
        own(case)
        _ask(case, port, key)
    _ask(case, port, "nobody")


def may_ask(operation: Operation, keys: dict[str, str], token: str | None) -> str | None:
    """Return an API key of the scope that is asked for, or else an operator's token."""
    for allowed in operation.callers:
        if allowed.kind is CallerKind.KEY:
            return keys[str(allowed.scope)]
    return token if CallerKind.OPERATOR in operation.kinds else None


def _ask(case: schemathesis.Case, port: int, key: str | None) -> None:
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    answer = case.call(base_url=f"http://127.0.0.1:{port}", headers=headers, allow_redirects=False)
    case.validate_response(answer, checks=CHECKS)
