"""Corrections at a real process: opened, listed, closed once; all in the audit log."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from redis.asyncio import Redis

from tests.support.async_store import with_store
from tests.support.feeds_house import KEY, STRANGER_KEY, FeedsHouse, feeds_house, lines
from verifier.contract.audit import AuditAction, verify
from verifier.feeds.corrections import MAX_CLOSED, CorrectionCase, CorrectionEvent, CorrectionState
from verifier.service.store.corrections import (
    close_case,
    forget_person_cases,
    read_person_cases,
)

PATH = "/v1/corrections"


@pytest.fixture(scope="module")
def house() -> Iterator[FeedsHouse]:
    """One process for the file."""
    with feeds_house() as it:
        yield it


def opened(house: FeedsHouse, **changes: Any) -> dict[str, Any]:
    """Open a case."""
    asked = {"plane": "health", "reason": "never_there", "reference": "R-0007"} | changes
    answer = house.ask("POST", PATH, {k: v for k, v in asked.items() if v is not None})
    assert answer.status == 201, answer.body
    case: dict[str, Any] = answer.body["case"]
    return case


def closed(house: FeedsHouse, case: str, event: CorrectionEvent) -> CorrectionCase | None:
    """Close a case as the issuing process does."""
    return with_store(
        house.redis,
        lambda redis: close_case(redis, case, event, time.time(), proposal="p-1"),
    )


def test_a_case_says_what_the_status_was(house: FeedsHouse) -> None:
    """By reference or by index; the reference is not kept, the value is."""
    house.sender("wrong").send(lines([("R-0007", "red", 0)]))
    case = opened(house, text="我没有去过那里")
    assert (case["person"], case["value"], case["opened_by"]) == (7, "red", "sender")
    shown = house.ask("GET", f"{PATH}/{case['id']}").body
    assert (shown["case"], shown["overdue"]) == (case, False)
    assert "R-0007" not in json.dumps(shown)
    assert opened(house, reference=None, person=7)["value"] == "red"


def test_open_cases_are_listed_oldest_first_in_pages(house: FeedsHouse) -> None:
    """With their age; the next page begins where the last one ended."""
    made = {opened(house)["id"] for _ in range(3)}
    first = house.ask("GET", f"{PATH}?limit=2").body
    rest = house.ask("GET", f"{PATH}?after={first['next']}&limit=1000").body
    cases = [row["case"] for row in (*first["cases"], *rest["cases"])]
    assert len(cases) == first["total"]
    assert made <= {case["id"] for case in cases}
    assert [case["opened"] for case in cases] == sorted(case["opened"] for case in cases)


def test_a_case_is_closed_once(house: FeedsHouse) -> None:
    """By two people's decision elsewhere, or by who opened it; then it stays closed."""
    decided, withdrawn = opened(house)["id"], opened(house)["id"]
    found = closed(house, decided, CorrectionEvent.APPROVE)
    assert found is not None
    assert (found.state, found.proposal) == (CorrectionState.APPROVED, "p-1")
    assert closed(house, decided, CorrectionEvent.REFUSE) is None
    again = house.ask("POST", f"{PATH}/{decided}/withdraw")
    assert (again.status, again.body["code"]) == (409, "correction.closed")
    assert house.ask("POST", f"{PATH}/{withdrawn}/withdraw").status == 200
    assert closed(house, withdrawn, CorrectionEvent.APPROVE) is None
    kept = house.ask("GET", f"{PATH}?closed=1&limit=1000").body["cases"]
    assert {decided, withdrawn} <= {row["case"]["id"] for row in kept}


def test_opening_and_withdrawing_without_end_fills_no_store(house: FeedsHouse) -> None:
    """Closed cases are counted too; then nothing is opened until some are old enough."""
    kept = {f"{number:032x}": "{}" for number in range(MAX_CLOSED)}
    with house.redis.client() as client:
        before = client.hlen("v:{corrections}:open")
        client.rename("v:{corrections}:closed", "v:{corrections}:aside")
        client.hset("v:{corrections}:closed", mapping=kept)
        asked = {"plane": "health", "reason": "other", "person": 7}
        answer = house.ask("POST", PATH, asked)
        client.rename("v:{corrections}:aside", "v:{corrections}:closed")
        assert (answer.status, answer.body["code"]) == (503, "corrections.full")
        assert client.hlen("v:{corrections}:open") == before
    assert house.ask("POST", PATH, asked).status == 201


def test_what_is_kept_of_one_person_is_found_and_forgotten(house: FeedsHouse) -> None:
    """Open and closed cases, and nobody else's."""
    mine, closed_one = opened(house, reference="R-0011"), opened(house, reference="R-0011")
    other = opened(house, reference="R-0012")
    closed(house, closed_one["id"], CorrectionEvent.REFUSE)

    async def steps(redis: Redis) -> None:
        found = await read_person_cases(redis, 1, 11)
        assert {case.id for case in found} == {mine["id"], closed_one["id"]}
        assert await forget_person_cases(redis, 1, 11) == 2
        assert await read_person_cases(redis, 1, 11) == []

    with_store(house.redis, steps)
    assert house.ask("GET", f"{PATH}/{mine['id']}").status == 404
    assert house.ask("GET", f"{PATH}/{other['id']}").status == 200


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"reference": "R-9999"}, 404, "person.unknown"),
        ({"reference": None, "person": 66_500}, 404, "person.unknown"),
        ({"reference": None, "person": 1 << 31}, 404, "person.unknown"),
        ({"reference": "R-\u200b001"}, 400, "body.field"),
        ({"reason": "because"}, 400, "body.field"),
        ({"plane": "doses"}, 409, "plane.unknown"),
        ({"person": 7}, 400, "body.field"),
    ],
)
def test_what_opens_no_case(
    house: FeedsHouse, changes: dict[str, Any], status: int, code: str
) -> None:
    """Nobody, no plane, no reason of the list."""
    asked = {"plane": "health", "reason": "outdated", "reference": "R-0007"} | changes
    answer = house.ask("POST", PATH, {k: v for k, v in asked.items() if v is not None})
    assert (answer.status, answer.body["code"]) == (status, code)


def test_the_scope_is_asked_for(house: FeedsHouse) -> None:
    """Every door of it."""
    for method, path in (("POST", PATH), ("GET", PATH), ("GET", f"{PATH}/x")):
        assert house.ask(method, path, {}, key=STRANGER_KEY).status == 403


def test_every_case_is_in_the_audit_log(house: FeedsHouse) -> None:
    """Before it is kept, with who and whom; the chain holds."""
    case = opened(house)
    house.ask("POST", f"{PATH}/{case['id']}/withdraw", key=KEY)
    log = (house.folder / "audit" / "feeds.ndjson").read_bytes().splitlines(keepends=True)
    assert verify(log, process="feeds").flaw is None
    entries = [json.loads(line) for line in log]
    mine = [entry for entry in entries if entry["ref"] == case["id"]]
    assert [entry["action"] for entry in mine] == [AuditAction.CORRECTION, AuditAction.WITHDRAW]
    assert mine[0]["subject"] == "person:1:7"
    assert mine[0]["by"] == "key:sender"
