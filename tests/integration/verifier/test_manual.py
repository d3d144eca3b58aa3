"""POST /v1/scans/manual: a visitor without a code is counted, recorded, and takes a place."""

import json
from itertools import count
from typing import Any

from tests.support.centre import (
    ADMIN_KEY,
    ONCE,
    TERMINAL,
    Centre,
    centre,
    eventually,
    new_scan_id,
    shown,
)
from tests.support.operators import operator_token
from tests.support.uploads import lines_of
from tests.support.verifier_process import Answer
from verifier.contract.reasons import Reason
from verifier.contract.vocabulary import Direction, Outcome

persons = count(55_000)


def admit(house: Centre, scan_id: str | None = None, **more: Any) -> Answer:
    """Admit a visitor."""
    given = {name: more.pop(name) for name in ("key",) if name in more}
    body = {"scan_id": scan_id or new_scan_id()} | more
    return house.ask("POST", "/v1/scans/manual", body, **given)


def admitted(house: Centre, place: str = "metro-1") -> float:
    """Read how many were admitted at a place."""
    text = house.ask("GET", "/metrics", key=None).body.decode()
    name = f'verifier_manual_total{{place="{place}",worker="worker-0"}}'
    return sum(float(row.split()[-1]) for row in text.splitlines() if row.startswith(name))


def test_a_visitor_is_counted_once_and_recorded_without_a_name(house: Centre) -> None:
    """A retry gets the same answer and counts nobody."""
    scan_id, before = new_scan_id(), admitted(house)
    first, again = admit(house, scan_id, place="metro-1", gate="a"), admit(house, scan_id)
    assert first.status == again.status == 200
    assert first.body == again.body
    assert (first.body["decision"], first.body["recorded"]) == (Outcome.PASS, True)
    assert admitted(house) == before + 1
    line = eventually("the record", lambda: lines_of(house, scan_id))[0]
    assert line["manual"]
    assert line["decision"] == Outcome.PASS
    assert "format" not in line
    house.scan(shown(next(persons)), scan_id=(coded := new_scan_id()))
    assert "manual" not in eventually("the record", lambda: lines_of(house, coded))[0]


def test_a_scan_id_is_for_one_thing(house: Centre) -> None:
    """A code under a visitor's scan_id is a conflict, and the reverse."""
    scan_id, other = new_scan_id(), new_scan_id()
    admit(house, scan_id)
    house.scan(shown(next(persons)), scan_id=other)
    assert house.scan(shown(next(persons)), scan_id=scan_id).body["code"] == "scan.conflict"
    assert admit(house, other).body["code"] == "scan.conflict"


def test_what_does_not_hold_is_refused(house: Centre) -> None:
    """Scope, place, scan_id, fields."""
    assert admit(house, key=ADMIN_KEY).body["code"] == "scope.missing"
    assert admit(house, place="hall-1").body["code"] == "grant.place"
    assert admit(house, new_scan_id("t-2")).body["code"] == "scan.conflict"
    assert admit(house, "x").body["field"] == "$.scan_id"
    assert admit(house, name="Wang").body["code"] == "body.field"


def test_visitors_take_and_give_back_places() -> None:
    """With or without a code, three may be inside; a visitor who leaves gives a place back."""
    use = {"scope": "place", "once_for": 600, "capacity": 3}
    with centre((dict(ONCE) | {"use": use},)) as house:
        house.worker()
        visitor = new_scan_id()
        assert admit(house, visitor).body["decision"] == Outcome.PASS
        assert house.scan(shown(next(persons))).body["decision"] == Outcome.PASS
        assert admit(house).body["decision"] == Outcome.PASS
        full = admit(house).body
        assert (full["decision"], full["reason"]) == (Outcome.DENY, Reason.USE_FULL)
        assert house.scan(shown(next(persons))).body["reason"] == Reason.USE_FULL
        assert admitted(house) == 2
        assert house.ask("POST", f"/v1/scans/{visitor}/annul").status == 200
        assert admit(house).body["decision"] == Outcome.PASS
        house.grant(direction=Direction.OUT)
        eventually(
            "the grant is followed",
            lambda: house.scan(shown(next(persons))).body["decision"] == Outcome.PASS,
        )
        assert admit(house).body["decision"] == Outcome.PASS


def test_a_place_without_a_profile_admits_nobody(house: Centre) -> None:
    """It is denied, as its codes are."""
    house.grant(place="unknown-1")
    found = eventually(
        "the grant is followed",
        lambda: (answer := admit(house).body)["decision"] == Outcome.DENY and answer,
    )
    house.grant()
    eventually("the old grant", lambda: admit(house).body["decision"] == Outcome.PASS)
    assert found["reason"] == Reason.PLACE_UNKNOWN


def test_an_operator_admits_at_a_terminal_of_the_area(house: Centre) -> None:
    """The scan_id names the terminal; the audit log names the person, before the answer."""
    log = house.folder / "audit" / "worker-0.ndjson"
    scan_id, before = new_scan_id(), admitted(house)
    answer = admit(house, scan_id, key=operator_token("ling", "operator", district="liwan"))
    assert (answer.status, answer.body["decision"]) == (200, Outcome.PASS)
    assert admitted(house) == before + 1
    entry = json.loads(log.read_bytes().splitlines()[-1])
    assert (entry["action"], entry["person"], entry["ref"]) == ("visitor.admit", "ling", scan_id)
    assert entry["subject"] == f"terminal:{TERMINAL}"


def test_the_same_admission_again_fills_no_log(house: Centre) -> None:
    """It admits nobody more; the log has the first, that it came again, and later how often."""
    log = house.folder / "audit" / "worker-0.ndjson"
    scan_id, before = new_scan_id(), admitted(house)
    lines = len(log.read_bytes().splitlines())
    token = operator_token("mei", "operator")
    for _ in range(50):
        assert admit(house, scan_id, key=token).body["decision"] == Outcome.PASS
    assert admitted(house) == before + 1
    noted = [json.loads(line) for line in log.read_bytes().splitlines()[lines:]]
    assert len(noted) <= 3
    assert [(it["action"], it["reason"]) for it in noted[:2]] == [
        ("visitor.admit", ""),
        ("refused", "repeated"),
    ]


def test_an_operator_admits_nowhere_else(house: Centre) -> None:
    """Another district, a role that does not, no such terminal, no scan_id; nothing is logged."""
    log = house.folder / "audit" / "worker-0.ndjson"
    before = log.read_bytes()
    for key, scan_id, code in (
        (operator_token(district="yuexiu"), new_scan_id(), "operator.area"),
        (operator_token("wen", "viewer"), new_scan_id(), "scope.missing"),
        (operator_token(), new_scan_id("t-77"), "terminal.unknown"),
        (operator_token(), "x", "body.field"),
    ):
        assert admit(house, scan_id, key=key).body["code"] == code
    assert log.read_bytes() == before
