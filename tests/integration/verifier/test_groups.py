"""Groups at the service door: each member is claimed, and who passed already is an exception."""

import secrets
import time
from itertools import count

import pytest

from tests.support.centre import ADMIN_KEY, API_KEY, Centre, eventually, new_scan_id, shown
from tests.support.issued import group_paper
from tests.support.operators import operator_token
from tests.support.uploads import decided, upload
from verifier.contract.bundle import Roster, RosterMember
from verifier.contract.reasons import Reason
from verifier.contract.vocabulary import Outcome

persons = count(12_000)


def test_a_group_on_paper_claims_for_each_member(house: Centre) -> None:
    """Its roster must be known; then all of them pass, once, and the retry counts them too."""
    group, members = secrets.token_bytes(8), [next(persons) for _ in range(5)]
    text = group_paper(next(persons), group, len(members))
    assert house.scan(text).body["reason"] == Reason.GROUP_STALE_ROSTER
    listed = tuple(RosterMember(person=person, masked_name="王*") for person in members)
    house.publish_rosters(
        "metro-1",
        Roster(group=group, version=1, iat=int(time.time()), list=1, members=listed),
    )
    scan_id = new_scan_id()
    eventually(
        "the roster is followed",
        lambda: house.scan(text, scan_id=new_scan_id()).body["decision"] == Outcome.PASS,
    )
    used = house.scan(text, scan_id=scan_id).body
    assert used["reason"] == Reason.USE_REPLAYED
    assert used["group"]["members"] == used["group"]["green"] == 5
    assert house.scan(text, scan_id=scan_id).body["group"] == used["group"]


def test_a_photo_of_a_groups_paper_uses_nobody_up(house: Centre) -> None:
    """Who has a phone passes by it, whatever paper was shown before."""
    text, members = _group_of(house, 3)
    assert house.scan(text).body["decision"] == Outcome.PASS
    for member in members:
        assert house.scan(shown(member)).body["decision"] == Outcome.PASS
        assert house.scan(shown(member)).body["reason"] == Reason.USE_REPLAYED


def test_a_member_who_went_in_alone_is_an_exception(house: Centre) -> None:
    """The others are claimed, and go to a person with the position; a retry says the same."""
    text, members = _group_of(house, 3)
    assert house.scan(shown(members[1])).body["decision"] == Outcome.PASS
    scan_id = new_scan_id()
    found = house.scan(text, scan_id=scan_id).body
    assert (found["decision"], found["reason"]) == (Outcome.REVIEW, Reason.GROUP_EXCEPTIONS)
    assert found["group"]["exceptions"] == [[2, "王*"]]
    again = house.scan(text, scan_id=scan_id).body
    assert (again["decision"], again["reason"]) == (Outcome.REVIEW, Reason.GROUP_EXCEPTIONS)
    assert again["group"]["exceptions"] == [[2, None]]
    assert house.scan(text).body["reason"] == Reason.USE_REPLAYED


def test_a_group_of_whom_all_went_in_alone_is_refused(house: Centre) -> None:
    """There is nobody left to let in."""
    text, members = _group_of(house, 2)
    for member in members:
        assert house.scan(shown(member)).body["decision"] == Outcome.PASS
    found = house.scan(text).body
    assert (found["decision"], found["reason"]) == (Outcome.DENY, Reason.USE_REPLAYED)


@pytest.mark.parametrize("closed", ["annul", "resolve"])
def test_a_review_that_lets_nobody_in_gives_back_what_it_took(house: Centre, closed: str) -> None:
    """Annulled, or closed as a denial; who had gone in alone stays an exception."""
    text, members = _group_of(house, 3)
    assert house.scan(shown(members[0])).body["decision"] == Outcome.PASS
    scan_id = new_scan_id()
    assert house.scan(text, scan_id=scan_id).body["decision"] == Outcome.REVIEW
    body, key = None, API_KEY
    if closed == "resolve":
        body, key = {"decision": "deny", "reason": "refused_by_staff"}, operator_token()
    assert house.ask("POST", f"/v1/scans/{scan_id}/{closed}", body, key=key).status == 200
    assert house.scan(shown(members[0])).body["reason"] == Reason.USE_REPLAYED
    found = house.scan(text).body
    assert (found["decision"], found["reason"]) == (Outcome.REVIEW, Reason.GROUP_EXCEPTIONS)
    assert found["group"]["exceptions"] == [[1, "王*"]]


def test_an_uploaded_review_of_a_group_claims_the_others(house: Centre) -> None:
    """They went in while the terminal was alone; who had gone in before is counted once."""
    text, members = _group_of(house, 3)
    assert house.scan(shown(members[1])).body["decision"] == Outcome.PASS
    record = decided(text, "review", reason=Reason.GROUP_EXCEPTIONS)
    (result,) = upload(house, record)
    assert (result["code"], result.get("incident")) == ("stored", None)
    assert house.scan(text).body["reason"] == Reason.USE_REPLAYED


def _group_of(house: Centre, count: int) -> tuple[str, list[int]]:
    """Return a group's paper and its members; their roster is known."""
    group, members = secrets.token_bytes(8), [next(persons) for _ in range(count)]
    _follow_roster(house, group, members)
    return group_paper(next(persons), group, len(members)), members


def _follow_roster(house: Centre, group: bytes, members: list[int]) -> None:
    """Publish a group's roster and wait until the worker has it; nothing is claimed."""
    listed = tuple(RosterMember(person=person, masked_name="王*") for person in members)
    at = int(time.time())
    house.publish_rosters("metro-1", Roster(group=group, version=1, iat=at, list=1, members=listed))
    version = house.versions["rosters-metro-1"]

    def followed() -> bool:
        index = house.ask("GET", "/v1/bundles?place=metro-1", key=ADMIN_KEY).body
        found = {it["name"]: it["version"] for it in index["bundles"]}
        return found.get("rosters-metro-1") == version

    eventually("the roster is followed", followed)
