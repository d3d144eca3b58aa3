"""Planes, sources and terminals as they are judged, from answers as doors give them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from deploy.status.answers import Answers, Heard
from deploy.status.planes import planes, sources, terminals
from deploy.status.report import WRONG, HouseReport, Level, ReportRow

NOW = 1_800_000_000.0
SOURCE: Mapping[str, Any] = {
    "source": "clinic", "state": "active", "freshness": "fresh", "age": 10, "stale_after": 900,
    "sequence": 3, "refused": {}, "breaker": "closed", "required": [],
}  # fmt: skip
TERMINAL: Mapping[str, Any] = {
    "terminal": "hall-1", "state": "active", "presence": "online", "last_seen": NOW * 1000,
    "beat": {"outbox": 0, "clock": "ok"}, "reported": {"bundles": {"trust": 7}}, "incidents": [],
}  # fmt: skip


def answers(
    *,
    known: Mapping[str, Mapping[str, int]] | None = None,
    source: Mapping[str, Any] | None = None,
    terminal: Mapping[str, Any] | None = None,
    head: int = 7,
) -> Answers:
    """Return what doors say, all well but for what is given."""
    good = 200
    said: dict[str, Mapping[str, int]] = {"issuing": {}, **(known or {})}
    processes = {name: Heard(status=good, body={"known": body}) for name, body in said.items()}
    return Answers(
        processes=processes,
        sources=Heard(status=good, body={"sources": [{**SOURCE, **(source or {})}]}),
        terminals=Heard(status=good, body={"terminals": [{**TERMINAL, **(terminal or {})}]}),
        heads=Heard(status=good, body={"bundles": [{"name": "trust", "version": head}]}),
        store=Heard(),
    )


def marked(rows: "tuple[ReportRow, ...] | list[ReportRow]") -> list[tuple[str, Level]]:
    """Return code and level of the rows that are not fine."""
    return [(row.code, row.level) for row in rows if row.level is not Level.FINE]


def test_a_worker_that_is_behind_is_named() -> None:
    """By more than what is on its way; one that is a version behind is not."""
    name = "status-1-health"
    known = {
        "issuing": {name: 20},
        "worker-0": {name: 20, f"{name}.age": 3},
        "worker-1": {name: 9, f"{name}.age": 90},
        "worker-2": {name: 19, f"{name}.age": 4},
    }
    rows = list(planes(answers(known=known)).rows)
    assert marked(rows) == [("plane.behind", Level.WARNING)]
    assert "worker-1" in rows[1].said


def test_a_plane_that_no_worker_knows_is_a_problem() -> None:
    """Issuing publishes it; no worker has it."""
    rows = planes(answers(known={"issuing": {"status-1-test": 4}, "worker-0": {}})).rows
    assert marked(list(rows)) == [("plane.unknown", Level.PROBLEM)]


@pytest.mark.parametrize(
    ("change", "code", "level"),
    [
        ({"freshness": "stale", "required": ["health"]}, "source.stale", Level.WARNING),
        ({"freshness": "stale"}, "", Level.NOTE),
        ({"freshness": "never", "age": None}, "", Level.NOTE),
        ({"state": "suspended", "freshness": "stale"}, "source.suspended", Level.NOTE),
        ({"refused": {"signature": 3}}, "", Level.NOTE),
    ],
)
def test_how_a_source_is_judged(change: Mapping[str, Any], code: str, level: Level) -> None:
    """Stale is wrong where a plane needs it; what somebody decided, or what is young, is not."""
    assert marked(list(sources(answers(source=change)).rows)) == [(code, level)]
    assert marked(list(sources(answers()).rows)) == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"presence": "offline"}, "terminal.offline"),
        ({"beat": {"outbox": 500, "clock": "ok"}}, "terminal.waiting"),
        ({"beat": {"outbox": 0, "clock": "unsure"}}, "terminal.clock"),
        ({"incidents": [{"kind": "identity.two_machines"}]}, "terminal.incident"),
    ],
)
def test_how_a_terminal_is_judged(change: Mapping[str, Any], code: str) -> None:
    """From the fleet's words alone: it may stand anywhere."""
    rows = list(terminals(answers(terminal=change), NOW).rows)
    assert marked(rows) == [(code, Level.WARNING)]


def test_a_revoked_terminal_may_be_offline() -> None:
    """It is no fault of anything that a terminal which may not scan is away."""
    away = {"presence": "offline", "state": "revoked"}
    assert marked(list(terminals(answers(terminal=away), NOW).rows)) == [("", Level.NOTE)]


def test_problems_stand_before_warnings() -> None:
    """And a report without either is well."""
    section = planes(answers(known={"issuing": {"status-1-test": 4}, "worker-0": {}}))
    later = terminals(answers(terminal={"presence": "offline"}), NOW)
    report = HouseReport(data="x", answers=True, sections=(later, section))
    assert [row.level for row in report.wrong] == [Level.PROBLEM, Level.WARNING]
    assert not report.document()["well"]
    assert HouseReport(data="x", answers=True, sections=()).document()["well"]
    assert all(row.do for row in report.wrong if row.level in WRONG)


def own(**more: Any) -> Heard:
    """Return what a terminal says of itself, all well but for what is given."""
    body = {
        "terminal": "hall-1", "cut": False, "state": "online", "clock": {"sure": True},
        "outbox": {"waiting": 0}, "bundles": {"trust": 7}, "counters": {},
    }  # fmt: skip
    return Heard(status=200, body=body | more)


@pytest.mark.parametrize("presence", ["online", "degraded", "offline"])
def test_a_terminal_that_was_cut_off_by_hand_says_how_to_join_it(presence: str) -> None:
    """Whatever the fleet has seen of it so far: that is the cause."""
    said = answers(terminal={"presence": presence})
    said = replace(said, processes={**said.processes, "hall-1": own(cut=True)})
    (row,) = [row for row in terminals(said, NOW).rows if row.level in WRONG]
    assert "cut off by hand" in row.said
    assert "kapok terminal join hall-1" in str(row.do)


def test_records_that_the_centre_refused_are_a_row() -> None:
    """By the terminal itself, and by its heartbeat where it cannot be asked."""
    counters = {"outbox.refused": 4, "outbox.missing": 2}
    beat = {"outbox": 0, "clock": "ok", "counters": counters}
    rows = terminals(answers(terminal={"beat": beat}), NOW).rows
    assert [row.said.split()[0:4] for row in rows if row.level in WRONG] == [
        ["the", "centre", "refused", "4"],
        ["its", "disk", "lost", "up"],
    ]
    said = answers()
    said = replace(said, processes={**said.processes, "hall-1": own(counters=counters)})
    found = [row.code for row in terminals(said, NOW).rows if row.level in WRONG]
    assert found == ["terminal.refused", "terminal.missing"]
