"""The section on processes: each is ready, or says what is wrong, or does not run."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from deploy.local.logfile import LogFile
from deploy.status.answers import Answers, Heard
from deploy.status.report import Level, ReportRow, Section
from deploy.status.supervisor import RunningProcess, alive, last_error

RECENT_S: Final = 60.0
"""How long a restart is a warning; afterwards it is a note."""
NOTED_S: Final = 3600.0
"""How long a restart is spoken of."""


def processes(data: Path, answers: Answers) -> Section:
    """Return the rows of every process."""
    rows: list[ReportRow] = []
    for name, heard in answers.processes.items():
        rows += _rows(data, name, heard, alive(data, name))
    return Section(title="processes", rows=rows)


def _rows(
    data: Path, name: str, heard: Heard, process: RunningProcess | None
) -> Iterator[ReportRow]:
    log = data / "log" / f"{name}.log"
    if process is None:
        words = LogFile(log).last_line()
        said = f"does not run{f'; last words: {words}' if words else ''}"
        yield ReportRow(subject=name, said=said, level=Level.PROBLEM, code="process.away")
        return
    if not heard.status:
        error = last_error(log)
        since = f"process {process.pid}, started {process.seconds:.0f} s ago"
        said = f"{heard.why} ({since}){f'; log: {error}' if error else ''}"
        yield ReportRow(subject=name, said=said, level=Level.PROBLEM, code="process.silent")
        return
    found = [*_findings(name, heard.body, "problems", Level.PROBLEM)]
    found += _findings(name, heard.body, "warnings", Level.WARNING)
    if process.restarted and process.seconds < NOTED_S:
        level = Level.WARNING if process.seconds < RECENT_S else Level.NOTE
        said = f"was started again {process.seconds:.0f} s ago"
        found.append(ReportRow(subject=name, said=said, level=level, code="process.restarted"))
    if not heard.good and not found:
        said = f"answers {heard.status} to the question whether it is ready"
        found.append(ReportRow(subject=name, said=said, level=Level.PROBLEM, code="process.silent"))
    yield from found or (
        ReportRow(subject=name, said=f"ready (process {process.pid}, {process.seconds:.0f} s)"),
    )


def _findings(name: str, body: Mapping[str, Any], kind: str, level: Level) -> Iterator[ReportRow]:
    for finding in body.get(kind, ()):
        code, detail = str(finding.get("code", "")), str(finding.get("detail", ""))
        yield ReportRow(subject=name, said=f"{code}: {detail}", level=level, code=code)
