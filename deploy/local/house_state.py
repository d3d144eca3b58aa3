"""How the house stands, for the view: planes, sources, the archive, and what is wrong.

What is wrong is what `kapok status` finds, by the same code and in the same words. Doors are asked
every few seconds; what needs files read whole is looked at once a minute.
"""

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from deploy.local.house import Endpoints
from deploy.local.snapshot import FactRow, ProblemRow, Severity
from deploy.local.trust import LIST
from deploy.status.answers import Answers, ask_all
from deploy.status.look import FolderLook, look_at_files, report
from deploy.status.planes import moved_until, span
from deploy.status.report import HouseReport, Level, ReportRow
from deploy.words.phrase import Phrase
from runtime import clock
from verifier.contract.vocabulary import Plane

LOOK_S: Final = 3.0
"""Seconds between looks: a plane's age is a matter of seconds, nothing here of less."""
FILES_S: Final = 60.0
"""Seconds between looks at files while all is well there: audit logs are read whole."""
_PLANE: Final = f"status-{LIST}-"
_ASKED: Final = (Plane.HEALTH, Plane.REVOCATION)
_FRESH: Final = ("fresh", "never")


class HouseState:
    """What was found at the last look."""

    def __init__(self, data: Path, endpoints: Endpoints) -> None:
        self.facts: tuple[FactRow, ...] = ()
        self.problems: tuple[ProblemRow, ...] = ()
        self._data = data
        self._endpoints = endpoints
        self._next = 0.0
        self._files: FolderLook | None = None
        self._files_next = 0.0

    async def look(self) -> None:
        """Ask anew when it is time."""
        if time.monotonic() < self._next:
            return
        # As the children have it; who looks at the clock notices its steps.
        now = clock.now()
        if self._files is None or time.monotonic() >= self._files_next:
            self._files = await look_at_files(self._data, now)
            wait = FILES_S if self._files.fine else LOOK_S
            self._files_next = time.monotonic() + wait
        answers = await ask_all(self._data, self._endpoints)
        self.facts = facts(answers, now)
        # In a thread: of many terminals it is a quarter of a second.
        found = await asyncio.to_thread(report, self._data, answers, self._files, now)
        self.problems = problems(found)
        self._next = time.monotonic() + LOOK_S


def facts(answers: Answers, now: float) -> tuple[FactRow, ...]:
    """Say in a line each how planes, sources and archive stand; nothing of what did not answer."""
    found = (_planes(answers), _sources(answers), _archive(answers, now))
    return tuple(row for row in found if row is not None)


def problems(found: HouseReport) -> tuple[ProblemRow, ...]:
    """Return what is wrong, as the view shows it: what is found, and what to do."""
    return tuple(_problem(row) for row in found.wrong)


def _problem(row: ReportRow) -> ProblemRow:
    said = row.said
    if row.do is not None:
        said = Phrase("{wrong}: {advice}", wrong=row.said, advice=row.do)
    severity = Severity.DOWN if row.level is Level.PROBLEM else Severity.TROUBLED
    return ProblemRow(who=row.subject, sentence=said, severity=severity, code=row.code)


def _planes(answers: Answers) -> FactRow | None:
    workers = [
        heard.body.get("known", {})
        for name, heard in answers.processes.items()
        if name.startswith("worker-") and heard.good
    ]
    found = {name for known in workers for name in known if _is_plane(name)}
    # Those that every scan asks come first: the line is cut where the screen ends.
    names = sorted(found, key=lambda name: (name.removeprefix(_PLANE) not in _ASKED, name))
    said = [_plane(name, workers) for name in names]
    if not said:
        return None
    old = any(f"{name}.fed_age" in known for name in names for known in workers)
    return FactRow(subject=Phrase("planes"), said=Phrase.listed(said), troubled=old)


def _is_plane(name: str) -> bool:
    return name.startswith(_PLANE) and "." not in name


def _plane(name: str, workers: list[Mapping[str, int]]) -> Phrase:
    """Say a plane by the worker that knows least of it."""
    version = min(known.get(name, 0) for known in workers)
    age = max(known.get(f"{name}.age", 0) for known in workers)
    fed = max(known.get(f"{name}.fed_age", 0) for known in workers)
    ages = Phrase.listed(
        (
            Phrase("{span} old", span=span(age)),
            Phrase("fed {span} ago", span=span(fed)) if fed else "",
        )
    )
    return Phrase(
        "{name} {version} ({ages})", name=name.removeprefix(_PLANE), version=version, ages=ages
    )


def _sources(answers: Answers) -> FactRow | None:
    found = answers.sources.body.get("sources", ())
    if not found:
        return None
    said = []
    for source in found:
        age, name, stands = source["age"], source["source"], Phrase(str(source["freshness"]))
        if age is None:
            said.append(Phrase("{name} {stands}", name=name, stands=stands))
        else:
            said.append(Phrase("{name} {stands} ({age})", name=name, stands=stands, age=span(age)))
        if source["breaker"] != "closed":
            said.append(Phrase("breaker {state}", state=Phrase(str(source["breaker"]))))
    troubled = any(
        source["freshness"] not in _FRESH or source["breaker"] != "closed" for source in found
    )
    return FactRow(subject=Phrase("sources"), said=Phrase.listed(said), troubled=troubled)


def _archive(answers: Answers, now: float) -> FactRow | None:
    known = answers.processes["archive"].body.get("known")
    if not known:
        return None
    until, waiting = int(known.get("moved_until", 0)), int(known.get("waiting_hours", 0))
    waits = Phrase("{hours} closed hours wait", hours=waiting) if waiting else ""
    said = Phrase.listed((moved_until(until, now), waits))
    return FactRow(subject=Phrase("archive"), said=said, troubled=waiting > 1)
