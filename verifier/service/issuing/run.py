"""The issuing process: its keys, its bundles, its door; and the day's person-hash keys."""

import asyncio
import contextlib
import os
import secrets
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from runtime.audit import AuditLog, open_audit
from runtime.clock import now
from runtime.disk import sync_folder, write_synced
from runtime.http.audited import no_audit
from runtime.http.door import Door, bound_socket
from runtime.http.health import Finding, Readiness, health_handlers
from runtime.http.routes import bind
from runtime.logs import Log
from runtime.settings import SettingsError
from runtime.store import await_functions, await_store, check_durable, open_store
from runtime.tasks import end
from verifier.contract import audit as audit_format
from verifier.contract.audit import Act
from verifier.contract.vocabulary import Plane
from verifier.issuing.signing_key import SigningKey
from verifier.service.http.access import callers
from verifier.service.http.tokens import token_opener
from verifier.service.issuing.budgets import Budgets
from verifier.service.issuing.bundles.named import floor_file
from verifier.service.issuing.bundles.publisher import BundlePublisher
from verifier.service.issuing.doors import Tools, issuing_handlers
from verifier.service.issuing.people.bulk import BulkResource
from verifier.service.issuing.people.named_persons import NamedPersons
from verifier.service.issuing.people.subjects import Subjects
from verifier.service.issuing.planes.batches import BatchSteps
from verifier.service.issuing.planes.destroyer import Destroyer
from verifier.service.issuing.planes.holds import HoldTerms
from verifier.service.issuing.planes.planes import (
    KeptPlane,
    open_planes,
    publish_planes,
    published,
)
from verifier.service.issuing.planes.status import ListStatus
from verifier.service.issuing.proposals.kinds import kinds
from verifier.service.issuing.proposals.proposals import Proposals
from verifier.service.issuing.routes import TABLE
from verifier.service.issuing.settings import IssuingSettings
from verifier.service.process.keys import (
    KEY_BYTES,
    key_path,
    read_change_seal,
    read_reference_key,
    read_signing_key,
)
from verifier.service.process.metrics import DoorMetrics
from verifier.service.store.library import LIBRARIES
from verifier.steps.use import DAY

DAYS_AHEAD: Final = 1
_KEYS_TICK_S: Final = 60.0
_STOP_S: Final = 2.0


async def run_issuing(settings: IssuingSettings, log: Log, stop: asyncio.Event) -> None:
    """Serve until `stop` is set.

    Raises:
        SettingsError: a file or address of the settings does not hold.
        NotDurableError: the store would forget.
    """
    keys = {
        name: read_signing_key(getattr(settings, name), name)
        for name in ("issuer_key", "status_key", "bundle_key")
    }
    reference_key = read_reference_key(settings.reference_key, "reference_key")
    redis = open_store(settings.redis)
    await await_store(redis)
    await check_durable(redis)
    await await_functions(redis, LIBRARIES)
    followed = open_store(settings.redis)
    seal = read_change_seal(settings.change_key, "change_key")
    audit = open_audit(settings.audit, settings.name, log, audit_format)
    planes = await open_planes(settings, followed, log, keys["status_key"], seal=seal, audit=audit)
    bundles = _bundles(settings, redis, log, keys)
    status = ListStatus(redis, planes, seal)
    bulk = BulkResource(redis, log, settings, keys["issuer_key"], reference_key, seal)
    metrics = DoorMetrics(settings.name)
    destroyer = _destroyer(settings, redis, log, keys["status_key"], planes)
    budgets = Budgets(redis, audit)
    table = kinds(redis, settings, reference_key, destroyer, seal=seal)
    persons = NamedPersons(redis, settings.list, settings.people, reference_key)
    subjects = Subjects(redis, settings.list, persons, audit, budgets)
    steps = BatchSteps(
        followed,
        log,
        sources=None if settings.sources is None else Path(settings.sources),
        list_number=settings.list,
        seal=seal,
    )
    proposals = Proposals(redis, table, audit, budgets, log)
    handlers = {
        **proposals.handlers(),
        **subjects.handlers(),
        **issuing_handlers(
            Tools(redis=redis, settings=settings, metrics=metrics, audit=audit, budgets=budgets),
            issuer_key=keys["issuer_key"],
            reference_key=reference_key,
            status=status,
            bundles=bundles,
        ),
        "issueBulk": bulk.post,
        **health_handlers(
            lambda: _readiness(bundles, planes, steps, audit, budgets),
            metrics.text,
            metrics.refusals,
        ),
    }
    known = callers(settings.api_keys, token_opener(Path(settings.trust)))
    door = Door(bind(TABLE.operations, handlers), known, log=log, counts=metrics)
    folder = Path(settings.person_keys)
    make_person_keys(folder, now())
    try:
        await door.open(bound_socket(settings.service.host, settings.service.port))
    except OSError as error:
        raise SettingsError(f"$.service: cannot listen: {error.strerror}") from error
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, bundles.reread.set)
    work = (
        *(bundles.run(), publish_planes(planes), proposals.run()),
        *(destroyer.run(), _keep_person_keys(folder), steps.run()),
        HoldTerms(redis, log, seal, audit).run(),
    )
    tasks = [asyncio.create_task(each) for each in work]
    log.info("started", port=settings.service.port)
    try:
        waiting = asyncio.create_task(stop.wait())
        finished, _ = await asyncio.wait([*tasks, waiting], return_when=asyncio.FIRST_COMPLETED)
        for task in finished:
            task.result()
    finally:
        await door.close(_STOP_S)
        await end(tasks)
        await redis.aclose()
        await followed.aclose()
        audit.close()
    log.info("stopped")


def _bundles(
    settings: IssuingSettings,
    redis: Redis,
    log: Log,
    keys: dict[str, SigningKey],
) -> BundlePublisher:
    return BundlePublisher(
        redis,
        log,
        bundle_key=keys["bundle_key"],
        issuer_key=keys["issuer_key"],
        root=Path(settings.root),
        trust=Path(settings.trust),
        profiles=Path(settings.profiles),
        rules=Path(settings.rules),
        cards=Path(settings.cards),
        floors=floor_file(settings),
    )


def _destroyer(
    settings: IssuingSettings,
    redis: Redis,
    log: Log,
    key: SigningKey,
    planes: Mapping[Plane, KeptPlane],
) -> Destroyer:
    folder = Path(settings.destructions)
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"$.destructions: {error.strerror}") from error
    return Destroyer(
        redis,
        log,
        issuer=settings.issuer,
        key=key,
        folder=folder,
        floors=floor_file(settings),
        publishers={plane.publisher.name: plane.publisher for plane in planes.values()},
    )


_CODES: Final = {"store": "store.unavailable", "clock": "clock.ahead"}
"""Codes of problems that are not about a source."""


async def _readiness(
    bundles: BundlePublisher,
    planes: dict[Plane, KeptPlane],
    steps: BatchSteps,
    audit: AuditLog[Act],
    budgets: Budgets,
) -> Readiness:
    problems = tuple(
        Finding(code=_CODES.get(name, f"{name}.refused"), detail=detail)
        for name, detail in bundles.problems.items()
    )
    problems += tuple(
        Finding(code="plane.unpublished", detail=problem)
        for plane in planes.values()
        if (problem := plane.problem) is not None
    )
    if not (bundles.published.is_set() and published(planes)):
        problems += (Finding(code="shelf.empty", detail="nothing is published yet: wait"),)
    warnings: tuple[Finding, ...] = () if audit.writable else (no_audit(),)
    wrong = bundles.rule_files.warning()
    if wrong is not None:
        warnings += (Finding(code="rules.left_out", detail=wrong),)
    warnings += tuple(
        Finding(
            code="plane.unexplained",
            detail=f"{plane.publisher.bundle}: {count} values in Redis that nothing explains"
            " were not published: look in the audit log of issuing",
        )
        for plane in planes.values()
        if (count := plane.unexplained.count)
    )
    warnings += tuple(
        Finding(
            code="batch.unexplained",
            detail=f"source {name}: lines were refused that it has not signed: {refused.why}",
        )
        for name, refused in steps.refused().items()
    )
    with contextlib.suppress(RedisError, OSError):  # a store that is away is said above
        warnings += await budgets.findings()
    known = {
        plane.publisher.bundle: version
        for plane in planes.values()
        if (version := plane.publisher.version)
    }
    return Readiness(ready=not problems, problems=problems, warnings=warnings, known=known)


def make_person_keys(folder: Path, moment: float) -> None:
    """Make today's and tomorrow's key; their end is the archiving process's, with the records'."""
    today = int(moment) // DAY
    for day in range(today, today + DAYS_AHEAD + 1):
        with contextlib.suppress(FileExistsError):
            _write_once(key_path(folder, day), secrets.token_bytes(KEY_BYTES))


def _write_once(path: Path, key: bytes) -> None:
    """Write a file that did not exist, whole: linked into place once its bytes are on disk."""
    if path.exists():
        raise FileExistsError
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    write_synced(beside, key)
    try:
        os.link(beside, path)
    finally:
        beside.unlink()
    # The name too: a day whose key came back as another one would forget who has passed.
    sync_folder(path.parent)


async def _keep_person_keys(folder: Path) -> None:
    while True:
        await asyncio.sleep(_KEYS_TICK_S)
        make_person_keys(folder, now())
