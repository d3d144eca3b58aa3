"""The archiving process does what its table of routes says: for whatever is asked, whoever asks."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import schemathesis

from runtime.http.operations import Allowed, OperationArea, operator, service
from tests.support.archive_process import STRANGER_KEY, ArchiveHouse, archive_house
from tests.support.openapi_cases import FEW, bounded, examine, may_ask, operation_of, schema_of
from tests.support.operators import operator_token
from tests.support.route_access import Visitors, city_tokens, differences, local_token
from verifier.contract.vocabulary import ApiScope
from verifier.service.archive.routes import TABLE

schema = schema_of(TABLE)


@pytest.fixture(scope="module")
def house() -> Iterator[ArchiveHouse]:
    """Yield a running process."""
    with archive_house() as it:
        it.process.start()
        yield it


@schema.parametrize()
@bounded(FEW)
def test_every_answer_is_documented(case: schemathesis.Case, house: ArchiveHouse) -> None:
    """As the document has it, for who may ask and for a stranger."""
    key = may_ask(operation_of(case, TABLE), {}, operator_token())
    examine(case, house.process.port, key)


def visitors_of(house: ArchiveHouse) -> Visitors:
    """Return who calls."""
    return Visitors(
        port=house.process.port,
        keys={STRANGER_KEY: frozenset({"records"})},
        tokens=city_tokens(),
        local=local_token(),
    )


def test_who_may_ask_is_as_the_table_says(house: ArchiveHouse) -> None:
    """By key, role and area; and what is no such body is refused."""
    assert list(differences(TABLE, visitors_of(house))) == []


@pytest.mark.parametrize(
    ("callers", "area"),
    [
        ((operator(ApiScope.RECORDS),), OperationArea.CITY),
        ((operator(ApiScope.PERSONS),), OperationArea.PLACE),
        ((service(ApiScope.RECORDS), operator(ApiScope.PERSONS)), OperationArea.CITY),
        ((), OperationArea.CITY),
    ],
)
def test_a_table_that_says_otherwise_is_found(
    callers: tuple[Allowed, ...], area: OperationArea, house: ArchiveHouse
) -> None:
    """Another scope, any area, another kind of caller, anybody."""
    first, *others = TABLE.operations
    changed = replace(TABLE, operations=(replace(first, callers=callers, area=area), *others))
    assert list(differences(changed, visitors_of(house)))
