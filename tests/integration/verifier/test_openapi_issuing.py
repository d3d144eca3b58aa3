"""The issuing process does what its table of routes says: for whatever is asked, whoever asks."""

import secrets
from collections.abc import Iterator
from itertools import count
from typing import Any, Final

import pytest
import schemathesis

from tests.support.centre import ADMIN_KEY, API_KEY, BOOKING_KEY
from tests.support.issuing_house import IssuingHouse, issuing_house
from tests.support.openapi_cases import FEW, bounded, examine, may_ask, operation_of, schema_of
from tests.support.operators import operator_token
from tests.support.route_access import Visitors, city_tokens, differences, local_token
from verifier.service.issuing.routes import TABLE

KEYS: Final = {"issue": ADMIN_KEY, "appointments": BOOKING_KEY}
SCOPES: Final = {
    API_KEY: {"scan"},
    ADMIN_KEY: {"records", "bundles", "issue"},
    BOOKING_KEY: {"appointments"},
}
schema = schema_of(TABLE, most_items=20)
references = count()


@pytest.fixture(scope="module")
def house() -> Iterator[IssuingHouse]:
    """Yield a running issuing process with persons whose indices are low."""
    with issuing_house() as running:
        yield running


def fit(value: Any, person: int) -> Any:
    """Name a person and a place that there are."""
    if isinstance(value, dict):
        changed = {name: fit(one, person) for name, one in value.items()}
        for name, one in (
            ("reference", f"R-{next(references):08}"),
            ("person", person),
            ("place", "metro-1"),
            ("places", ["metro-1"]),
            ("colour", "green"),
        ):
            if changed.get(name) is not None:
                changed[name] = one
        return changed
    return [fit(one, person) for one in value] if isinstance(value, list) else value


@schema.parametrize()
@bounded(FEW)
def test_every_answer_is_documented(case: schemathesis.Case, house: IssuingHouse) -> None:
    """As the document has it, for who may ask and for a stranger."""
    person = house.ask("/v1/persons", {"reference": secrets.token_hex(8)}).body["person"]

    def make_own(case: schemathesis.Case) -> None:
        case.body = fit(case.body, person)
        if "person" in (case.path_parameters or {}):
            case.path_parameters["person"] = person

    key = may_ask(operation_of(case, TABLE), KEYS, operator_token())
    examine(case, house.issuing.port, key, make_own)


def test_who_may_ask_is_as_the_table_says(house: IssuingHouse) -> None:
    """By key, scope, role and area; and what is no such body is refused."""
    visitors = Visitors(
        port=house.issuing.port,
        keys={key: frozenset(scopes) for key, scopes in SCOPES.items()},
        tokens=city_tokens(),
        local=local_token(),
        variables={"job": "0" * 16},
    )
    assert list(differences(TABLE, visitors)) == []
