"""A scan worker: opens the store and the doors, follows bundles and grants, stops in order."""

import asyncio
import gc
import hashlib
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final

from redis.exceptions import RedisError

from runtime.audit import open_audit
from runtime.clock import now
from runtime.functions import FunctionsMissingError
from runtime.http.door import Door, bound_socket
from runtime.http.health import HEALTH, Readiness, health_handlers
from runtime.http.lane import Lane
from runtime.http.limits import Refusals
from runtime.http.operations import CallerKind
from runtime.http.routes import Handlers, Route, bind
from runtime.logs import Log
from runtime.settings import SettingsError, TlsDoorSettings, read_secret
from runtime.store import (
    NotDurableError,
    check_durable,
    check_room,
    open_store,
    read_store_name,
)
from runtime.tasks import end
from runtime.tls import RenewableContext, server_context
from verifier.contract import audit as audit_format
from verifier.contract.bundle import BundleVersion
from verifier.contract.errors import MalformedError
from verifier.errors import BundleRefused, Outage
from verifier.service.http.access import callers
from verifier.service.http.languages import pick_language
from verifier.service.process.floors import FloorFile
from verifier.service.process.keys import DailyKeys
from verifier.service.process.unread_records import UnreadRecords
from verifier.service.store import wire
from verifier.service.store.commit import Commit
from verifier.service.store.library import check_library
from verifier.service.store.moments import tell_step
from verifier.service.worker.doors.annul import annul_handler
from verifier.service.worker.doors.batch import BatchResource
from verifier.service.worker.doors.bundles import BundleResource
from verifier.service.worker.doors.image import ImageResource
from verifier.service.worker.doors.manual import manual_handler
from verifier.service.worker.doors.record_search import search_handler
from verifier.service.worker.doors.records import records_handler
from verifier.service.worker.doors.resolve import resolve_handler
from verifier.service.worker.doors.scans import ScanResource
from verifier.service.worker.doors.stream import StreamResource
from verifier.service.worker.doors.upload import upload_handler
from verifier.service.worker.follow.bundles import BundleFollower
from verifier.service.worker.follow.grants import GrantFollower
from verifier.service.worker.follow.status import StatusFollower
from verifier.service.worker.follow.suspensions import SuspensionFollower
from verifier.service.worker.gates import barred
from verifier.service.worker.knowledge import Knowledge, SignedBundle
from verifier.service.worker.metrics import Metrics
from verifier.service.worker.pipeline import ScanPipeline
from verifier.service.worker.readiness import WorkerState
from verifier.service.worker.routes import TABLE
from verifier.service.worker.settings import WorkerSettings
from verifier.service.worker.tokens import open_token
from verifier.steps.verified import VerifiedCredentials
from verifier.trust.bundle import TrustedSet
from verifier.trust.kinds import ROOT

LOOPBACK: Final = "127.0.0.1"
CONNECT_S: Final = 1.0
"""Seconds to connect to the store."""
WATCH_S: Final = 1.0
"""Seconds between looks at whether the store still writes through."""
STOP_S: Final = 3.0
"""Seconds for open requests when the process stops."""
PICTURE_THREADS: Final = 2
"""Pictures looked at side by side; looking leaves the loop its lock."""
LOOK_S: Final = 0.02
"""Seconds between looks at whether all that the store names was judged: then the doors open."""
_GC_THRESHOLDS: Final = (100_000, 50, 100)
"""A scan leaves no cycles; collecting rarely keeps pauses off its way."""


class Worker:
    """The parts of a running worker."""

    def __init__(self, settings: WorkerSettings, log: Log) -> None:
        self.settings = settings
        self.log = log
        self.redis = open_store(settings.redis)
        self.store_name: str | None = None
        self.metrics = Metrics(settings.name)
        self.knowledge = Knowledge()
        self.trusted, root = _pinned(settings.root, settings.floors)
        self.knowledge.keep(root)
        self._password = read_secret(settings.redis.password_file, "redis.password_file")
        self.commit = Commit(self._connect)
        self.people = DailyKeys(Path(settings.person_keys))
        self.pipeline = ScanPipeline(
            knowledge=self.knowledge,
            commit=self.commit,
            people=self.people,
            metrics=self.metrics,
            seen=VerifiedCredentials(),
        )
        self.audit = open_audit(settings.audit, settings.name, log, audit_format)
        self.pictures = ThreadPoolExecutor(PICTURE_THREADS, "picture")
        shared = (self.redis, self.trusted, self.knowledge, log, self.metrics)
        self.bundles = BundleFollower(*shared, FloorFile(settings.floors))
        self.status = StatusFollower(*shared, FloorFile(settings.floors))
        self.grants = GrantFollower(*shared)
        self.suspensions = SuspensionFollower(self.redis, self.knowledge, self.audit, log)
        self.state = WorkerState(
            commit=self.commit,
            knowledge=self.knowledge,
            people=self.people,
            grants=self.grants,
            suspensions=self.suspensions,
            follows_fleet=settings.fleet is not None,
            audit=self.audit,
            unread=UnreadRecords(),
            serving=asyncio.Event(),
        )

    async def reach(self, lost: Callable[[wire.Wire], None]) -> wire.Wire:
        """Connect to the store.

        Raises:
            Outage: it is away, or refuses us.
        """
        path, user = self.settings.redis.socket, self.settings.redis.user
        return await wire.connect(path, user, self._password, lost=lost, seconds=CONNECT_S)

    async def _connect(self, lost: Callable[[wire.Wire], None]) -> wire.Wire:
        """Connect to a store that is fit for scans: it writes through and has our functions."""
        line = await self.reach(lost)
        try:
            await check_durable(self.redis)
            await check_room(self.redis)
            await check_library(self.redis)
            await tell_step(self.redis, 0)
        except (NotDurableError, FunctionsMissingError) as error:
            line.abort()
            raise Outage(str(error)) from error
        except (RedisError, OSError) as error:
            line.abort()
            raise Outage(wire.AWAY) from error
        return line

    @property
    def health(self) -> tuple[Callable[[], Readiness], Callable[[], bytes], Refusals]:
        """Return what the doors of health are made of."""
        return self.state.readiness, self.metrics_text, self.metrics.refusals

    def metrics_text(self) -> bytes:
        """Return the metrics, the gauges as they are now."""
        metrics, commit = self.metrics, self.commit
        metrics.store_up = int(commit.up)
        metrics.pending, metrics.queued = self.pipeline.pending, commit.waiting
        metrics.flights, metrics.stored, metrics.batches = (
            commit.flights,
            commit.scans,
            commit.batches,
        )
        return metrics.text()


async def run_worker(settings: WorkerSettings, log: Log, stop: asyncio.Event) -> None:
    """Serve until `stop` is set.

    Raises:
        SettingsError: a file or address of the settings does not hold.
        NotDurableError: the store would forget.
    """
    worker = Worker(settings, log)
    tls = None if settings.tls is None else tls_context(settings.tls)
    tasks: list[asyncio.Task[None]] = []
    doors: list[Door] = []
    try:
        await _check_store(worker)
        tasks += [
            asyncio.create_task(worker.commit.run()),
            asyncio.create_task(_watch(worker)),
            asyncio.create_task(worker.bundles.run()),
            asyncio.create_task(worker.status.run()),
            asyncio.create_task(worker.grants.run(settings.fleet)),
            asyncio.create_task(worker.suspensions.run()),
            asyncio.create_task(_wait(stop)),
        ]
        if tls is not None:
            tasks.append(asyncio.create_task(_renew(tls, log)))
        await _open_own_door(worker, doors)
        if await _loaded(worker, tasks):
            await _open_shared_doors(worker, tls, doors)
            worker.state.serving.set()
            gc.freeze()
            gc.set_threshold(*_GC_THRESHOLDS)
            log.info("started", port=settings.service.port, own_port=settings.own_port)
        finished, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in finished:
            task.result()
    finally:
        worker.state.serving.clear()
        await asyncio.gather(*(door.close(STOP_S) for door in doors))
        await worker.commit.drain(1.0)
        await end(tasks)
        worker.pictures.shutdown(wait=False, cancel_futures=True)
        await worker.redis.aclose()
        worker.audit.close()
    log.info("stopped")


async def _check_store(worker: Worker) -> None:
    """Refuse at start a store that would forget or does not know us; one that is away may come."""
    try:
        line = await worker.reach(lambda _: None)
        line.abort()
        await check_durable(worker.redis)
    except wire.StoreRefused as error:
        raise SettingsError(f"$.redis: {error}") from error
    except (RedisError, OSError, Outage):
        return


async def _loaded(worker: Worker, tasks: list[asyncio.Task[None]]) -> bool:
    """Wait for what codes are judged by; whoever shares the doors answers meanwhile.

    A code that is judged before a plane was looked at would be judged by the place's stance alone.
    False: the worker ends before.
    """
    while not worker.state.loaded:
        done, _ = await asyncio.wait(tasks, timeout=LOOK_S, return_when=asyncio.FIRST_COMPLETED)
        if done:
            return False
    return True


async def _open_own_door(worker: Worker, doors: list[Door]) -> None:
    health = bind(HEALTH, health_handlers(*worker.health))
    await _open(worker, doors, "own_port", (LOOPBACK, worker.settings.own_port), health)


async def _open_shared_doors(worker: Worker, tls: ssl.SSLContext | None, doors: list[Door]) -> None:
    settings = worker.settings
    scans = ScanResource(worker.pipeline, lambda: worker.state.loaded)
    batches = BatchResource(worker.pipeline, worker.state)
    images = ImageResource(worker.pipeline, worker.state, worker.pictures)
    manual = manual_handler(worker.pipeline, worker.state, worker.audit)
    streams = StreamResource(worker.pipeline, worker.state)
    uploads = upload_handler(worker.pipeline, worker.state, worker.suspensions)
    amending = (worker.redis, worker.pipeline, worker.state)
    resolving = resolve_handler(*amending, worker.audit)
    handlers: Handlers = {
        "scan": scans.post,
        "scanBatch": batches.post,
        "scanStream": streams.get,
        "scanImage": images.post,
        "admitVisitor": manual,
        "uploadScans": uploads,
        "annulScan": annul_handler(*amending),
        "resolveScan": resolving,
        "readRecords": records_handler(worker.redis, worker.state.unread),
        "searchRecords": search_handler(worker.redis, worker.metrics),
        **BundleResource(worker.knowledge).handlers(),
        **health_handlers(*worker.health),
    }
    routes = bind(TABLE.operations, handlers, {"scan": Lane(scans.lane, pick_language)})
    of_terminals = tuple(it for it in routes if CallerKind.CERTIFICATE in it.operation.kinds)
    address = (settings.service.host, settings.service.port)
    await _open(worker, doors, "service", address, routes)
    if settings.tls is not None:
        await _open(worker, doors, "tls", (settings.tls.host, settings.tls.port), of_terminals, tls)


async def _open(
    worker: Worker,
    doors: list[Door],
    field: str,
    address: tuple[str, int],
    routes: tuple[Route, ...],
    tls: ssl.SSLContext | None = None,
) -> None:
    keys = None
    if tls is None:
        keys = callers(worker.settings.api_keys, partial(open_token, worker.knowledge))
    door = Door(
        routes,
        keys,
        log=worker.log,
        counts=worker.metrics,
        store_name=lambda: worker.store_name,
        bars=lambda caller: barred(caller, worker.knowledge),
    )
    try:
        await door.open(bound_socket(*address), tls)
    except OSError as error:
        where = f"{address[0]}:{address[1]}"
        raise SettingsError(f"$.{field}: cannot listen on {where}: {error.strerror}") from error
    doors.append(door)


async def _watch(worker: Worker) -> None:
    """Stop using a store that no longer writes through, or takes no more; see which one it is.

    And forget credentials that nobody shows any more.
    """
    told = 0
    while True:
        await asyncio.sleep(WATCH_S)
        worker.pipeline.seen.sweep(now())
        try:
            await check_durable(worker.redis)
            await check_room(worker.redis)
            worker.store_name = await read_store_name(worker.redis)
            told = await tell_step(worker.redis, told)
        except NotDurableError as error:
            if worker.commit.up:
                worker.log.warning("store.refused", why=str(error))
            worker.commit.refuse(str(error))
        except (RedisError, OSError):
            continue


async def _wait(stop: asyncio.Event) -> None:
    await stop.wait()


def _pinned(path: str, floors: str | None) -> tuple[TrustedSet, SignedBundle]:
    """Return the set that starts from the pinned root file and the floors, and the root's file."""
    try:
        data = Path(path).read_bytes()
        trusted = TrustedSet(data, floors=FloorFile(floors).load())
        digest = hashlib.sha256(data).hexdigest()
        version = BundleVersion(name=ROOT.word, version=trusted.root_version, digest=digest)
        return trusted, SignedBundle(version=version, data=data)
    except OSError as error:
        raise SettingsError(f"$.root: cannot read {path}: {error.strerror}") from error
    except (BundleRefused, MalformedError) as error:
        raise SettingsError(f"$.root: {path} is no root file, or older than the last") from error
    except ValueError as error:
        raise SettingsError(f"$.floors: {error}") from error


async def _renew(context: RenewableContext, log: Log) -> None:
    """Use the door's files anew when they were replaced; connections that stand go on."""
    refused = False
    while True:
        await asyncio.sleep(WATCH_S)
        try:
            if context.refresh():
                log.info("tls.renewed")
            refused = False
        except OSError as error:  # half written, or wrong: the files before stay in use
            if not refused:
                log.warning("tls.refused", error=type(error).__name__)
            refused = True


def tls_context(door: TlsDoorSettings) -> RenewableContext:
    """Return the terminals' TLS: both sides show a certificate.

    Raises:
        SettingsError: a file does not hold what it should.
    """
    try:
        return server_context(client_ca=door.client_ca, certificate=door.certificate, key=door.key)
    except OSError as error:
        raise SettingsError("$.tls: certificate, key or client_ca cannot be loaded") from error
