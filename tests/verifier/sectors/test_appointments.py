"""Appointments at a place: who is expected when, to the second, and what is no bundle of them."""

import pytest

from tests.support.publisher import DAY, NOW
from verifier.contract.bundle import (
    MAX_APPOINTMENTS,
    Appointment,
    AppointmentsDocument,
    read_document,
)
from verifier.contract.cbor import encode
from verifier.contract.errors import MalformedError
from verifier.sectors.appointments import PlaceAppointments, open_appointments


def of(*rows: tuple[int, int, int, int]) -> PlaceAppointments:
    """Open a place's appointments."""
    entries = tuple(
        Appointment(list=number, person=person, begins=begins, ends=ends)
        for number, person, begins, ends in rows
    )
    return open_appointments(
        AppointmentsDocument(
            type="appointments", version=1, iat=NOW, exp=NOW + DAY, place="hall-1", entries=entries
        )
    )


@pytest.mark.parametrize(
    ("now", "expected"),
    [(899, False), (900, True), (1000, True), (2000, True), (2060, True), (2060.5, False)],
)
def test_the_window_holds_at_its_edges(now: float, expected: bool) -> None:  # noqa: FBT001
    """From the first early second to the last late one."""
    assert of((1, 7, 1000, 2000)).expects(1, 7, now, early=100, late=60) is expected


def test_an_appointment_is_one_person_s() -> None:
    """Of one list, and each of a person's counts."""
    held = of((1, 7, 1000, 2000), (1, 7, 5000, 6000), (2, 8, 1000, 2000))
    assert held.expects(1, 7, 5500, early=0, late=0)
    assert not held.expects(1, 7, 3000, early=0, late=0)
    assert not held.expects(1, 8, 1500, early=0, late=0)
    assert not held.expects(2, 7, 1500, early=0, late=0)


@pytest.mark.parametrize(
    "rows",
    [
        ((1, 8, 0, 1), (1, 7, 0, 1)),
        ((2, 7, 0, 1), (1, 7, 0, 1)),
        ((1, 7, 5, 6), (1, 7, 0, 1)),
        ((1, 7, 0, 1), (1, 7, 0, 1)),
        ((1, 7, 1, 1),),
        ((1, 7, 2, 1),),
    ],
)
def test_what_is_out_of_order_is_malformed(rows: tuple[tuple[int, int, int, int], ...]) -> None:
    """One bundle can be written in one way, and nobody's time ends before it begins."""
    with pytest.raises(MalformedError):
        of(*rows)


@pytest.mark.parametrize(
    "entries",
    [
        [[1, 7, 0]],
        [[1, 7, 0, 1, 2]],
        [[1, 1 << 32, 0, 1]],
        [[1, 7, -1, 1]],
        [[1, "7", 0, 1]],
        [{"list": 1, "person": 7, "begins": 0, "ends": 1}],
        [[1, 7, 0, 1]] * (MAX_APPOINTMENTS + 1),
    ],
)
def test_entries_of_another_shape_are_malformed(entries: list[object]) -> None:
    """Four numbers each, within bounds, and no more of them than a place may have."""
    opening = {"type": "appointments", "version": 1, "iat": NOW, "exp": NOW + 1}
    payload = encode(opening | {"place": "hall-1", "entries": entries})
    with pytest.raises(MalformedError):
        read_document(payload, AppointmentsDocument, "appointments")
