"""What is kept of one person: shown to an administrator with a reason, and erased."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.bulk import paper, send_batch
from tests.support.issuing_house import IssuingHouse, issuing_house
from tests.support.keys import PHONE
from tests.support.operators import operator_token
from tests.support.verifier_process import ADMIN_KEY, Answer, ask, eventually

REFERENCE = "440100-19790509-4711"


@pytest.fixture(scope="module")
def house() -> Iterator[IssuingHouse]:
    """Yield a house; each test takes persons of its own."""
    with issuing_house() as it:
        yield it


def act(house: IssuingHouse, path: str, body: Any, key: str | None = None) -> Answer:
    """Ask as an administrator, or with another key."""
    shown = operator_token("hao", "administrator") if key is None else key
    return ask(house.issuing.port, "POST", path, body, key=shown)


def show(house: IssuingHouse, **who: Any) -> Answer:
    """Ask what is kept of a person."""
    return act(house, "/v1/subjects", {"reason": "own_request"} | who)


def erase(house: IssuingHouse, **who: Any) -> Answer:
    """Erase what is kept of a person."""
    body = {"reason": "own_request", "identity": "document_seen"} | who
    return act(house, "/v1/subjects/erase", body)


def audit(house: IssuingHouse) -> list[dict[str, Any]]:
    """Return the entries of the issuing process's audit log."""
    lines = (house.centre.folder / "audit" / "issuing.ndjson").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_what_is_kept_of_a_person_is_shown(house: IssuingHouse) -> None:
    """Colour, planes, credentials; and the audit log says who asked, and why."""
    person = house.ask("/v1/persons", {"reference": REFERENCE}).body["person"]
    paper = house.issue(person=person, holder=None)
    phone = house.issue_to(PHONE, person=person)
    answer = show(house, reference=f" {REFERENCE.lower()} ")
    assert answer.status == 200
    body = answer.body
    assert (body["person"], body["colour"], body["planes"]) == (person, "green", {"health": 1})
    assert body["known_by_reference"] is True
    forms = {row["credential"]: (row["form"], row["revoked"]) for row in body["credentials"]}
    assert forms == {
        paper["credential_index"]: ("paper", False), phone["credential_index"]: ("phone", False),
    }  # fmt: skip
    entry = audit(house)[-1]
    assert (entry["action"], entry["person"], entry["subject"], entry["reason"]) == (
        "person.show", "hao", f"person:1:{person}", "own_request",
    )  # fmt: skip
    assert REFERENCE not in (house.centre.folder / "audit" / "issuing.ndjson").read_text()


def test_a_person_is_erased(house: IssuingHouse) -> None:
    """Credentials revoked, values nothing, the reference nobody's; the index never given again."""
    reference = "440100-19850101-0042"
    person = house.ask("/v1/persons", {"reference": reference}).body["person"]
    texts = [house.issue(person=person, holder=None)["text"] for _ in range(2)]
    eventually("the person passes", lambda: house.reason_of(texts[0]) in (None, "use.replayed"))
    answer = erase(house, reference=reference)
    assert answer.status == 200, answer.body
    body = answer.body
    assert len(body["revoked"]) == 2
    assert (body["zeroed"], body["reference_forgotten"]) == (["health"], True)
    for text in texts:
        eventually("revoked", lambda text=text: house.reason_of(text) == "status.revoked")
    assert show(house, reference=reference).status == 404
    left = show(house, person=person).body
    assert (left["planes"], left["credentials"], left["carries"]) == ({"health": 0}, [], 0)
    again = house.ask("/v1/persons", {"reference": reference})
    assert (again.status, again.body["person"] != person) == (201, True)
    assert audit(house)[-2]["reason"] == "own_request document_seen"


def test_an_erasure_that_was_cut_off_is_done_again(house: IssuingHouse) -> None:
    """By index nothing is forgotten twice, and nothing is left."""
    person = house.ask("/v1/persons", {"reference": "440100-19900101-0077"}).body["person"]
    house.issue(person=person, holder=None)
    assert len(erase(house, person=person).body["revoked"]) == 1
    second = erase(house, reference="440100-19900101-0077").body
    assert (second["revoked"], second["reference_forgotten"]) == ([], True)


def test_whom_an_index_named_nobody_names_again(house: IssuingHouse) -> None:
    """Erased by index: no code, no roster, no colour by two people; the reference is free again."""
    reference = "440100-19910101-0078"
    person = house.ask("/v1/persons", {"reference": reference}).body["person"]
    case = {
        "id": "d" * 32, "list": 1, "person": person, "plane": "health", "value": "green",
        "reason": "other", "text": "never there", "opened": 1_790_000_000, "opened_by": "desk",
    }  # fmt: skip
    with house.centre.redis.client() as client:
        client.hset("v:{corrections}:open", "d" * 32, json.dumps(case))
    assert [one["text"] for one in show(house, person=person).body["cases"]] == ["never there"]
    assert erase(house, person=person).status == 200
    assert show(house, person=person).body["cases"] == []
    asked = {"kind": "personal", "holder": None, "hours": 1, "person": person}
    roster = [{"person": person, "masked_name": "L*"}]
    group = {"kind": "group", "roster": roster, "places": ["hall-1"], "hours": 1}
    for body in (asked, group):
        answer = house.ask("/v1/credentials", body)
        assert (answer.status, answer.body["code"]) == (404, "person.unknown")
    for who in ({"person": person}, {"reference": reference}):
        proposal = {"kind": "colour", "to": "green", "reason": "order", "text": "back"} | who
        answer = act(house, "/v1/proposals", proposal)
        assert (answer.status, answer.body["code"]) == (404, "person.unknown")
    again = house.ask("/v1/persons", {"reference": reference})
    assert (again.status, again.body["person"] != person) == (201, True)


def test_what_was_issued_before_is_not_given_again(house: IssuingHouse) -> None:
    """The same request, the same batch, asked again after the erasure: nothing is written anew."""
    person = house.ask("/v1/persons", {"reference": "440100-19920101-0079"}).body["person"]
    body = {"kind": "personal", "holder": None, "hours": 1, "person": person}
    again = {"headers": {"Idempotency-Key": "asked-again-after-all"}}
    assert house.ask("/v1/credentials", body, **again).status == 201
    rows = [paper(1, "440100-19920101-0079"), paper(2, "440100-19920101-0080")]
    assert send_batch(house.issuing.port, rows, job="e" * 16).end().issued == 2
    assert erase(house, reference="440100-19920101-0079").status == 200
    answer = house.ask("/v1/credentials", body, **again)
    assert (answer.status, answer.body["code"]) == (404, "person.unknown")
    batch = send_batch(house.issuing.port, rows, job="e" * 16)
    assert [line.code for line in batch.refused] == ["person.unknown"]
    assert len(batch.issued) == 1
    assert show(house, person=person).body["credentials"] == []
    assert show(house, reference="440100-19920101-0079").status == 404


def test_only_an_administrator_of_the_city_may(house: IssuingHouse) -> None:
    """No API key, no other role, no operator of a place; then nothing is looked up or noted."""
    before = len(audit(house))
    for key, status, code in (
        (ADMIN_KEY, 403, "operator.needed"),
        (operator_token("ling", "operator", "approver"), 403, "scope.missing"),
        (operator_token("hao", "administrator", district="gz-yuexiu"), 403, "operator.area"),
    ):
        for path in ("/v1/subjects", "/v1/subjects/erase"):
            answer = act(house, path, {"reason": "own_request", "person": 1}, key)
            assert (answer.status, answer.body["code"]) == (status, code)
    assert len(audit(house)) == before


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"reason": "own_request"}, 400, "body.field"),
        ({"reason": "own_request", "person": 1, "reference": "abcd"}, 400, "body.field"),
        ({"reason": "own_request", "reference": "ab\ncd"}, 400, "reference.bad"),
        ({"reason": "own_request", "person": 65_535_000}, 404, "person.unknown"),
        ({"reason": "curiosity", "person": 1}, 400, None),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(
    house: IssuingHouse, body: dict[str, Any], status: int, code: str | None
) -> None:
    """Exactly one of index and reference, somebody who is there, a reason of the list."""
    answer = act(house, "/v1/subjects", body)
    assert answer.status == status
    assert code in (None, answer.body["code"])
