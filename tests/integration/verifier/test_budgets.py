"""What one person may do by hand in an hour is bounded, and ending a person takes two people."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.centre import Answer, ask
from tests.support.issuing_house import IssuingHouse, issuing_house
from tests.support.operators import operator_token

MANY = 160
"""Attempts; more than one operator may revoke in an hour."""


@pytest.fixture(scope="module")
def house() -> Iterator[IssuingHouse]:
    """Yield a house; each test acts as operators of its own."""
    with issuing_house() as it:
        yield it


def act(house: IssuingHouse, path: str, body: Any, token: str) -> Answer:
    """Ask as an operator."""
    return ask(house.issuing.port, "POST", path, body, key=token)


def audit(house: IssuingHouse) -> list[dict[str, Any]]:
    """Return the entries of the issuing process's audit log."""
    lines = (house.centre.folder / "audit" / "issuing.ndjson").read_text().splitlines()
    return [json.loads(line) for line in lines]


def colour_of(house: IssuingHouse, person: int) -> str:
    """Return the colour that a person has."""
    token = operator_token("wen", "administrator")
    shown = act(house, "/v1/subjects", {"reason": "complaint", "person": person}, token)
    found: str = shown.body["colour"]
    return found


def test_nobody_is_erased_by_one_operator(house: IssuingHouse) -> None:
    """By index or by reference: an administrator alone changes nothing, whatever the door says."""
    known = house.ask("/v1/persons", {"reference": "440100-19700101-0001"}).body["person"]
    token = operator_token("hao", "administrator")
    for who in ({"person": known}, {"reference": "440100-19700101-0001"}):
        body = {"reason": "own_request", "identity": "document_seen"} | who
        act(house, "/v1/subjects/erase", body, token)
        assert colour_of(house, known) == "green"


def test_one_operator_revokes_only_so_many_in_an_hour(house: IssuingHouse) -> None:
    """With several tokens too; then 429, and what is refused is not revoked."""
    person = house.ask("/v1/persons", {"reference": "440100-19700101-0002"}).body["person"]
    paper = house.issue(person=person, holder=None)["credential_index"]
    path = f"/v1/credentials/{paper}/revoke"
    answers = [
        act(house, path, {"reason": "misused"}, operator_token("mei", "operator"))
        for _ in range(MANY)
    ]
    refused = [answer for answer in answers if answer.status != 200]
    assert refused, "one operator revoked without end"
    assert {(it.status, it.body["code"]) for it in refused} == {(429, "budget.spent")}
    assert refused[0].body["budget"] == len(answers) - len(refused)
    assert 0 < int(refused[0].headers["Retry-After"]) <= 3600
    another = act(house, path, {"reason": "misused"}, operator_token("wen", "operator"))
    assert another.status == 200


@pytest.mark.parametrize(
    ("act_name", "left", "budget"), [("emergency", 1, 600), ("roster", 1, 3000)]
)
def test_a_key_of_the_desks_issues_only_so_many_in_an_hour(
    house: IssuingHouse, act_name: str, left: int, budget: int
) -> None:
    """Emergency codes and rosters, which let people in at once, count by the key that asks."""
    person = house.issue(holder=None)["person"]
    body = (
        {"kind": "personal", "person": person, "holder": None, "form": "emergency", "hours": 1}
        if act_name == "emergency"
        else {
            "kind": "group", "hours": 1, "places": ["metro-1"],
            "roster": [{"person": person, "masked_name": "李*"}],
        }
    )  # fmt: skip
    with house.centre.redis.client() as admin:
        row = f"{int(time.time())}*{budget - left}"
        admin.hset("v:{status}:spent", f"{act_name}|key:admin", row)
    assert house.ask("/v1/credentials", body).status == 201
    refused = house.ask("/v1/credentials", body)
    assert (refused.status, refused.body.get("code")) == (429, "budget.spent")
    assert refused.body["budget"] == refused.body["spent"] == budget
