"""The archiving process: looks at the store once a minute, and says how it is."""

import asyncio
import os
from pathlib import Path
from typing import Final

from runtime.audit import AuditLog, open_audit
from runtime.http.audited import no_audit
from runtime.http.door import Door, bound_socket
from runtime.http.health import Finding, Readiness, health_handlers
from runtime.http.routes import bind
from runtime.logs import Log
from runtime.settings import SettingsError
from runtime.store import open_store
from runtime.tasks import end
from verifier.archive.hours import HOUR_MS, HOURS, KEEP_DAYS, LATE_HOURS
from verifier.contract import audit as audit_format
from verifier.contract.audit import Act
from verifier.service.archive.folder import FolderError, RecordsFolder
from verifier.service.archive.metrics import ArchiveMetrics
from verifier.service.archive.mover import Moving
from verifier.service.archive.routes import TABLE
from verifier.service.archive.settings import ArchiveSettings
from verifier.service.archive.subjects import SubjectSearch
from verifier.service.http.access import callers
from verifier.service.http.tokens import token_opener
from verifier.service.process.metrics import DoorMetrics

LOOK_S: Final = 60.0
"""Seconds between looks: an hour is in its day file a minute after it is over."""
RETRY_S: Final = 2.0
"""Seconds until the next look when something did not go."""
NICENESS: Final = 10
"""Scans go before: on a machine that is busy, moving waits."""
_STOP_S: Final = 2.0


async def run_archive(settings: ArchiveSettings, log: Log, stop: asyncio.Event) -> None:
    """Move records until `stop` is set.

    Raises:
        SettingsError: a folder or address of the settings does not hold.
    """
    os.nice(NICENESS)
    try:
        folder = RecordsFolder(Path(settings.records))
    except (OSError, FolderError) as error:
        raise SettingsError(f"$.records: {error}") from error
    redis = open_store(settings.redis)
    with folder:
        moving = Moving(redis, folder, Path(settings.person_keys), log)
        audit = open_audit(settings.audit, settings.name, log, audit_format)
        search = SubjectSearch(redis, folder, moving, Path(settings.person_keys), audit)
        await _serve(settings, moving, search, audit, log, stop)
        audit.close()
    await redis.aclose()


async def _serve(
    settings: ArchiveSettings,
    moving: Moving,
    search: SubjectSearch,
    audit: AuditLog[Act],
    log: Log,
    stop: asyncio.Event,
) -> None:
    metrics = DoorMetrics(settings.name)
    metrics.registry.register(ArchiveMetrics(moving))
    ready = health_handlers(lambda: readiness(moving, audit), metrics.text, metrics.refusals)
    handlers = {**search.handlers(), **ready}
    door = Door(
        bind(TABLE.operations, handlers),
        callers(settings.api_keys, token_opener(Path(settings.trust))),
        log=log,
        counts=metrics,
    )
    try:
        await door.open(bound_socket(settings.service.host, settings.service.port))
    except OSError as error:
        raise SettingsError(f"$.service: cannot listen: {error.strerror}") from error
    log.info("started", port=settings.service.port)
    try:
        await _until(stop, asyncio.create_task(_look_again_and_again(moving)))
    finally:
        await door.close(_STOP_S)
    log.info("stopped")


async def _until(stop: asyncio.Event, task: "asyncio.Task[None]") -> None:
    """Wait for the stop; what ends before it is a fault and is raised."""
    waiting = asyncio.create_task(stop.wait())
    try:
        finished, _ = await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if task in finished:
            task.result()
    finally:
        await end((task, waiting))


async def _look_again_and_again(moving: Moving) -> None:
    while True:
        await moving.look()
        await asyncio.sleep(RETRY_S if moving.problems else LOOK_S)


def readiness(moving: Moving, audit: AuditLog[Act]) -> Readiness:
    """Say what keeps records from being moved, in time to do something about it."""
    problems = [Finding(code=code, detail=text) for code, text in sorted(moving.problems.items())]
    if not moving.now_ms:
        problems.append(Finding(code="archive.starting", detail="the first look is not done: wait"))
    if moving.waiting > LATE_HOURS:
        problems.append(
            Finding(
                code="archive.late",
                detail=f"{moving.waiting} closed hours are not in day files, and the store fills"
                " with them: repair the other problems of the archive",
            )
        )
    progress = moving.progress
    month_ago = moving.now_ms // HOUR_MS - (KEEP_DAYS + 1) * HOURS
    gaps = () if progress is None else progress.gaps
    warnings = tuple(
        Finding(code="archive.gap", detail=f"records of {gap} may be lost: nothing can be done")
        for gap in gaps
        if gap.last > month_ago
    )
    if moving.held:
        warnings += (
            Finding(
                code="archive.held",
                detail=f"{moving.held} days and keys would end by this machine's clock, and not by"
                " the time that has passed: they end when the clock has stood for a day",
            ),
        )
    if not audit.writable:
        warnings += (no_audit(),)
    return Readiness(
        ready=not problems,
        problems=tuple(problems),
        warnings=warnings,
        known={
            "waiting_hours": moving.waiting,
            "records_moved": moving.moved,
            "records_unread": moving.unread,
            "moved_until": 0 if progress is None else (progress.through + 1) * HOUR_MS // 1000,
            "rewritten": 0 if progress is None else progress.rewritten,
        },
    )
