"""Looks at a house once: every door asked, every file read, one report."""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

from deploy.local.errors import LocalError, UsageError
from deploy.local.house import Endpoints, read_endpoints
from deploy.status.acts import acts
from deploy.status.answers import ASK_S, Answers, ask_all
from deploy.status.planes import archive, planes, sources, terminals
from deploy.status.processes import processes
from deploy.status.report import WRONG, HouseReport, Level, ReportRow, Section
from deploy.status.storage import audit, ends, store
from deploy.status.supervisor import last_errors, supervisor
from deploy.trust.overview import Trusted, trusted_here
from deploy.words.phrase import Phrase


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderLook:
    """What files say of a house, as of one look."""

    logs: Section
    """The audit logs."""
    ends: Section
    """What ends and when."""

    @property
    def fine(self) -> bool:
        """Whether nothing is wrong there."""
        return not any(row.level in WRONG for it in (self.logs, self.ends) for row in it.rows)


async def look(data: Path) -> HouseReport:
    """Return what a house says of itself, and what its data folder says of it.

    Raises:
        UsageError: no house was ever up there, or its files belong to another account.
    """
    try:
        endpoints = read_endpoints(data)
        if endpoints is None:
            raise UsageError(f"no house on {data}; start one with `kapok up`")
        return await _look(data, endpoints)
    except PermissionError as error:
        raise UsageError(f"{data} belongs to another account; run this as root") from error


async def _look(data: Path, endpoints: Endpoints) -> HouseReport:
    now = time.time()
    answers, files = await asyncio.gather(ask_all(data, endpoints), look_at_files(data, now))
    return report(data, answers, files, now)


async def look_at_files(data: Path, now: float) -> FolderLook:
    """Return what the data folder says of audit logs and trust: slower to read than to ask."""
    logs, trusted = await asyncio.gather(asyncio.to_thread(audit, data), _trusted(data, now))
    return FolderLook(logs=logs, ends=await asyncio.to_thread(ends, data, trusted, now))


def report(data: Path, answers: Answers, files: FolderLook, now: float) -> HouseReport:
    """Return what is found: the one truth of what is wrong, for `kapok status` and `kapok up`."""
    if not answers.any:
        return HouseReport(data=str(data), answers=False, sections=(_away(data), files.logs))
    sections = (
        processes(data, answers),
        planes(answers),
        sources(answers),
        archive(answers, now),
        store(data, answers),
        files.logs,
        acts(answers),
        terminals(answers, now),
        files.ends,
    )
    return HouseReport(data=str(data), answers=True, sections=sections)


async def _trusted(data: Path, now: float) -> Trusted | LocalError:
    try:
        async with asyncio.timeout(ASK_S):
            return await trusted_here(data, now)
    except LocalError as error:
        return error
    except TimeoutError:
        return LocalError(
            f"no worker handed out the trust bundle within {ASK_S:g} s; make one ready"
        )


def _away(data: Path) -> Section:
    """Say why nothing answers, as far as files tell."""
    pid = supervisor(data)
    said = Phrase("nothing answers, and no `kapok up` holds the data folder")
    if pid is not None:
        said = Phrase(
            "nothing answers; `kapok up` (process {pid}) is starting or stopping", pid=pid
        )
    rows = [ReportRow(subject=Phrase("house"), said=said, level=Level.PROBLEM, code="house.away")]
    rows += [
        ReportRow(subject=f"log/{name}", said=line, level=Level.NOTE)
        for name, line in last_errors(data).items()
    ]
    return Section(title=Phrase("house"), rows=rows)
