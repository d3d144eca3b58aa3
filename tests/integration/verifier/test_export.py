"""The export at a real process: signed pages of a consumer's fields, one cursor through a day."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.feeds_house import CONSUMER_KEY, KEY, STRANGER_KEY, FeedsHouse, feeds_house
from tests.support.store_line import StoreLine, new_scan
from verifier.contract.envelope import SignedUse, take_apart, to_be_signed
from verifier.contract.export import ExportDocument, ExportField, read_export
from verifier.contract.vocabulary import Outcome
from verifier.issuing import signing_key
from verifier.trust.keys import load_spki

FIELDS = ("scan_id", "place", "at", "decision", "reason")
PATH = "/v1/export/records"


@pytest.fixture(scope="module")
def house() -> Iterator[FeedsHouse]:
    """One process for the file, with one consumer and some scans."""
    with feeds_house(exports=[{"caller": "consumer", "fields": FIELDS}]) as it:
        with StoreLine(it.redis) as line:
            for number in range(25):
                outcome = Outcome.DENY if number % 5 == 0 else Outcome.PASS
                line.scan(new_scan(), outcome=outcome, tag=f"{number:02x}")
        yield it


def page(house: FeedsHouse, query: str = "") -> ExportDocument:
    """Take a page, checking its signature as a consumer does."""
    status, data = house.fetch(PATH + query, CONSUMER_KEY)
    assert status == 200, data
    envelope = take_apart(data)
    key = signing_key.load((house.folder / "export.pem").read_bytes())
    _, public = load_spki(key.spki)
    message = to_be_signed(SignedUse.EXPORT, envelope.protected, envelope.payload)
    assert envelope.kid == key.kid
    assert public.verify(message, envelope.signature)
    return read_export(envelope.payload)


def test_a_page_holds_the_consumers_fields_and_no_other(house: FeedsHouse) -> None:
    """Its rows follow the order of its fields; it says for whom it is."""
    found = page(house)
    assert found.fields == tuple(map(ExportField, FIELDS))
    assert (found.consumer, found.after, len(found.records)) == ("consumer", 0, 25)
    decisions = [row[FIELDS.index("decision")] for row in found.records]
    assert decisions.count("deny") == 5


def test_pages_follow_each_other_without_loss(house: FeedsHouse) -> None:
    """Each begins at the cursor of the one before; the last is empty and stays so."""
    rows: list[Any] = []
    after = 0
    while (found := page(house, f"?after={after}&limit=4")).records:
        assert found.after == after
        after = found.cursor
        rows += found.records
    assert len({row[0] for row in rows}) == len(rows) == 25
    assert page(house, f"?after={found.cursor}").records == ()


@pytest.mark.parametrize(
    ("path", "key", "status"),
    [
        (PATH, KEY, 403),
        (PATH, STRANGER_KEY, 403),
        (PATH, "kapok_nobody_" + "n" * 43, 401),
        (f"{PATH}?limit=1001", CONSUMER_KEY, 400),
        (f"{PATH}?fields=terminal", CONSUMER_KEY, 400),
    ],
)
def test_who_is_not_entitled_gets_nothing(
    house: FeedsHouse, path: str, key: str, status: int
) -> None:
    """Without the scope; with the scope and no fields; fields are nothing to ask for."""
    assert house.fetch(path, key)[0] == status
