"""The section on processes: each is ready, or says what is wrong, or does not run."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from deploy.local.account import ROOT_UID
from deploy.local.configuration import folder_of
from deploy.local.confinement import REACHES, Reach, gaps
from deploy.local.logfile import LogFile
from deploy.status.answers import Answers, Heard
from deploy.status.report import Level, ReportRow, Section
from deploy.status.supervisor import RunningProcess, alive, last_error
from deploy.words.phrase import Phrase

RECENT_S: Final = 60.0
"""How long a restart is a warning; afterwards it is a note."""
NOTED_S: Final = 3600.0
"""How long a restart is spoken of."""


def processes(data: Path, answers: Answers) -> Section:
    """Return the rows of every process."""
    rows: list[ReportRow] = []
    for name, heard in answers.processes.items():
        process = alive(data, name)
        number = None if process is None else process.pid
        rows += (replace(row, process=number) for row in _rows(data, name, heard, process))
    rows += kernel(gaps())
    rows += _configuration(data)
    return Section(title=Phrase("processes"), rows=rows)


def kernel(found: Iterable[Phrase]) -> Iterator[ReportRow]:
    """Yield a row for each thing that this machine does not keep processes from."""
    for said in found:
        level = Level.WARNING if said == REACHES[Reach.NOTHING] else Level.NOTE
        subject = Phrase("kernel")
        yield ReportRow(subject=subject, said=said, level=level, code="confinement.partial")


def _configuration(data: Path) -> Iterator[ReportRow]:
    """Yield whose the configuration is; nothing where no house runs."""
    try:
        folder = folder_of(data)
        owner = folder.stat().st_uid
    except OSError:
        return
    said = Phrase("root's, in {folder}", folder=folder)
    if owner != ROOT_UID:
        said = Phrase("the account's, in {folder}: the kernel alone guards it", folder=folder)
    yield ReportRow(subject=Phrase("configuration"), said=said)


def _rows(
    data: Path, name: str, heard: Heard, process: RunningProcess | None
) -> Iterator[ReportRow]:
    log = data / "log" / f"{name}.log"
    if process is None and not heard.status:
        words = last_error(log) or LogFile(log).last_line()
        said = Phrase("does not run")
        if words:
            said = Phrase("does not run; last words: {words}", words=words)
        yield ReportRow(subject=name, said=said, level=Level.PROBLEM, code="process.away")
        return
    if process is not None and not heard.status:
        # That it has no file for a connection left says why; `kapok up` leaves such a one alone.
        yield from findings(name, heard.body, "warnings", Level.PROBLEM)
        error = last_error(log)
        said = Phrase(
            "{why} (process {pid}, started {seconds:.0f} s ago)",
            why=heard.why,
            pid=process.pid,
            seconds=process.seconds,
        )
        if error:
            said = Phrase("{said}; log: {error}", said=said, error=error)
        yield ReportRow(subject=name, said=said, level=Level.PROBLEM, code="process.silent")
        return
    found = [*findings(name, heard.body, "problems", Level.PROBLEM)]
    found += findings(name, heard.body, "warnings", Level.WARNING)
    if process is not None and process.restarted and process.seconds < NOTED_S:
        level = Level.WARNING if process.seconds < RECENT_S else Level.NOTE
        said = Phrase("was started again {seconds:.0f} s ago", seconds=process.seconds)
        found.append(ReportRow(subject=name, said=said, level=level, code="process.restarted"))
    if not heard.good and not found:
        said = Phrase("answers {status} when asked whether it is ready", status=heard.status)
        found.append(ReportRow(subject=name, said=said, level=Level.PROBLEM, code="process.silent"))
    ready = Phrase("ready")  # it answers, though the list of processes does not name it yet
    if process is not None:
        ready = Phrase(
            "ready (process {pid}, {seconds:.0f} s)", pid=process.pid, seconds=process.seconds
        )
    yield from found or (ReportRow(subject=name, said=ready),)


def findings(name: str, body: Mapping[str, Any], kind: str, level: Level) -> Iterator[ReportRow]:
    """Yield a row for each finding of a kind (`problems`, `warnings`) that a process says."""
    for finding in body.get(kind, ()):
        code, detail = str(finding.get("code", "")), str(finding.get("detail", ""))
        yield finding_row(name, code, detail, level)


def finding_row(name: str, code: str, detail: str, level: Level) -> ReportRow:
    """Return the row of what a process says of itself; `detail` is its own words."""
    wrong = Phrase("{detail}", key=code, detail=detail)
    said = Phrase("{code}: {wrong}", code=code, wrong=wrong)
    return ReportRow(subject=name, said=said, level=level, code=code)
