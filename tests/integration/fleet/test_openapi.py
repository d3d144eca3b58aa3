"""The fleet does what its table of routes says: for whatever is asked, whoever asks."""

from collections.abc import Iterator
from typing import Final

import pytest
import schemathesis

from fleet.service.routes import TABLE
from tests.support.fleet_process import API_KEY, FleetHouse, fleet_house, operator_key
from tests.support.openapi_cases import FEW, bounded, examine, may_ask, operation_of, schema_of
from tests.support.route_access import Visitors, differences
from verifier.contract.operator import ROLE_SCOPES, OperatorRole

TERMINAL: Final = "t-openapi"
SCOPES: Final = frozenset({"fleet.read", "commands", "grants"})
schema = schema_of(TABLE)


@pytest.fixture(scope="module")
def house() -> Iterator[FleetHouse]:
    """Yield a fleet that knows one terminal."""
    with fleet_house([TERMINAL]) as it:
        yield it


def make_own(case: schemathesis.Case) -> None:
    """Ask about the terminal that there is, and do not wait for grants."""
    if "terminal" in (case.path_parameters or {}):
        case.path_parameters["terminal"] = TERMINAL
    if "wait" in (case.query or {}):
        case.query["wait"] = 0


@schema.parametrize()
@bounded(FEW)
def test_every_answer_is_documented(case: schemathesis.Case, house: FleetHouse) -> None:
    """As the document has it, for who may ask and for a stranger."""
    operation = operation_of(case, TABLE)
    if "wait" in (case.query or {}):
        case.query["wait"] = 0
    key = may_ask(operation, dict.fromkeys(SCOPES, API_KEY), None)
    if operation.name == "giveToken":
        key = operator_key("ling")
    examine(case, house.fleet.port, key, make_own)


def test_who_may_ask_is_as_the_table_says(house: FleetHouse) -> None:
    """By key, scope and role; and what is no such body is refused."""
    fleet = house.fleet
    visitors = Visitors(
        port=fleet.port,
        keys={API_KEY: SCOPES},
        tokens={
            fleet.token("wen"): ROLE_SCOPES[OperatorRole.VIEWER],
            fleet.token("hao"): ROLE_SCOPES[OperatorRole.ADMINISTRATOR],
        },
        local=fleet.token("jun"),
        variables={"terminal": TERMINAL, "Idempotency-Key": "0"},
    )
    assert list(differences(TABLE, visitors)) == []
