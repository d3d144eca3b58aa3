"""Booking and cancelling at the door of the issuing process; what the worker then lets in."""

import time
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from tests.support.centre import ADMIN_KEY, BOOKING_KEY, eventually
from tests.support.issuing_house import BY_APPOINTMENT, IssuingHouse, issuing_house
from verifier.contract.reasons import Reason
from verifier.service.issuing.bundles.bookings import MAX_AHEAD_S, MAX_BOOKED, MAX_SPAN_S

ids = count(1)


@pytest.fixture(scope="module")
def house() -> Iterator[IssuingHouse]:
    """Run an issuing process and a worker; the place requires appointments."""
    with issuing_house(BY_APPOINTMENT) as it:
        yield it


def booking(
    person: int | None, begins: int = -60, ends: int = 600, **changes: Any
) -> dict[str, Any]:
    """Make a booking of seconds from now."""
    now = int(time.time())
    id_ = f"booking-{next(ids)}"
    return {"id": id_, "person": person, "from": now + begins, "to": now + ends} | changes


def becomes(house: IssuingHouse, text: str, *reasons: Reason | None) -> None:
    """Wait until the worker judges so."""
    eventually("the worker knows", lambda: house.reason_of(text) in reasons, within=10)


def test_whoever_is_booked_passes_and_nobody_else(house: IssuingHouse) -> None:
    """Before there was any booking everybody is refused, not in doubt; a cancellation holds."""
    issued, other = house.issue(holder=None), house.issue(holder=None)
    for code in (issued, other):
        becomes(house, code["text"], Reason.PLACE_APPOINTMENT)
    early = booking(issued["person"], 540, 1200)
    assert house.book(early).body["booked"] == 1
    becomes(house, issued["text"], None)
    assert house.reason_of(other["text"]) == Reason.PLACE_APPOINTMENT
    assert house.book(booking(other["person"], 700, 1200)).status == 200
    assert house.book(cancel=[early["id"]]).body["cancelled"] == 1
    becomes(house, issued["text"], Reason.PLACE_APPOINTMENT)
    assert house.reason_of(other["text"]) == Reason.PLACE_APPOINTMENT  # eleven minutes early


def test_a_person_is_booked_by_reference(house: IssuingHouse) -> None:
    """It is the same person; the reference is in no answer."""
    reference = "44010119880808888X"
    person = house.ask("/v1/persons", {"reference": reference}).body["person"]
    text = house.issue(holder=None, person=person)["text"]
    answer = house.book(booking(None, reference=reference))
    assert (answer.status, answer.body["booked"]) == (200, 1)
    becomes(house, text, None)
    unknown = house.book(booking(None, reference="nobody at all"))
    assert (unknown.status, unknown.body["code"]) == (404, "person.unknown")


def test_an_id_is_one_booking(house: IssuingHouse) -> None:
    """The same again changes nothing; another content, or one cancelled, is refused whole."""
    person = house.issue(holder=None)["person"]
    first, second = booking(person), booking(person, 900, 1800)
    assert house.book(first).body["booked"] == 1
    again = house.book(first, second)
    assert (again.body["booked"], again.body["known"]) == (1, 1)
    other = house.book(booking(person), first | {"to": first["to"] + 1})
    assert (other.status, other.body["code"]) == (409, "appointment.conflict")
    assert other.body["field"] == "$.book[1]"
    gone = house.book(cancel=[first["id"], "never-was"])
    assert (gone.body["cancelled"], gone.body["unknown"]) == (1, 1)
    assert house.book(cancel=[first["id"]]).body["unknown"] == 1
    assert house.book(first).body["code"] == "appointment.cancelled"


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"from": 100, "to": 100}, 400, "appointment.times"),
        ({"from": 100, "to": 99}, 400, "appointment.times"),
        ({"from": -100, "to": -1}, 400, "appointment.times"),
        ({"from": 0, "to": MAX_SPAN_S + 1}, 400, "appointment.times"),
        ({"from": MAX_AHEAD_S, "to": MAX_AHEAD_S + 60}, 400, "appointment.times"),
        ({"person": 65_535}, 404, "person.unknown"),
        ({"person": None}, 400, "body.field"),
        ({"reference": "4401011990"}, 400, "body.field"),
        ({"person": None, "reference": "x"}, 400, "reference.bad"),
        ({"id": "short"}, 400, "body.field"),
        ({"name": "李"}, 400, "body.field"),
    ],
)
def test_what_is_no_booking_is_refused_whole(
    house: IssuingHouse, changes: dict[str, Any], status: int, code: str
) -> None:
    """The good one beside it is not booked either."""
    person = house.issue(holder=None)["person"]
    good, now = booking(person), int(time.time())
    moved = {
        name: value + now if name in ("from", "to") else value for name, value in changes.items()
    }
    answer = house.book(good, booking(person) | moved)
    assert (answer.status, answer.body["code"]) == (status, code)
    assert house.book(good).body["booked"] == 1


def test_who_may_book_and_how_much(house: IssuingHouse) -> None:
    """A key with that scope, places that have a profile, a thousand a request."""
    person = house.issue(holder=None)["person"]
    one = booking(person)
    assert house.book(one, key=None).status == 401
    assert house.book(one, key=ADMIN_KEY).body["code"] == "scope.missing"
    body = {"place": "nowhere", "book": [one]}
    elsewhere = house.ask("/v1/appointments", body, key=BOOKING_KEY)
    assert (elsewhere.status, elsewhere.body["code"]) == (404, "place.unknown")
    many = [booking(person) for _ in range(MAX_BOOKED + 1)]
    assert house.book(*many).body["code"] == "body.field"
    assert house.book(*many[1:]).body["booked"] == MAX_BOOKED


def test_a_restart_forgets_no_booking(house: IssuingHouse) -> None:
    """They are read from the store; what was acknowledged before kill -9 is published after it."""
    issued = house.issue(holder=None)
    mine = booking(issued["person"])
    assert house.book(mine).status == 200
    house.issuing.kill()
    house.issuing.start()
    becomes(house, issued["text"], None)
    assert house.book(mine).body["known"] == 1
