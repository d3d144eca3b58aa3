"""What is kept of one person: shown to an administrator with a reason, erased by two people."""

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
    with issuing_house(erasure_wait_s=1) as it:
        yield it


@pytest.fixture(scope="module")
def slow() -> Iterator[IssuingHouse]:
    """Yield a house in which an erasure waits as long as it does in a city."""
    with issuing_house() as it:
        yield it


def act(house: IssuingHouse, path: str, body: Any, key: str | None = None) -> Answer:
    """Ask as an administrator, or with another key."""
    shown = operator_token("hao", "administrator") if key is None else key
    return ask(house.issuing.port, "POST", path, body, key=shown)


def show(house: IssuingHouse, **who: Any) -> Answer:
    """Ask what is kept of a person."""
    return act(house, "/v1/subjects", {"reason": "own_request"} | who)


def propose(house: IssuingHouse, **who: Any) -> Answer:
    """Propose to erase what is kept of a person."""
    body = {
        "kind": "erasure", "reason": "own_request", "identity": "document_seen",
        "text": "at desk 4",
    } | who  # fmt: skip
    return act(house, "/v1/proposals", body)


def approve(house: IssuingHouse, proposal: str, person: str = "wen") -> Answer:
    """Approve a proposal as another operator; again once its time has come, it is carried out."""
    path, token = f"/v1/proposals/{proposal}/approve", operator_token(person, "approver")
    return ask(house.issuing.port, "POST", path, None, key=token)


def erase(house: IssuingHouse, **who: Any) -> dict[str, Any]:
    """Have what is kept of a person erased by two people, and wait until it is done."""
    made = propose(house, **who)
    assert made.status == 201, made.body
    last: list[Any] = []

    def done() -> bool:
        last[:] = [approve(house, made.body["id"]).body]
        return last[0].get("state") == "done"

    eventually("the erasure is carried out", done, within=10)
    found: dict[str, Any] = last[0]
    return found


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
    erase(house, reference=reference)
    for text in texts:
        eventually("revoked", lambda text=text: house.reason_of(text) == "status.revoked")
    assert show(house, reference=reference).status == 404
    left = show(house, person=person).body
    assert (left["planes"], left["credentials"], left["carries"]) == ({"health": 0}, [], 0)
    again = house.ask("/v1/persons", {"reference": reference})
    assert (again.status, again.body["person"] != person) == (201, True)
    steps = [(it["action"], it["person"]) for it in audit(house) if it["ref"]]
    assert steps[-3:] == [
        ("proposal.make", "hao"), ("proposal.approve", "wen"), ("person.erase", ""),
    ]  # fmt: skip
    assert [it["reason"] for it in audit(house) if it["ref"]][-3:] == (
        ["own_request document_seen"] * 3
    )


def test_a_reference_is_forgotten_after_an_erasure_by_index(house: IssuingHouse) -> None:
    """By index it stays, since nobody knows it; by reference it goes."""
    reference = "440100-19900101-0077"
    person = house.ask("/v1/persons", {"reference": reference}).body["person"]
    erase(house, person=person)
    again = propose(house, person=person)
    assert (again.status, again.body["code"]) == (409, "proposal.same")
    assert erase(house, reference=reference)["before"] == "erased"
    assert show(house, reference=reference).status == 404


def test_an_erasure_waits_and_is_taken_back(slow: IssuingHouse) -> None:
    """Nothing is done at the approval; until its time its proposer, or another, takes it back."""
    person = slow.ask("/v1/persons", {"reference": "440100-19900101-0079"}).body["person"]
    for who, reason in (("hao", "withdrawn"), ("wen", "mistaken"), ("mei", "unfounded")):
        made = propose(slow, person=person)
        own = approve(slow, made.body["id"], "hao")
        assert (own.status, own.body["code"]) == (403, "proposal.own")
        for _ in range(2):
            waits = approve(slow, made.body["id"])
            assert (waits.status, waits.body["state"]) == (200, "approved")
        assert 0 < waits.body["due"] - waits.body["decided_at"] <= 24 * 3600 * 1000
        assert show(slow, person=person).body["planes"] == {"health": 1}
        token = operator_token(who)
        path = f"/v1/proposals/{made.body['id']}/reject"
        assert act(slow, path, {"reason": reason}, token).status == 200
        assert approve(slow, made.body["id"]).body["code"] == "proposal.closed"
    assert show(slow, person=person).body["planes"] == {"health": 1}


def test_an_erasure_is_carried_out_by_itself_after_a_restart(house: IssuingHouse) -> None:
    """The waiting time goes on while nobody runs; whoever proposed it need not come again."""
    person = house.ask("/v1/persons", {"reference": "440100-19900101-0081"}).body["person"]
    made = propose(house, person=person)
    assert approve(house, made.body["id"]).body["state"] == "approved"
    house.issuing.stop()
    house.issuing.start()
    eventually(
        "it is erased",
        lambda: show(house, person=person).body["planes"] == {"health": 0},
        within=20,
    )


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
    erase(house, person=person)
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
    erase(house, reference="440100-19920101-0079")
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
        answer = act(house, "/v1/subjects", {"reason": "own_request", "person": 1}, key)
        assert (answer.status, answer.body["code"]) == (status, code)
    proposal = {
        "kind": "erasure", "person": 1, "reason": "own_request", "identity": "document_seen",
        "text": "at desk 4",
    }  # fmt: skip
    for role in ("operator", "approver"):
        answer = act(house, "/v1/proposals", proposal, operator_token("ling", role))
        assert (answer.status, answer.body["code"]) == (403, "scope.missing")
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
