"""What is found: rows in sections, each row with a level and, where something is wrong, a code.

Values only; `look` makes them and `deploy.cli` shows them. Texts are phrases, so that they can be
said in another language; what is no phrase is data: a name, a line of a log.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from deploy.status.advice import ADVICE
from deploy.words.phrase import Phrase


class Level(StrEnum):
    """How much a row matters."""

    FINE = "fine"
    NOTE = "note"
    """Worth reading; nothing has to be done."""
    WARNING = "warning"
    """Something is wrong, and the work goes on."""
    PROBLEM = "problem"
    """Something does not do its work."""


WRONG = frozenset({Level.WARNING, Level.PROBLEM})
"""The levels for which `kapok status` ends with 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRow:
    """One thing and what is said of it."""

    subject: str
    said: str
    level: Level = Level.FINE
    code: str = ""
    """Of what is wrong; it stands in docs/runbook.md."""
    process: int | None = None
    """Process number, of a row about a process that runs."""

    @property
    def do(self) -> Phrase | None:
        """Return what to do; None: nothing."""
        if self.code not in ADVICE:
            return None
        return Phrase(ADVICE[self.code], subject=self.subject)


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Rows of one kind."""

    title: str
    rows: Sequence[ReportRow]


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseReport:
    """All of it."""

    data: str
    answers: bool
    """Whether any process of the house answers."""
    sections: Sequence[Section]

    @property
    def wrong(self) -> tuple[ReportRow, ...]:
        """Return the rows with something wrong, problems first; what several say is one row."""
        found: dict[tuple[Level, str, str], list[ReportRow]] = {}
        for section in self.sections:
            for row in section.rows:
                if row.level in WRONG:
                    found.setdefault((row.level, row.code, row.said), []).append(row)
        rows = [_of_all(said) for said in found.values()]
        return tuple(sorted(rows, key=lambda row: row.level is not Level.PROBLEM))

    def document(self) -> Mapping[str, Any]:
        """Return what `--json` prints."""
        return {
            "data": self.data,
            "answers": self.answers,
            "well": self.answers and not self.wrong,
            "sections": {
                str(section.title): [_document(row) for row in section.rows]
                for section in self.sections
            },
        }


def _of_all(rows: Sequence[ReportRow]) -> ReportRow:
    """Return one row of several that say the same."""
    if len(rows) == 1:
        return rows[0]
    return replace(rows[0], subject=Phrase.listed(row.subject for row in rows))


def _document(row: ReportRow) -> Mapping[str, Any]:
    """Return a row in English, whatever the language of the caller: programs read it."""
    found: dict[str, Any] = {
        "subject": str(row.subject),
        "said": str(row.said),
        "level": row.level.value,
        "code": row.code,
    }
    if row.process is not None:
        found["process"] = row.process
    return found if row.do is None else {**found, "do": str(row.do)}
