"""Doors by areas: every operation of every service, asked by callers of every area."""

from dataclasses import dataclass
from typing import Any, Final

import pytest

from deploy.openapi import TABLES
from runtime.http.access import Caller, reaches, require_place
from runtime.http.operations import CallerKind, Operation, OperationArea
from runtime.http.problems import Problem
from runtime.http.routes import admit
from verifier.contract.operator import OperatorRole, OperatorToken

A, B = "gz-hall-01", "gz-metro-01"
IDENTIFIED: Final = [
    pytest.param(operation, id=f"{table.name}-{operation.name}")
    for table in TABLES
    for operation in table.operations
    if operation.identified
]
PLACED: Final = {
    # tests/integration/verifier/test_areas.py
    *("listBundles", "readBundle", "describeBundle"),
    # tests/integration/verifier/test_manual.py and test_resolutions.py
    *("admitVisitor", "resolveScan"),
    # tests/integration/fleet/test_operators.py
    *("listTerminals", "readTerminal", "giveCommand", "readCommand"),
}
"""Operations whose handlers look at the place; the named tests ask each for another place's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Somebody who asks, with every scope."""

    caller: Caller
    kind: CallerKind
    city: bool


def operated(**area: Any) -> Asker:
    """Return an operator of every role."""
    token = OperatorToken(
        person="mei",
        roles=tuple(OperatorRole),
        iat=1,
        exp=900,
        id="0" * 16,
        **{"district": None, "place": None} | area,
    )
    caller = Caller(name="mei", terminal=None, scopes=token.scopes, token=token)
    return Asker(caller=caller, kind=CallerKind.OPERATOR, city=not area)


def of_service(operation: Operation) -> Asker:
    """Return a service whose key has what an operation asks."""
    scopes = frozenset(it.scope for it in operation.callers if it.scope is not None)
    caller = Caller(name="system", terminal=None, scopes=scopes)
    return Asker(caller=caller, kind=CallerKind.KEY, city=True)


@pytest.mark.parametrize("operation", IDENTIFIED)
def test_what_is_the_citys_opens_to_nobody_of_a_part(operation: Operation) -> None:
    """Each operation by operators of two places, a district and the city, a terminal, a key."""
    terminal = Caller(name="t-1", terminal="t-1", fingerprint="f" * 64)
    askers = (
        operated(place=A),
        operated(place=B),
        operated(district="liwan"),
        operated(),
        of_service(operation),
        Asker(caller=terminal, kind=CallerKind.CERTIFICATE, city=True),
    )
    for asker in askers:
        code = None
        if asker.kind not in operation.kinds:
            only = operation.kinds == {CallerKind.OPERATOR}
            code = "operator.needed" if only else "scope.missing"
        elif operation.area is OperationArea.CITY and not asker.city:
            code = "operator.area"
        if code is None:
            admit(operation, asker.caller)
            continue
        with pytest.raises(Problem) as refused:
            admit(operation, asker.caller)
        assert refused.value.code == code


def test_operations_of_places_are_those_that_are_asked_for_anothers() -> None:
    """A new one is asked too, or it is the city's."""
    found = {
        operation.name
        for table in TABLES
        for operation in table.operations
        if operation.area is OperationArea.PLACE
    }
    assert found == PLACED


def test_an_operation_without_an_area_cannot_be_made() -> None:
    """Nor one whose area and callers contradict each other."""
    made: dict[str, Any] = {
        "method": "GET", "path": "/v1/things", "name": "list", "says": "List.", "replies": {},
    }  # fmt: skip
    with pytest.raises(TypeError):
        Operation(**made)


@pytest.mark.parametrize(
    ("area", "open_"),
    [
        ({}, {(A, "liwan"), (B, "yuexiu"), (B, None)}),
        ({"place": A}, {(A, "liwan")}),
        ({"place": B}, {(B, "yuexiu"), (B, None)}),
        ({"district": "yuexiu"}, {(B, "yuexiu")}),
    ],
)
def test_an_area_reaches_its_places(area: dict[str, str], open_: set[Any]) -> None:
    """A place that is in no district lies in no district's area."""
    caller = operated(**area).caller
    for place in ((A, "liwan"), (B, "yuexiu"), (B, None)):
        assert reaches(caller, *place) is (place in open_)
        if place in open_:
            require_place(caller, *place)
        else:
            with pytest.raises(Problem):
                require_place(caller, *place)
