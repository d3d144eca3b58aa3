"""A colour by hand takes two people: the issuing process, its audit log, kills in between."""

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support.centre import ADMIN_KEY, eventually
from tests.support.issuing_house import IssuingHouse, issuing_house
from tests.support.keys import STRANGER
from tests.support.operators import operator_token
from tests.support.verifier_process import Answer
from verifier.contract.audit import AuditHead, verify
from verifier.contract.operator import MAX_TOKEN_S, OperatorRole
from verifier.contract.proposal import ProposalState
from verifier.contract.reasons import Reason
from verifier.service.store.proposals import MAX_A_DAY

LING, HAO = {"person": "ling"}, {"person": "hao"}
PROPOSERS = (OperatorRole.OPERATOR,)


@pytest.fixture(scope="module")
def house() -> Iterator[IssuingHouse]:
    """Yield a running issuing process and a worker."""
    with issuing_house() as running:
        yield running


def act(house: IssuingHouse, path: str, body: Any = None, **token: Any) -> Answer:
    """Ask as an operator."""
    return house.ask(f"/v1/proposals{path}", body, key=operator_token(**token))


def propose(house: IssuingHouse, person: int, to: str = "red", **more: Any) -> Answer:
    """Propose a colour as ling."""
    token = more.pop("token", LING)
    body = {
        "kind": "colour",
        "person": person,
        "to": to,
        "reason": "test_result",
        "text": "laboratory 7",
    }
    return act(house, "", body | more, **token)


def proposed(house: IssuingHouse, person: int, to: str = "red") -> str:
    """Propose a colour; return the proposal's id."""
    answer = propose(house, person, to)
    assert (answer.status, answer.body["state"]) == (201, "open"), answer.body
    found: str = answer.body["id"]
    return found


def state(house: IssuingHouse, proposal: str) -> str:
    """Return where a proposal stands."""
    answer = house.get(f"/v1/proposals/{proposal}", key=operator_token("wen", "viewer"))
    found: str = answer.body["state"]
    return found


def entries(house: IssuingHouse, ref: str | None = None) -> list[dict[str, Any]]:
    """Return the entries of a matter from the log, which holds against its head."""
    folder = house.centre.folder / "audit"
    lines = (folder / "issuing.ndjson").read_bytes().splitlines(keepends=True)
    head = AuditHead(*json.loads((folder / "issuing.head").read_bytes()))
    assert verify(lines, process="issuing", head=head).flaw is None
    found = [json.loads(line) for line in lines]
    return [entry for entry in found if ref in (None, entry["ref"])]


def test_a_colour_changed_by_two_people_turns_the_next_scan(house: IssuingHouse) -> None:
    """Within a second of the approval, and every step names its person."""
    paper = house.issue(holder=None)
    eventually("it passes", lambda: house.reason_of(paper["text"]) is None, within=5)
    proposal = proposed(house, paper["person"])
    assert house.reason_of(paper["text"]) == Reason.USE_REPLAYED
    answer = act(house, f"/{proposal}/approve", **HAO)
    assert (answer.status, answer.body["state"]) == (200, "done")
    assert (answer.body["proposed_by"], answer.body["decided_by"]) == ("ling", "hao")
    eventually("it is red", lambda: house.reason_of(paper["text"]) == Reason.STATUS_RED, within=5)
    made, approved = entries(house, proposal)
    subject = f"person:1:{paper['person']}"
    for entry, action, person in ((made, "make", "ling"), (approved, "approve", "hao")):
        assert (entry["action"], entry["person"]) == (f"proposal.{action}", person)
        assert (entry["subject"], entry["before"], entry["after"]) == (subject, "green", "red")
        assert entry["reason"] == "test_result"
        assert entry["by"].startswith("token:")


def test_one_person_with_two_tokens_is_refused(house: IssuingHouse) -> None:
    """Both tokens are another's in all but the person."""
    person = house.issue(holder=None)["person"]
    proposal = proposed(house, person)
    for token in ({}, {"ago": 60}, {"id": "f" * 16}):
        refused = act(house, f"/{proposal}/approve", **LING | token)
        assert (refused.status, refused.body["code"]) == (403, "proposal.own")
    assert state(house, proposal) == ProposalState.OPEN
    assert [entry["action"] for entry in entries(house, proposal)] == ["proposal.make"]


@pytest.mark.parametrize(
    ("token", "status", "code"),
    [
        ({"roles": (OperatorRole.OPERATOR,)}, 403, "scope.missing"),
        ({"roles": (OperatorRole.VIEWER,)}, 403, "scope.missing"),
        ({"district": "liwan"}, 403, "operator.area"),
        ({"place": "metro-1"}, 403, "operator.area"),
        ({"ago": MAX_TOKEN_S}, 401, "token.expired"),
        ({"key": STRANGER}, 401, "token.bad"),
    ],
    ids=("operator", "viewer", "district", "place", "expired", "stranger"),
)
def test_not_everybody_approves(
    house: IssuingHouse, token: dict[str, Any], status: int, code: str
) -> None:
    """Role, area, time and signature of the token."""
    proposal = proposed(house, house.issue(holder=None)["person"])
    refused = act(house, f"/{proposal}/approve", **HAO | token)
    assert (refused.status, refused.body["code"]) == (status, code)
    assert state(house, proposal) == ProposalState.OPEN


def test_no_key_of_a_service_proposes_or_approves(house: IssuingHouse) -> None:
    """A person answers for it."""
    proposal = proposed(house, house.issue(holder=None)["person"])
    for path in ("", f"/{proposal}/approve", f"/{proposal}/reject"):
        refused = house.ask(f"/v1/proposals{path}", {}, key=ADMIN_KEY)
        assert (refused.status, refused.body["code"]) == (403, "operator.needed")
    viewer = {"person": "wen", "roles": (OperatorRole.VIEWER,)}
    assert propose(house, 1, token=viewer).body["code"] == "scope.missing"


@pytest.mark.parametrize(
    ("changes", "status", "code", "field"),
    [
        ({"person": 65_000}, 404, "person.unknown", None),
        ({"person": 1 << 31}, 404, "person.unknown", None),
        ({"person": None}, 400, "body.field", "$.person"),
        ({"reference": "4401 0001"}, 400, "body.field", "$.person"),
        ({"person": None, "reference": "4401 0001"}, 404, "person.unknown", None),
        ({"person": None, "reference": "x"}, 400, "reference.bad", "$.reference"),
        ({"to": "green"}, 409, "proposal.same", None),
        ({"to": "blue"}, 400, "body.field", "$.to"),
        ({"reason": "because"}, 400, "body.field", "$.reason"),
        ({"text": ""}, 400, "body.field", "$.text"),
        ({"text": "a\nb c"}, 400, "body.field", "$.text"),
        ({"kind": "other"}, 400, "body.field", "$.kind"),
        ({"state": "done"}, 400, "body.field", "$"),
    ],
)
def test_what_makes_no_sense_is_not_proposed(
    house: IssuingHouse, changes: dict[str, Any], status: int, code: str, field: str | None
) -> None:
    """With a code, and nothing in the log."""
    person, before = house.issue(holder=None)["person"], len(entries(house))
    refused = propose(house, **{"person": person} | changes)
    assert (refused.status, refused.body["code"], refused.body.get("field")) == (
        status,
        code,
        field,
    )
    assert len(entries(house)) == before


def test_a_reference_is_kept_nowhere(house: IssuingHouse) -> None:
    """A person named by it is proposed by index."""
    reference = "440106198001011239"
    answer = house.ask("/v1/persons", {"reference": reference})
    assert answer.status == 201
    made = propose(house, None, reference=reference)  # type: ignore[arg-type]
    assert made.body["subject"] == f"person:1:{answer.body['person']}"
    folder = house.centre.folder
    for path in (folder / "audit" / "issuing.ndjson", folder / "issuing.log"):
        assert reference.encode() not in path.read_bytes()
    with house.centre.redis.client() as client:
        assert reference.encode() not in client.get(f"v:{{status}}:proposal:{made.body['id']}")


def test_what_changed_meanwhile_is_proposed_anew(house: IssuingHouse) -> None:
    """Approving compares what both saw with what stands there."""
    person = house.issue(holder=None)["person"]
    first, second = proposed(house, person), proposed(house, person, "yellow")
    assert act(house, f"/{first}/approve", **HAO).status == 200
    refused = act(house, f"/{second}/approve", **HAO)
    assert (refused.status, refused.body["code"]) == (409, "proposal.overtaken")
    assert state(house, second) == ProposalState.OVERTAKEN
    assert [entry["action"] for entry in entries(house, second)] == ["proposal.make", "not_done"]
    assert act(house, f"/{second}/approve", **HAO).body["code"] == "proposal.closed"
    again = proposed(house, person, "green")
    assert act(house, f"/{again}/approve", **HAO).body["before"] == "red"


def test_rejected_or_taken_back_is_over(house: IssuingHouse) -> None:
    """By another person with a reason, or by the same."""
    person = house.issue(holder=None)["person"]
    first, second = proposed(house, person), proposed(house, person)
    for token, reason, code in (
        (LING, "unfounded", "proposal.reason"),
        (HAO, "withdrawn", "proposal.reason"),
        ({"person": "mei", "roles": PROPOSERS}, "unfounded", "scope.missing"),
    ):
        assert act(house, f"/{first}/reject", {"reason": reason}, **token).body["code"] == code
    rejected = act(house, f"/{first}/reject", {"reason": "mistaken"}, **HAO)
    own = {"person": "ling", "roles": PROPOSERS}
    withdrawn = act(house, f"/{second}/reject", {"reason": "withdrawn"}, **own)
    assert (rejected.body["state"], withdrawn.body["state"]) == ("rejected", "withdrawn")
    for proposal in (first, second):
        assert act(house, f"/{proposal}/approve", **HAO).body["code"] == "proposal.closed"
        assert entries(house, proposal)[-1]["action"] == "proposal.reject"


def test_an_expired_proposal_is_not_approved(house: IssuingHouse) -> None:
    """A day after it was made, here as the store has it."""
    proposal = proposed(house, house.issue(holder=None)["person"])
    with house.centre.redis.client() as client:
        key = f"v:{{status}}:proposal:{proposal}"
        kept = json.loads(client.get(key))
        client.set(key, json.dumps(kept | {"expires": kept["proposed_at"] - 1}))
    refused = act(house, f"/{proposal}/approve", **HAO)
    assert (refused.status, refused.body["code"]) == (409, "proposal.expired")
    assert state(house, proposal) == ProposalState.EXPIRED


def test_of_many_approvals_at_once_one_counts(house: IssuingHouse) -> None:
    """The others are told; whoever approved may ask again."""
    proposal = proposed(house, house.issue(holder=None)["person"])
    people = [f"person-{number}" for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda person: act(house, f"/{proposal}/approve", person=person), people)
        )
    assert sorted(answer.status for answer in answers) == [200] + [409] * 7
    (winner,) = (one for one, answer in zip(people, answers, strict=True) if answer.status == 200)
    assert act(house, f"/{proposal}/approve", person=winner).body["state"] == "done"
    assert act(house, f"/{proposal}/approve", person="other").body["code"] == "proposal.closed"
    actions = [entry["action"] for entry in entries(house, proposal)]
    assert actions == ["proposal.make", "proposal.approve"]


def test_killed_between_audit_and_change_nothing_changed(house: IssuingHouse) -> None:
    """Approved again, it happens once."""
    paper = house.issue(holder=None)
    eventually("it passes", lambda: house.reason_of(paper["text"]) is None, within=5)
    proposal = proposed(house, paper["person"])
    with house.centre.redis.client() as client:
        client.client_pause(20_000, all=False)
        asking = threading.Thread(target=lost, args=(house, f"/{proposal}/approve"))
        asking.start()
        eventually(
            "the approval is in the log",
            lambda: (house.centre.folder / "audit" / "issuing.ndjson")
            .read_bytes()
            .count(f'"ref":"{proposal}"'.encode()) == 2,
        )  # fmt: skip
        house.issuing.kill()
        client.client_unpause()
    asking.join(10)
    house.issuing.start()
    assert state(house, proposal) == ProposalState.OPEN
    assert house.reason_of(paper["text"]) == Reason.USE_REPLAYED
    assert act(house, f"/{proposal}/approve", **HAO).body["state"] == "done"
    eventually("it is red", lambda: house.reason_of(paper["text"]) == Reason.STATUS_RED, within=5)


def lost(house: IssuingHouse, path: str) -> None:
    """Ask, and get no answer."""
    with pytest.raises(OSError, match=r".*"):
        act(house, path, **HAO)


def test_killed_after_the_approval_it_is_carried_out_at_the_start(house: IssuingHouse) -> None:
    """Once, and it is said so; unless what stands there is another by then."""
    papers = [house.issue(holder=None) for _ in range(2)]
    first, second = (proposed(house, paper["person"]) for paper in papers)
    overtaking = proposed(house, papers[1]["person"], "yellow")
    assert act(house, f"/{overtaking}/approve", **HAO).status == 200
    house.issuing.kill()
    with house.centre.redis.client() as client:
        for proposal in (first, second):
            key = f"v:{{status}}:proposal:{proposal}"
            kept = json.loads(client.get(key))
            approved = {"state": "approved", "decided_by": "hao", "decided_at": 1}
            client.set(key, json.dumps(kept | approved))
    house.issuing.start()
    eventually("it is done", lambda: state(house, first) == ProposalState.DONE)
    eventually("it is not", lambda: state(house, second) == ProposalState.OVERTAKEN)
    red, yellow = (paper["text"] for paper in papers)
    eventually("one is red", lambda: house.reason_of(red) == Reason.STATUS_RED, within=5)
    eventually("one is yellow", lambda: house.reason_of(yellow) == Reason.STATUS_YELLOW, within=5)
    assert entries(house, first)[-1]["action"] == "proposal.apply"
    assert entries(house, second)[-1]["action"] == "not_done"


def test_killed_between_value_and_case_the_case_is_closed_at_the_start(
    house: IssuingHouse,
) -> None:
    """The value was set, the case is still open: decided, by the proposal that did it."""
    person = house.issue(holder=None)["person"]
    case = {
        "id": "e" * 32, "list": 1, "person": person, "plane": "health", "value": "green",
        "reason": "other", "opened": 1_790_000_000, "opened_by": "desk",
    }  # fmt: skip
    with house.centre.redis.client() as client:
        client.hset("v:{corrections}:open", "e" * 32, json.dumps(case))
        body = {"kind": "correction", "case": "e" * 32, "to": "red", "reason": "data_error"}
        proposal = act(house, "", body | {"text": "a sheet"}, **LING).body["id"]
        assert act(house, f"/{proposal}/approve", **HAO).body["state"] == "done"
        house.issuing.kill()
        client.hdel("v:{corrections}:closed", "e" * 32)
        client.hset("v:{corrections}:open", "e" * 32, json.dumps(case))
        house.issuing.start()
        eventually("it is closed", lambda: client.hget("v:{corrections}:closed", "e" * 32))
        closed = json.loads(client.hget("v:{corrections}:closed", "e" * 32))
        assert (closed["state"], closed["proposal"]) == ("approved", proposal)
        assert client.hget("v:{corrections}:open", "e" * 32) is None


def test_one_person_alone_does_not_fill_the_list(house: IssuingHouse) -> None:
    """So many a day; others go on, and what is over the bound is not in the audit log."""
    person = house.issue(holder=None)["person"]
    with house.centre.redis.client() as client:
        for day in range(int(time.time()) // 86_400, int(time.time()) // 86_400 + 2):
            client.hset(f"v:{{status}}:proposed:{day}", "mei", MAX_A_DAY)
    before = len(entries(house))
    refused = propose(house, person, token={"person": "mei"})
    assert (refused.status, refused.body["code"]) == (409, "proposals.many")
    assert len(entries(house)) == before
    assert propose(house, person).status == 201


def test_proposals_are_listed_the_newest_first(house: IssuingHouse) -> None:
    """In pages."""
    person = house.issue(holder=None)["person"]
    made = [proposed(house, person) for _ in range(3)]
    key = operator_token("wen", "viewer")
    page = house.get("/v1/proposals?limit=3", key=key).body["proposals"]
    assert [each["id"] for each in page] == made[::-1]
    before = page[-1]["proposed_at"]
    older = house.get(f"/v1/proposals?limit=1&before={before}", key=key).body["proposals"]
    assert older[0]["id"] not in made
    assert house.get("/v1/proposals?limit=0", key=key).body["code"] == "query.bad"
    for unknown in ("0" * 32, "x"):
        assert house.get(f"/v1/proposals/{unknown}", key=key).body["code"] == "proposal.unknown"


def test_without_an_audit_log_nothing_is_done(house: IssuingHouse) -> None:
    """A log that does not hold stops what must be in it, and nothing else."""
    proposal = proposed(house, house.issue(holder=None)["person"])
    path = house.centre.folder / "audit" / "issuing.ndjson"
    whole = path.read_bytes()
    house.issuing.kill()
    path.write_bytes(whole.replace(b'"after":"red"', b'"after":"nil"', 1))
    house.issuing.start()
    try:
        (warning,) = house.issuing.readiness().body["warnings"]
        assert warning["code"] == "audit.refused"
        person = house.issue(holder=None)["person"]
        for refused in (propose(house, person), act(house, f"/{proposal}/approve", **HAO)):
            assert (refused.status, refused.body["code"]) == (503, "audit.unavailable")
        assert state(house, proposal) == ProposalState.OPEN
    finally:
        house.issuing.kill()
        path.write_bytes(whole)
        house.issuing.start()
