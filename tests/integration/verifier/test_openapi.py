"""A scan worker does what its table of routes says: for whatever is asked, whoever asks."""

from itertools import count
from typing import Any, Final

import schemathesis

from tests.support.centre import ADMIN_KEY, API_KEY, BOOKING_KEY, Centre, new_scan_id, paper
from tests.support.openapi_cases import bounded, examine, may_ask, operation_of, schema_of
from tests.support.operators import operator_token
from tests.support.route_access import Visitors, city_tokens, differences, local_token
from verifier.service.worker.routes import TABLE

KEYS: Final = {"scan": API_KEY, "records": ADMIN_KEY, "bundles": ADMIN_KEY}
SCOPES: Final = {
    API_KEY: {"scan"},
    ADMIN_KEY: {"records", "bundles", "issue"},
    BOOKING_KEY: {"appointments"},
}
schema = schema_of(TABLE)
persons = count(25_000)


def own(value: Any) -> Any:
    """Give a scan_id of the caller, and a code of somebody here."""
    if isinstance(value, dict):
        changed = {name: own(one) for name, one in value.items()}
        if isinstance(changed.get("scan_id"), str):
            changed["scan_id"] = new_scan_id()
        if isinstance(changed.get("text"), str) and len(changed["text"]) % 2:
            changed["text"] = paper(next(persons))
        return changed
    return [own(one) for one in value] if isinstance(value, list) else value


def make_own(case: schemathesis.Case) -> None:
    """Make a request the caller's own."""
    case.body = own(case.body)
    if "scan_id" in (case.path_parameters or {}):
        case.path_parameters["scan_id"] = new_scan_id()


@schema.parametrize()
@bounded()
def test_every_answer_is_documented(case: schemathesis.Case, house: Centre) -> None:
    """As the document has it, for keys that may ask and for a stranger."""
    key = may_ask(operation_of(case, TABLE), KEYS, operator_token())
    examine(case, house.port, key, make_own)


def test_who_may_ask_is_as_the_table_says(house: Centre) -> None:
    """By key, scope, role and area; and what is no such body is refused."""
    visitors = Visitors(
        port=house.port,
        keys={key: frozenset(scopes) for key, scopes in SCOPES.items()},
        tokens=city_tokens(),
        local=local_token(),
        variables={"Kapok-Scan-Id": new_scan_id()},
    )
    assert list(differences(TABLE, visitors)) == []
