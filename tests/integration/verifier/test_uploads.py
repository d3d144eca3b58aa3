"""POST /v1/scans/upload, and GET /v1/records where what happened can be read."""

import time
from itertools import count
from typing import Any

import pytest

from tests.support.centre import ADMIN_KEY, Centre, eventually, new_scan_id, paper, shown
from tests.support.issued import group_paper
from tests.support.uploads import decided, lines_of, upload
from verifier.contract.reasons import Reason
from verifier.contract.vocabulary import Outcome

persons = count(20_000)


def test_an_offline_pass_is_stored_and_holds_its_person(house: Centre) -> None:
    """Whoever passed offline does not pass again online within the window."""
    person = next(persons)
    record = decided(shown(person))
    (result,) = upload(house, record)
    assert result == {"scan_id": record["scan_id"], "stored": True, "code": "stored"}
    assert house.scan(shown(person)).body["reason"] == Reason.USE_REPLAYED
    assert upload(house, record)[0]["code"] == "known"


def test_a_scan_older_than_the_window_claims_nothing(house: Centre) -> None:
    """The person may pass again."""
    person = next(persons)
    text = paper(person)
    assert upload(house, decided(text, at=time.time() - 900))[0]["code"] == "stored"
    assert house.scan(text).body["decision"] == Outcome.PASS


def test_double_use_is_an_incident_and_the_past_stays(house: Centre) -> None:
    """Both records stand; the line says what was found."""
    person = next(persons)
    assert house.scan(shown(person)).body["decision"] == Outcome.PASS
    record = decided(shown(person, ago=20), at=time.time() - 20)
    (result,) = upload(house, record)
    assert (result["code"], result["incident"]) == ("stored", "double_use")

    def line() -> Any:
        found = lines_of(house, record["scan_id"])
        return found[0] if found else None

    found = eventually("the record can be read", line)
    assert found["decision"] == Outcome.PASS
    assert found["incident"] == "double_use"
    assert found["offline"]
    assert upload(house, record)[0]["incident"] == "double_use"


def test_a_pass_that_does_not_verify_is_an_incident(house: Centre) -> None:
    """A terminal that lets in what no signature covers."""
    text = paper(next(persons))
    altered = text[:-3] + ("AAA" if not text.endswith("AAA") else "BBB")
    (result,) = upload(house, decided(altered))
    assert (result["stored"], result["incident"]) == (True, "unverified")
    assert upload(house, decided(altered, "deny"))[0].get("incident") is None


def test_a_pass_that_the_centre_had_denied_is_a_contradiction(house: Centre) -> None:
    """The online answer came too late, and was another one."""
    scan_id, text = new_scan_id(), shown(next(persons), ago=90)
    assert house.scan(text, scan_id=scan_id).body["reason"] == Reason.PROOF_STALE
    (result,) = upload(house, decided(text, scan_id=scan_id, at=time.time() - 90))
    assert (result["code"], result["incident"]) == ("stored", "contradiction")


@pytest.mark.parametrize("case", ["a stale proof", "a kind not asked for"])
def test_a_pass_of_what_no_gate_may_pass_is_a_contradiction(house: Centre, case: str) -> None:
    """The signatures hold, the claim is free, and the terminal should have said no."""
    text = shown(next(persons), ago=900)
    if case == "a kind not asked for":
        text = group_paper(next(persons), bytes(8), 2)
    assert house.scan(text).body["decision"] == Outcome.DENY
    (result,) = upload(house, decided(text))
    assert (result["code"], result["incident"]) == ("stored", "contradiction")
    assert "incident" not in upload(house, decided(text, "deny"))[0]


def test_a_scan_of_a_terminal_that_knew_no_time_is_stored(house: Centre) -> None:
    """It thought it was 1970; whoever passed is held from the upload on."""
    person = next(persons)
    record = decided(shown(person), at=12.5, clock_unsure=True, scan_id=new_scan_id(at=12.5))
    assert upload(house, record)[0]["code"] == "stored"
    assert house.scan(shown(person)).body["reason"] == Reason.USE_REPLAYED
    assert upload(house, record)[0]["code"] == "known"


def test_a_late_answer_gives_back_what_was_not_used(house: Centre) -> None:
    """The terminal's final decision wins; a retry of the scan is told that it was annulled."""
    person, scan_id = next(persons), new_scan_id()
    text = shown(person)
    assert house.scan(text, scan_id=scan_id).body["decision"] == Outcome.PASS
    assert upload(house, decided(text, "deny", scan_id=scan_id))[0]["code"] == "stored"
    assert house.scan(text, scan_id=scan_id).body["reason"] == Reason.USE_ANNULLED
    assert house.scan(shown(person)).body["decision"] == Outcome.PASS
    finals = eventually(
        "both records can be read",
        lambda: len(found := lines_of(house, scan_id)) == 2 and found,
    )
    assert [line["decision"] for line in finals] == [Outcome.PASS, Outcome.DENY]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"scan_id": "nonsense"}, "malformed"),
        ({"scan_id": new_scan_id("t-2")}, "conflict"),
    ],
)
def test_what_can_never_be_stored_is_said_once_for_all(
    house: Centre, changes: dict[str, Any], code: str
) -> None:
    """The others of the batch are stored all the same, and answered in order."""
    good = [decided(paper(next(persons))) for _ in range(2)]
    bad = decided(paper(next(persons))) | changes
    results = upload(house, good[0], bad, good[1])
    assert [result["code"] for result in results] == ["stored", code, "stored"]
    assert [result["stored"] for result in results] == [True, False, True]
    assert [r["scan_id"] for r in results] == [r["scan_id"] for r in (good[0], bad, good[1])]


def test_another_text_under_a_known_scan_id_is_a_conflict(house: Centre) -> None:
    """The first one counts."""
    scan_id = new_scan_id()
    upload(house, decided(paper(next(persons)), scan_id=scan_id))
    (result,) = upload(house, decided(paper(next(persons)), scan_id=scan_id))
    assert (result["stored"], result["code"]) == (False, "conflict")


def test_bounds_of_an_upload(house: Centre) -> None:
    """1 to 100 records."""
    for records in ([], [decided("CC1:A")] * 101):
        refused = house.ask("POST", "/v1/scans/upload", {"records": records})
        assert (refused.status, refused.body["field"]) == (400, "$.records")
    results = upload(house, *(decided(paper(next(persons))) for _ in range(100)))
    assert {result["code"] for result in results} == {"stored"}


def test_records_are_paged_without_gaps_or_repeats(house: Centre) -> None:
    """Small pages give what one large page gives."""
    start = int(time.time() * 1000)
    ids = [new_scan_id() for _ in range(30)]
    for scan_id in ids:
        house.scan(paper(next(persons)), scan_id=scan_id)

    def walk() -> list[str]:
        cursor = str(start)
        found: list[str] = []
        while True:
            page = house.ask("GET", f"/v1/records?after={cursor}&limit=7", key=ADMIN_KEY).body
            if not page["records"]:
                return found
            assert int(page["cursor"]) > int(cursor)
            cursor = page["cursor"]
            found += [line["scan_id"] for line in page["records"]]

    found = eventually("all records can be read", lambda: len(f := walk()) >= 30 and f)
    assert found == ids


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "limit=x", "after=-1", "other=1", "after=1&&", "limit"]
)
def test_a_wrong_query_is_refused(house: Centre, query: str) -> None:
    """By one code."""
    refused = house.ask("GET", f"/v1/records?{query}", key=ADMIN_KEY)
    assert (refused.status, refused.body["code"]) == (400, "query.bad")


def test_records_need_their_scope(house: Centre) -> None:
    """A key that scans does not read."""
    refused = house.ask("GET", "/v1/records")
    assert (refused.status, refused.body["code"]) == (403, "scope.missing")


@pytest.mark.parametrize("decision", ["pass", "deny"])
def test_what_the_centre_decided_is_sent_again_and_nothing_is_amended(
    house: Centre, decision: str
) -> None:
    """After a failover a terminal sends all that it still has; most of it is known."""
    person, scan_id = next(persons), new_scan_id()
    text = shown(person, ago=0 if decision == "pass" else 900)
    assert house.scan(text, scan_id=scan_id).body["decision"] == decision
    record = decided(text, decision, scan_id=scan_id) | {"online": True}
    for _ in range(2):
        (result,) = upload(house, record)
        assert (result["code"], result.get("incident")) == ("known", None)
    repeated = house.scan(text, scan_id=scan_id).body
    assert (repeated["decision"], repeated.get("reason")) == (
        decision,
        None if decision == "pass" else Reason.PROOF_STALE,
    )
    (line,) = eventually("it can be read", lambda: lines_of(house, scan_id))
    assert not line["offline"]


def test_what_the_centre_never_decided_is_the_terminals_own(house: Centre) -> None:
    """An incident: also where a failover made the centre forget, nobody can know it."""
    person = next(persons)
    record = decided(shown(person)) | {"online": True}
    (result,) = upload(house, record)
    assert (result["code"], result.get("incident")) == ("stored", "contradiction")
    assert house.scan(shown(person)).body["reason"] == Reason.USE_REPLAYED
    (line,) = eventually("it can be read", lambda: lines_of(house, record["scan_id"]))
    assert line["offline"]
    assert line["incident"] == "contradiction"
    (again,) = upload(house, record)
    assert (again["code"], again.get("incident")) == ("known", "contradiction")


def test_a_pass_that_the_centre_had_refused_is_no_decision_of_the_centre(house: Centre) -> None:
    """Whatever the terminal says of who decided."""
    scan_id, text = new_scan_id(), shown(next(persons), ago=900)
    assert house.scan(text, scan_id=scan_id).body["reason"] == Reason.PROOF_STALE
    (result,) = upload(house, decided(text, scan_id=scan_id) | {"online": True})
    assert (result["code"], result.get("incident")) == ("stored", "contradiction")


def test_a_terminal_without_a_clock_uses_nobody_up_with_an_old_code(house: Centre) -> None:
    """Whenever it was: a proof is shown while it is fresh, and its use counts from there."""
    person = next(persons)
    record = decided(shown(person, ago=700)) | {"clock_unsure": True}
    assert upload(house, record)[0]["code"] == "stored"
    assert house.scan(shown(person)).body["decision"] == Outcome.PASS


@pytest.mark.parametrize("ago", [90, 900])
def test_a_refuted_pass_takes_no_use(house: Centre, ago: int) -> None:
    """A terminal that kept a code cannot use its person up."""
    person = next(persons)
    (result,) = upload(house, decided(shown(person, ago=ago)))
    assert (result["code"], result["incident"]) == ("stored", "contradiction")
    assert house.scan(shown(person)).body["decision"] == Outcome.PASS
