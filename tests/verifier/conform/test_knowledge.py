"""What a line states of the gate: what does not hold is named, and what holds is asked."""

import json
from typing import Any

import pytest

from tests.support.vectors import FOLDER, load
from verifier.conform.codes import conform_line

VECTOR = load(FOLDER / "accept" / "code-an-appointment-now.json")
LINE = {key: VECTOR[key] for key in VECTOR if key not in ("why", "expect")}
PLANE = LINE["status"][0]


def ask(**changes: Any) -> Any:
    """Ask the line with some of its members changed."""
    return json.loads(conform_line(json.dumps(LINE | changes).encode(), lambda _: None))


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"trust": {"exp": "never"}}, "trust.malformed"),
        ({"trust": []}, "trust.malformed"),
        ({"status": [PLANE | {"values": {"4096": 1}}]}, "status.malformed"),
        ({"status": [PLANE | {"values": {"x": 1}}]}, "status.malformed"),
        ({"status": [PLANE | {"values": {"-1": 1}}]}, "status.malformed"),
        ({"status": [PLANE | {"values": {"0": 2}}]}, "status.malformed"),
        ({"status": [PLANE | {"fill": 2}]}, "status.malformed"),
        ({"status": [PLANE | {"size": 1 << 30}]}, "status.malformed"),
        ({"status": [PLANE | {"plane": "weather"}]}, "status.malformed"),
        ({"status": [PLANE] * 65}, "status.malformed"),
        ({"rosters": 7}, "rosters.malformed"),
        ({"rosters": [{"group": "zz"}]}, "rosters.malformed"),
        ({"appointments": {"exp": 1, "entries": [[1, 2]]}}, "appointments.malformed"),
        ({"clock": {"sure": "yes"}}, "clock.malformed"),
        ({"clock": {"uncertainty": -1}}, "clock.malformed"),
        ({"grant": {"direction": "up"}}, "grant.malformed"),
        ({"keys": [LINE["keys"][0] | {"lists": "1"}]}, "keys.malformed"),
    ],
)
def test_a_member_that_does_not_hold_spoils_the_line(changes: dict[str, Any], fault: str) -> None:
    """By its own fault."""
    assert ask(**changes)["error"] == fault


@pytest.mark.parametrize(
    ("changes", "outcome", "reason"),
    [
        ({}, "pass", None),
        ({"status": []}, "deny", "status.unknown"),
        ({"appointments": {"exp": 2_000_000_000, "entries": []}}, "deny", "place.appointment"),
        ({"clock": {"sure": False}}, "deny", "clock.unsure"),
        ({"profile": None}, "deny", "place.unknown"),
        ({"grant": None}, "deny", "place.unknown"),
        ({"trust": {"sectors_enabled": []}}, "deny", "sector.disabled"),
        ({"keys": [LINE["keys"][0] | {"issuer": "440101"}]}, "deny", "trust.wrong_issuer"),
        ({"keys": [LINE["keys"][0] | {"exp": 1_600_000_000}]}, "deny", "trust.key_expired"),
        ({"keys": [LINE["keys"][0] | {"uses": ["status"]}]}, "deny", "trust.wrong_use"),
    ],
)
def test_what_is_stated_is_asked(changes: dict[str, Any], outcome: str, reason: str | None) -> None:
    """Each member decides alone."""
    found = ask(**changes)
    assert (found.get("outcome"), found.get("reason")) == (outcome, reason)


def test_values_stand_where_the_line_says() -> None:
    """Around every border of a byte, in planes of one and of two bits."""
    person, credential = 77, 501
    for at in range(person - 4, person + 5):
        health = LINE["status"][1] | {"fill": 1, "values": {str(at): 3}}
        denied = ask(status=[PLANE, health])["reason"] == "status.red"
        assert denied is (at == person)
    for at in range(credential - 9, credential + 10):
        revoked = PLANE | {"values": {str(at): 1}}
        denied = ask(status=[revoked, LINE["status"][1]])["reason"] == "status.revoked"
        assert denied is (at == credential)
