"""POST /v1/scans/{scan_id}/annul: what a scan claimed comes back, once, to the same caller."""

import time
from itertools import count

import pytest

from tests.support.centre import ADMIN_KEY, ONCE, Centre, centre, eventually, new_scan_id, shown
from tests.support.stored import aged
from tests.support.uploads import decided, lines_of, upload
from tests.support.verifier_process import Answer
from verifier.contract.reasons import Reason
from verifier.contract.scan import scan_id_bytes
from verifier.contract.vocabulary import Outcome

persons = count(50_000)


def annul(house: Centre, scan_id: str, **given: object) -> Answer:
    """Ask for it."""
    return house.ask("POST", f"/v1/scans/{scan_id}/annul", **given)


def test_an_annulled_pass_frees_its_person(house: Centre) -> None:
    """Asked twice the answer is the same; the scan itself stays annulled, its person passes."""
    person, scan_id = next(persons), new_scan_id()
    text = shown(person)
    assert house.scan(text, scan_id=scan_id).body["decision"] == Outcome.PASS
    assert house.scan(shown(person)).body["reason"] == Reason.USE_REPLAYED
    first, second = annul(house, scan_id), annul(house, scan_id)
    assert first.status == second.status == 200
    assert first.body == second.body == {"scan_id": scan_id, "annulled": True}
    retry = house.scan(text, scan_id=scan_id).body
    assert (retry["decision"], retry["reason"]) == (Outcome.DENY, Reason.USE_ANNULLED)
    assert house.scan(shown(person)).body["decision"] == Outcome.PASS
    assert annul(house, scan_id).status == 200
    assert house.scan(shown(person)).body["reason"] == Reason.USE_REPLAYED


def test_an_annulment_stands_in_the_records(house: Centre) -> None:
    """The first line stays; a second one says who annulled."""
    scan_id = new_scan_id()
    house.scan(shown(next(persons)), scan_id=scan_id)
    annul(house, scan_id)
    first, second = eventually(
        "both lines", lambda: (found := lines_of(house, scan_id)) and len(found) == 2 and found
    )
    assert "amendment" not in first
    assert (second["amendment"]["kind"], second["amendment"]["by"]) == ("annulled", "test")


def test_a_denied_scan_is_annulled_without_giving_back(house: Centre) -> None:
    """What another scan holds is not touched."""
    person, denied = next(persons), new_scan_id()
    house.scan(shown(person))
    assert house.scan(shown(person), scan_id=denied).body["reason"] == Reason.USE_REPLAYED
    assert annul(house, denied).status == 200
    assert house.scan(shown(person)).body["reason"] == Reason.USE_REPLAYED


def test_an_uploaded_pass_is_annulled_too(house: Centre) -> None:
    """Until 15 minutes after the scan, not after its upload."""
    person = next(persons)
    record = decided(shown(person))
    upload(house, record)
    assert annul(house, record["scan_id"]).status == 200
    assert house.scan(shown(person)).body["decision"] == Outcome.PASS
    old = decided(shown(next(persons)), at=time.time() - 901)
    upload(house, old)
    late = annul(house, old["scan_id"])
    assert (late.status, late.body["code"]) == (409, "scan.late")


@pytest.mark.parametrize("said", ["pass", "deny"])
def test_an_upload_lengthens_no_time_of_annulling(house: Centre, said: str) -> None:
    """A terminal amends an old answer with a time of now, and annuls: too late all the same."""
    person, scan_id = next(persons), new_scan_id()
    text = shown(person)
    assert house.scan(text, scan_id=scan_id).body["decision"] == Outcome.PASS
    with house.redis.client() as store:
        aged(store, scan_id_bytes(scan_id), ms=16 * 60_000)
    (stored,) = upload(house, decided(text, said, scan_id=scan_id))
    assert stored["code"] == "stored"
    late = annul(house, scan_id)
    assert (late.status, late.body["code"]) == (409, "scan.late")
    assert house.scan(shown(person)).body["reason"] == Reason.USE_REPLAYED


def test_an_upload_that_agrees_is_annulled_in_time(house: Centre) -> None:
    """The answer came too late, the terminal passed alone, and the turnstile did not turn."""
    person, scan_id = next(persons), new_scan_id()
    text = shown(person)
    assert house.scan(text, scan_id=scan_id).body["decision"] == Outcome.PASS
    upload(house, decided(text, scan_id=scan_id))
    assert annul(house, scan_id).status == 200
    assert house.scan(shown(person)).body["decision"] == Outcome.PASS


@pytest.mark.parametrize(
    ("scan_id", "status", "code"),
    [
        (new_scan_id(), 404, "scan.unknown"),
        (new_scan_id("t-2"), 409, "scan.conflict"),
        ("nonsense", 400, "body.field"),
    ],
)
def test_what_is_not_the_callers_is_refused(
    house: Centre, scan_id: str, status: int, code: str
) -> None:
    """Unknown, another's, and no scan_id at all."""
    refused = annul(house, scan_id)
    assert (refused.status, refused.body["code"]) == (status, code)


def test_only_whoever_may_scan_annuls(house: Centre) -> None:
    """And a body is not asked for."""
    scan_id = new_scan_id()
    house.scan(shown(next(persons)), scan_id=scan_id)
    assert annul(house, scan_id, key=ADMIN_KEY).body["code"] == "scope.missing"
    assert annul(house, scan_id, body={"x": 1}).body["code"] == "body.unasked"
    assert house.ask("GET", f"/v1/scans/{scan_id}/annul").status == 405


def test_places_in_a_room_are_counted_back_once() -> None:
    """Two may be inside; the annulled one was not."""
    use = {"scope": "place", "once_for": 600, "capacity": 2}
    with centre((dict(ONCE) | {"use": use},)) as house:
        worker = house.worker()
        ids = [new_scan_id() for _ in range(2)]
        for scan_id in ids:
            assert house.scan(shown(next(persons)), scan_id=scan_id).body["decision"] == "pass"
        assert house.scan(shown(next(persons))).body["reason"] == Reason.USE_FULL
        for _ in range(3):
            assert annul(house, ids[0]).status == 200
        assert house.scan(shown(next(persons))).body["decision"] == Outcome.PASS
        assert house.scan(shown(next(persons))).body["reason"] == Reason.USE_FULL
        text = house.ask("GET", "/metrics", key=None).body.decode()
        assert 'verifier_annulments_total{worker="worker-0"} 1.0' in text
        house.redis.kill()
        away = annul(house, ids[1])
        assert (away.status, away.body["code"]) == (503, "store.unavailable")
        house.redis.start()
        worker.await_ready()
        assert annul(house, ids[1]).status == 200
