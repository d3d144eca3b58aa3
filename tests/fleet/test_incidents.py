"""Incidents: one for each kind and terminal, counted."""

from fleet.contract.topics import TerminalId
from fleet.incidents import MAX_COUNT, IncidentKind, noted


def test_an_incident_is_counted() -> None:
    """The first time opens it, later ones count and move `last`, never back."""
    name = TerminalId("gate-a")
    first = noted(None, IncidentKind.FLAPPING, name, 10)
    assert (first.since, first.last, first.count) == (10, 10, 1)
    second = noted(first, IncidentKind.FLAPPING, name, 20)
    assert (second.since, second.last, second.count) == (10, 20, 2)
    assert noted(second, IncidentKind.FLAPPING, name, 15).last == 20


def test_counting_stops() -> None:
    """The count has a bound."""
    name = TerminalId("gate-a")
    incident = noted(None, IncidentKind.FLAPPING, name, 1)
    for _ in range(3):
        incident = type(incident)(
            kind=incident.kind, terminal=name, since=1, last=1, count=MAX_COUNT
        )
        incident = noted(incident, IncidentKind.FLAPPING, name, 1)
    assert incident.count == MAX_COUNT
