"""Looks at a house once: every door asked, every file read, one report."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec import structs

from deploy.local.disk_errors import closed
from deploy.local.errors import LocalError, UsageError
from deploy.local.house import Endpoints, read_endpoints
from deploy.status.acts import acts
from deploy.status.answers import ASK_S, Answers, ask_all, ask_store
from deploy.status.planes import archive, planes, sources, terminals
from deploy.status.processes import findings, processes
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
        raise UsageError(closed(data)) from error


async def _look(data: Path, endpoints: Endpoints) -> HouseReport:
    answers = await ask_all(data, endpoints)
    now = time.time() if answers.at is None else answers.at
    files = await look_at_files(data, now)
    loading = () if answers.any else await _store_loading(data, endpoints)
    return report(data, answers, files, now, loading)


async def look_at_files(data: Path, now: float) -> FolderLook:
    """Return what the data folder says of audit logs and trust: slower to read than to ask."""
    logs, trusted = await asyncio.gather(asyncio.to_thread(audit, data), _trusted(data, now))
    return FolderLook(logs=logs, ends=await asyncio.to_thread(ends, data, trusted, now))


def report(
    data: Path,
    answers: Answers,
    files: FolderLook,
    now: float,
    loading: Sequence[ReportRow] = (),
) -> HouseReport:
    """Return what is found: the one truth of what is wrong, for `kapok status` and `kapok up`.

    `loading`: rows of a store that loads its data while nothing else answers.
    """
    if not answers.any:
        away = _away(data, loading)
        return HouseReport(data=str(data), answers=False, sections=(away, files.logs))
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


def _away(data: Path, loading: Sequence[ReportRow]) -> Section:
    """Say why nothing answers, as far as files tell, and a store that is loading its data."""
    pid = supervisor(data)
    said, code = Phrase("nothing answers, and no `kapok up` holds the data folder"), "house.away"
    if pid is not None:
        code = "house.starting"
        said = Phrase(
            "nothing answers; `kapok up` (process {pid}) is starting or stopping", pid=pid
        )
    rows = [ReportRow(subject=Phrase("house"), said=said, level=Level.PROBLEM, code=code)]
    if pid is not None:
        rows += loading
    rows += [
        ReportRow(subject=f"log/{name}", said=line, level=Level.NOTE)
        for name, line in last_errors(data).items()
    ]
    return Section(title=Phrase("house"), rows=rows)


async def _store_loading(data: Path, endpoints: Endpoints) -> Sequence[ReportRow]:
    """Return the row of a store that is loading; its socket is this start's, not the last one's."""
    try:
        folder = Path((data / "run" / "sockets").read_text(encoding="utf-8").strip())
    except OSError:
        return []
    socket = str(folder.joinpath(*Path(endpoints.redis_socket).parts[-2:]))
    heard = await ask_store(data, structs.replace(endpoints, redis_socket=socket))
    return [*findings("redis", heard.body, "problems", Level.PROBLEM)]
