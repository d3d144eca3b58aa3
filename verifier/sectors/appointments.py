"""Appointments by place: who is expected when, and the rule that a gate holds a person against.

A person is let in from `early` before an appointment begins until `late` after it ends. Gates that
lead out ask for none. What is not known of a place (no bundle, or one past its `exp`) is not said
here: that is doubt, and the caller's. Document: docs/bundles.md, "Appointments".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from verifier.contract.bundle import Appointment, AppointmentsDocument
from verifier.contract.errors import MalformedError

MAX_GRACE_MINUTES: Final = 240
"""Minutes that a place may let people in early or late; bundles hold appointments as long."""

Span = tuple[int, int]
"""From and to, Unix seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceAppointments:
    """The appointments at a place, by (list, person index)."""

    place: str
    expires: int
    """Unix seconds; what begins later is not in it, so after it nothing is known."""
    spans: Mapping[tuple[int, int], tuple[Span, ...]]

    def expects(
        self, list_number: int, person: int, now: float, *, early: float, late: float
    ) -> bool:
        """Say whether a person of list `list_number` has an appointment around now; seconds."""
        spans = self.spans.get((list_number, person), ())
        return any(begins - early <= now <= ends + late for begins, ends in spans)


def open_appointments(document: AppointmentsDocument) -> PlaceAppointments:
    """Make a place's appointments ready for lookups.

    Raises:
        MalformedError: not strictly ascending, or one that ends before it has begun.
    """
    before: Appointment | None = None
    spans: dict[tuple[int, int], tuple[Span, ...]] = {}
    for entry in document.entries:
        if before is not None and row(before) >= row(entry):
            raise MalformedError("appointments out of order")
        if entry.begins >= entry.ends:
            raise MalformedError("an appointment that ends before it begins")
        who = (entry.list, entry.person)
        spans[who] = (*spans.get(who, ()), (entry.begins, entry.ends))
        before = entry
    return PlaceAppointments(place=document.place, expires=document.exp, spans=spans)


def row(entry: Appointment) -> tuple[int, int, int, int]:
    """Return an appointment as it is ordered."""
    return (entry.list, entry.person, entry.begins, entry.ends)
