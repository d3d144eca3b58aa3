"""The feeds process does what its table of routes says: for whatever is asked, whoever asks."""

from collections.abc import Iterator
from typing import Any, Final

import pytest
import schemathesis

from tests.support.feeds_house import (
    CONSUMER_KEY,
    KEY,
    NAME,
    STRANGER_KEY,
    FeedsHouse,
    feeds_house,
    lines,
)
from tests.support.openapi_cases import FEW, bounded, examine, may_ask, operation_of, schema_of
from tests.support.route_access import Visitors, differences
from verifier.service.feeds.routes import TABLE

KEYS: Final = {"feeds": KEY, "corrections": KEY, "export": CONSUMER_KEY}
schema = schema_of(TABLE, most_items=20)


@pytest.fixture(scope="module")
def house() -> Iterator[FeedsHouse]:
    """Yield a process with a source that has sent a batch."""
    with feeds_house() as it:
        assert it.sender().send(lines([("R-0001", "green", 0)])).status == 200
        yield it


def fit(value: Any) -> Any:
    """Name a person whom there is."""
    if isinstance(value, dict):
        changed = {name: fit(one) for name, one in value.items()}
        for name, one in (("reference", "R-0002"), ("person", 2)):
            if changed.get(name) is not None:
                changed[name] = one
        return changed
    return [fit(one) for one in value] if isinstance(value, list) else value


def make_own(case: schemathesis.Case) -> None:
    """Ask about a source and a person that there are."""
    case.body = fit(case.body)
    if "source" in (case.path_parameters or {}):
        case.path_parameters["source"] = NAME


@schema.parametrize()
@bounded(FEW)
def test_every_answer_is_documented(case: schemathesis.Case, house: FeedsHouse) -> None:
    """As the document has it, for keys that may ask and for a stranger."""
    key = may_ask(operation_of(case, TABLE), KEYS, None)
    examine(case, house.process.port, key, make_own)


def test_who_may_ask_is_as_the_table_says(house: FeedsHouse) -> None:
    """By key and scope; and what is no such body is refused."""
    visitors = Visitors(
        port=house.process.port,
        keys={
            KEY: frozenset({"feeds", "corrections"}),
            CONSUMER_KEY: frozenset({"export"}),
            STRANGER_KEY: frozenset({"feeds", "export"}),
        },
        variables={"source": NAME},
    )
    assert list(differences(TABLE, visitors)) == []
