"""POST /v1/records/search: from a terminal, or a code shown there, to the records."""

from itertools import count
from typing import Any

import pytest

from tests.support.centre import (
    ADMIN_KEY,
    TERMINAL,
    Centre,
    eventually,
    new_scan_id,
    paper,
    shown,
)
from verifier.contract.reasons import Reason
from verifier.contract.vocabulary import Outcome

persons = count(40_000)


def search(house: Centre, **asked: Any) -> Any:
    """Return the answer to a search."""
    answer = house.ask("POST", "/v1/records/search", {"terminal": TERMINAL} | asked, key=ADMIN_KEY)
    assert answer.status == 200, answer.body
    return answer.body


def test_the_newest_scans_of_a_terminal_come_first(house: Centre) -> None:
    """As many as asked for; older ones by the moment of the last."""
    ids = [new_scan_id() for _ in range(6)]
    for scan_id in ids:
        house.scan(paper(next(persons)), scan_id=scan_id)

    def newest() -> Any:
        found = search(house, last=3)["records"]
        return found if [row["scan_id"] for row in found] == ids[:2:-1] else None

    found = eventually("the newest three", newest)
    assert {row["terminal"] for row in found} == {TERMINAL}
    before = search(house, last=200, before=min(row["at"] for row in found) - 1)["records"]
    assert not {row["scan_id"] for row in before} & {row["scan_id"] for row in found}


def test_a_code_leads_to_its_scans_and_why(house: Centre) -> None:
    """Those of that text alone, with the steps that explain each."""
    stale, other = shown(next(persons), ago=90), paper(next(persons))
    scan_id = new_scan_id()
    house.scan(other)
    assert house.scan(stale, scan_id=scan_id).body["reason"] == Reason.PROOF_STALE
    house.scan(paper(next(persons)))

    def rows() -> Any:
        return search(house, texts=[stale])["records"]

    (found,) = eventually("the scan is found", rows)
    assert (found["scan_id"], found["decision"]) == (scan_id, Outcome.DENY)
    assert found["steps"].startswith("oooor")
    assert found["trust_version"] > 0
    assert "text" not in found


def test_a_code_that_was_not_shown_there(house: Centre) -> None:
    """Nothing is found, and the search says how far back it went."""
    found = search(house, texts=[paper(next(persons))])
    assert (found["records"], found["whole"]) == ([], True)
    elsewhere = paper(next(persons))
    house.scan(elsewhere)
    asked = {"terminal": "hall-9", "texts": [elsewhere]}
    assert search(house, **asked)["records"] == []


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"last": 0}, "$.last"),
        ({"last": 201}, "$.last"),
        ({"terminal": "no such name"}, "$.terminal"),
        ({"before": -1}, "$.before"),
        ({"texts": [""]}, "$.texts[0]"),
    ],
)
def test_a_wrong_search_is_refused(house: Centre, asked: dict[str, Any], field: str) -> None:
    """With the field that is wrong."""
    body = {"terminal": TERMINAL} | asked
    refused = house.ask("POST", "/v1/records/search", body, key=ADMIN_KEY)
    assert (refused.status, refused.body["field"]) == (400, field)


def test_a_search_needs_its_scope(house: Centre) -> None:
    """A key that scans does not read."""
    refused = house.ask("POST", "/v1/records/search", {"terminal": TERMINAL})
    assert (refused.status, refused.body["code"]) == (403, "scope.missing")
