"""One person's records, found by the days' keys in day files and in the store."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.archive_process import ArchiveHouse, archive_house, hour_now
from tests.support.day_files import write_hour
from tests.support.operators import operator_token
from tests.support.store_line import new_scan, record
from tests.support.verifier_process import ADMIN_KEY, Answer, ask, eventually
from verifier.archive.hours import HOURS, day_name, day_of
from verifier.contract.vocabulary import Outcome
from verifier.steps.use import person_hash

LING = {"reason": "own_request", "list": 1, "person": 4711}


@pytest.fixture(scope="module")
def house() -> Iterator[ArchiveHouse]:
    """Yield a running process whose folders hold records of two persons, old and new."""
    with archive_house() as it:
        now = hour_now()
        today = day_of(now)
        keys = {day: it.make_key(day).read_bytes() for day in (today - 9, today - 8, today - 1)}
        keys[today] = it.make_key(today).read_bytes()

        def of(person: int, day: int, **more: Any) -> Any:
            return record(new_scan(), person=person_hash(keys[day], f"1/{person}"), **more)

        old = (today - 8) * HOURS
        write_hour(it.records, old + 7, [of(4711, today - 8, at=1), of(9, today - 8, at=2)])
        # Judged before midnight and stored after it: under the key of the day before.
        write_hour(it.records, old, [of(4711, today - 9, at=3)])
        write_hour(it.records, (today - 20) * HOURS, [of(4711, today - 8, at=4)])  # its key is gone
        (it.records / "progress.json").unlink()
        denied = {"outcome": Outcome.DENY, "place": "hall-1"}
        closed, day = now - 1, day_of(now - 1)
        it.fill(closed, 2, of=[of(4711, day, at=5), of(9, day, at=6)])
        it.fill(now, 2, of=[of(9, today, at=7), of(4711, today, at=8, **denied)], tags=(60,))
        it.process.start()
        eventually("it has moved", lambda: (p := it.progress()) is not None and p.through == closed)
        yield it


def search(house: ArchiveHouse, key: str, **changes: Any) -> Answer:
    """Ask for a person's records."""
    return ask(house.process.port, "POST", "/v1/subjects/records", LING | changes, key=key)


def test_a_persons_records_are_found_wherever_they_are(house: ArchiveHouse) -> None:
    """In day files, under the day's key and the one before; in the store; nobody else's."""
    answer = search(house, operator_token("hao", "administrator"))
    assert answer.status == 200
    assert [row["at"] for row in answer.body["records"]] == [3, 1, 5, 8]
    assert answer.body["records"][-1] == {
        "at": 8, "place": "hall-1", "gate": "a", "direction": "in", "decision": "deny",
    }  # fmt: skip
    assert answer.body["more"] is False
    today = day_of(hour_now())
    assert answer.body["days_without_key"] == [day_name(today - 20)]
    assert {day_name(today - 8), day_name(today)} <= set(answer.body["days"])


def test_nobody_is_found_by_another_index_or_list(house: ArchiveHouse) -> None:
    """A hash says nothing of any other."""
    token = operator_token("hao", "administrator")
    for other in ({"person": 4712}, {"list": 2}):
        assert search(house, token, **other).body["records"] == []


def test_only_an_administrator_of_the_city_may_look(house: ArchiveHouse) -> None:
    """No key, no other role, no operator of a place; every look that was let in is written down."""
    refused = {
        ADMIN_KEY: (401, "key.unknown"),
        operator_token("ling", "operator", "approver"): (403, "scope.missing"),
        operator_token("ling", "administrator", place="hall-1"): (403, "operator.area"),
    }
    log = house.folder / "audit" / "archive.ndjson"
    before = len(log.read_text().splitlines())
    for key, (status, code) in refused.items():
        answer = search(house, key)
        assert (answer.status, answer.body["code"]) == (status, code)
    assert len(log.read_text().splitlines()) == before
    assert search(house, operator_token("hao", "administrator"), reason="complaint").status == 200
    entry = json.loads(log.read_text().splitlines()[-1])
    assert (entry["action"], entry["person"], entry["subject"], entry["reason"]) == (
        "person.show", "hao", "person:1:4711", "complaint",
    )  # fmt: skip


def test_a_question_that_makes_no_sense_is_refused(house: ArchiveHouse) -> None:
    """Another reason, a member too many; nothing of it comes back."""
    token = operator_token("hao", "administrator")
    for wrong in ({"reason": "curiosity"}, {"name": "李雷"}, {"person": -1}):
        answer = search(house, token, **wrong)
        assert answer.status == 400
        assert "李雷" not in str(answer.body)
