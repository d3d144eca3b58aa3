"""Routes: rows of a service's table, each bound to the handler that answers it.

The table says who may ask; that is checked here, before a handler runs. A service that binds an
operation to no handler, or a handler to no operation, does not start.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web

from runtime.http.access import Caller, require, require_city
from runtime.http.lane import Lane
from runtime.http.operations import AT_THE_DOOR, CallerKind, Operation, OperationArea
from runtime.http.problems import Problem

Handler = Callable[[web.BaseRequest, Caller, str], Awaitable[web.StreamResponse]]
"""Takes the request, who calls (NOBODY: nobody was asked), and the variable part of the path.

Of several variable segments it is given all, with a slash between them.
"""
_SERVED_AS: Final = {"HEAD": "GET"}
"""A method that every resource with another one has; the answer goes out without its body."""
Handlers = Mapping[str, Handler]
"""Operation id to what answers it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """An operation and what answers it."""

    operation: Operation
    handler: Handler
    lane: Lane[Any] | None = None
    """Answers the same requests when they are plain and whole."""


def bind(
    operations: Sequence[Operation],
    handlers: Handlers,
    lanes: Mapping[str, Lane[Any]] | None = None,
) -> tuple[Route, ...]:
    """Return the routes of a table, in its order.

    Raises:
        ValueError: an operation has no handler, or a handler no operation.
    """
    lanes = lanes or {}
    names = {operation.name for operation in operations}
    if names != handlers.keys() or not names >= lanes.keys():
        strange = sorted(names ^ handlers.keys() | lanes.keys() - names)
        raise ValueError(f"operations and handlers differ: {', '.join(strange)}")
    return tuple(
        Route(operation=one, handler=handlers[one.name], lane=lanes.get(one.name))
        for one in operations
    )


class Router:
    """Finds the route of a request by method and path."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._exact: dict[str, dict[str, Route]] = {}
        """Path to method to route."""
        self._patterns = []
        for route in routes:
            pattern = route.operation.pattern
            if pattern is None:
                ways = self._exact.setdefault(route.operation.path, {})
                ways[route.operation.method] = route
            else:
                self._patterns.append((pattern, route))

    def find(self, method: str, path: str) -> tuple[Route, str]:
        """Return a route, and what stands for the variables of its path.

        Raises:
            Problem: 404 path.unknown, 405 method.unknown.
        """
        method = _SERVED_AS.get(method, method)
        ways = self._exact.get(path, {})
        if method in ways:
            return ways[method], ""
        allowed = set(ways)
        for pattern, route in self._patterns:
            found = pattern.fullmatch(path)
            if found is not None:
                if route.operation.method == method:
                    return route, "/".join(found.groups())
                allowed.add(route.operation.method)
        if allowed:
            allowed |= {also for also, known in _SERVED_AS.items() if known in allowed}
            headers = {"Allow": ", ".join(sorted(allowed))}
            raise Problem(HTTPStatus.METHOD_NOT_ALLOWED, "method.unknown", headers=headers)
        raise Problem(HTTPStatus.NOT_FOUND, "path.unknown")


def admit(operation: Operation, caller: Caller) -> None:
    """Check that a caller may ask an operation; what a terminal's grant opens is the handler's.

    Raises:
        Problem: 403 operator.needed, scope.missing or operator.area.
    """
    kind = _kind(caller)
    allowed = next((each for each in operation.callers if each.kind is kind), None)
    if allowed is None:
        needed = operation.kinds & AT_THE_DOOR == {CallerKind.OPERATOR}
        code = "operator.needed" if needed else "scope.missing"
        raise Problem(HTTPStatus.FORBIDDEN, code)
    if allowed.scope is not None:
        require(caller, allowed.scope)
    if operation.area is OperationArea.CITY:
        require_city(caller)


def refuse_unasked(operation: Operation, request: web.BaseRequest) -> None:
    """Refuse a body where the operation has none.

    Raises:
        Problem: 400 body.unasked.
    """
    if operation.body is None and request.can_read_body:
        raise Problem(HTTPStatus.BAD_REQUEST, "body.unasked")


def _kind(caller: Caller) -> CallerKind:
    if caller.fingerprint is not None:
        return CallerKind.CERTIFICATE
    return CallerKind.KEY if caller.token is None else CallerKind.OPERATOR
