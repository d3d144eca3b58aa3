"""The feeds process: sources, their channels, its door; and what planes are fed until when."""

import asyncio
import contextlib
import fcntl
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from redis.exceptions import RedisError

from runtime.audit import AuditLog, open_audit
from runtime.clock import now, settled
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
from verifier.errors import Outage
from verifier.feeds.batches import SourceProgress
from verifier.feeds.breaker import BreakerState
from verifier.feeds.freshness import Fed, Freshness, freshness, planes_fed
from verifier.service.feeds.channel import Channel, Shared
from verifier.service.feeds.corrections import CorrectionResource
from verifier.service.feeds.export import Export
from verifier.service.feeds.folder import read_folder
from verifier.service.feeds.intake import Intake
from verifier.service.feeds.metrics import FeedMetrics
from verifier.service.feeds.reception import MAX_CALLS, Register
from verifier.service.feeds.routes import TABLE
from verifier.service.feeds.settings import FeedsSettings
from verifier.service.http.access import callers
from verifier.service.process.keys import read_reference_key, read_signing_key
from verifier.service.process.metrics import DoorMetrics
from verifier.service.process.unread_records import UnreadRecords
from verifier.service.store.corrections import forget_cases
from verifier.service.store.feeds import write_fed
from verifier.service.store.library import LIBRARIES

TICK_S: Final = 5.0
"""Seconds between looks at sources and store; a finished batch is not waited for."""
SAID_AGAIN_S: Final = 60.0
"""Seconds after which it is said again until when planes are fed."""
NEVER: Final = float("-inf")
_FORGET_TICKS: Final = 720
"""Looks between two sweeps of closed corrections: an hour."""
_STOP_S: Final = 2.0


async def run_feeds(settings: FeedsSettings, log: Log, stop: asyncio.Event) -> None:
    """Serve until `stop` is set.

    Raises:
        SettingsError: a file or address of the settings does not hold.
        NotDurableError: the store would forget.
    """
    export_key = read_signing_key(settings.export_key, "export_key")
    reference_key = read_reference_key(settings.reference_key, "reference_key")
    with _alone(Path(settings.spool)):
        redis = open_store(settings.redis)
        await await_store(redis)
        await check_durable(redis)
        await await_functions(redis, LIBRARIES)
        register = Register(
            redis=redis,
            list_number=settings.list,
            people=settings.people,
            key=reference_key,
            turns=asyncio.Semaphore(MAX_CALLS),
        )
        feeds = Feeds(settings, log, register)
        await feeds.look()
        audit = open_audit(settings.audit, settings.name, log, audit_format)
        metrics = DoorMetrics(settings.name)
        metrics.registry.register(feeds.metrics)
        handlers = {
            **Intake(feeds.channels, feeds.metrics).handlers(),
            **CorrectionResource(register, audit, feeds.metrics).handlers(),
            **Export(redis, export_key, settings.exports, feeds.metrics, feeds.unread).handlers(),
            **health_handlers(lambda: feeds.readiness(audit), metrics.text, metrics.refusals),
        }
        door = Door(
            bind(TABLE.operations, handlers), callers(settings.api_keys), log=log, counts=metrics
        )
        try:
            await door.open(bound_socket(settings.service.host, settings.service.port))
        except OSError as error:
            raise SettingsError(f"$.service: cannot listen: {error.strerror}") from error
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, feeds.reread.set)
        task = asyncio.create_task(feeds.run())
        log.info("started", port=settings.service.port, sources=len(feeds.channels))
        try:
            waiting = asyncio.create_task(stop.wait())
            done, _ = await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
            for ended in done:
                ended.result()
        finally:
            await door.close(_STOP_S)
            await end((task,))
            await asyncio.gather(*(channel.stop() for channel in feeds.channels.values()))
            audit.close()
            await redis.aclose()
    log.info("stopped")


class Feeds:
    """All channels, and a look at them every few seconds."""

    def __init__(self, settings: FeedsSettings, log: Log, register: Register) -> None:
        self.channels: dict[str, Channel] = {}
        self.reread = asyncio.Event()
        """Set by SIGHUP and at start: the folder of sources is read again."""
        self.reread.set()
        self._folder = Path(settings.sources)
        self._log = log
        self._register = register
        self._problems: dict[str, str] = {}
        self._progress: dict[str, SourceProgress] = {}
        self.metrics = FeedMetrics(self._ages, self._limits)
        self.unread = UnreadRecords()
        self._shared = Shared(
            register=register,
            folder=Path(settings.spool),
            metrics=self.metrics,
            log=log,
            finished=asyncio.Event(),
        )
        self._store_up = False
        self._leaving: set[str] = set()
        """Sources whose file is gone and whose batch is being applied."""
        self._fed: tuple[dict[tuple[int, Plane], Fed], float] = ({}, NEVER)
        """What was last said of planes, and when."""

    async def run(self) -> None:
        """Look until cancelled: after every finished batch, and every few seconds."""
        ticks = 0
        while True:
            waits = [self._shared.finished.wait(), self.reread.wait()]
            tasks = [asyncio.create_task(wait) for wait in waits]
            await asyncio.wait(tasks, timeout=TICK_S, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
            self._shared.finished.clear()
            await self.look()
            ticks += 1
            if ticks % _FORGET_TICKS == 0 and settled():
                with contextlib.suppress(RedisError, OSError):
                    await forget_cases(self._register.redis, now())

    async def look(self) -> None:
        """Read the folder if asked to, and say until when each plane is fed."""
        if self.reread.is_set() or self._leaving:
            self.reread.clear()
            await self._read_folder()
        try:
            for channel in self.channels.values():
                progress = await channel.books.progress()
                if progress is not None:
                    self._progress[channel.source.name] = progress
            sources = [channel.source for channel in self.channels.values()]
            await self._say_fed(planes_fed(sources, self._progress))
            self._store_up = True
        except (RedisError, OSError, Outage):
            self._store_up = False

    async def _say_fed(self, fed: dict[tuple[int, Plane], Fed]) -> None:
        """Say it when it is new, and now and then, since a store may have been set back."""
        said, at = self._fed
        if fed != said or time.monotonic() - at > SAID_AGAIN_S:
            await write_fed(self._register.redis, self._register.list_number, fed)
            self._fed = (fed, time.monotonic())

    async def _read_folder(self) -> None:
        before = {name: channel.source for name, channel in self.channels.items()}
        found, problems = await asyncio.to_thread(
            read_folder, self._folder, self._register.list_number, before
        )
        for name, problem in problems.items():
            self._log.error("refused", source=name, why=problem)
        self._problems = problems
        # A batch under way is finished first; its source goes with a later look.
        self._leaving = {n for n in before.keys() - found.keys() if self.channels[n].busy}
        for name in before.keys() - found.keys() - self._leaving:
            await self.channels.pop(name).stop()
            self._log.info("source.gone", source=name)
        for name, source in found.items():
            if name in self.channels:
                self.channels[name].source = source
            else:
                channel = self.channels[name] = Channel(source, self._shared)
                await channel.recover()

    def readiness(self, audit: AuditLog[Act]) -> Readiness:
        """Say whether batches can be taken; a stale source that a plane requires is a warning."""
        problems = [Finding(code="source.refused", detail=it) for it in self._problems.values()]
        stuck = (channel.problem for channel in self.channels.values())
        problems += [Finding(code="source.stuck", detail=it) for it in stuck if it is not None]
        if not self._store_up:
            problems.append(
                Finding(code="store.unavailable", detail="Redis does not answer: repair it")
            )
        warnings = [*self.unread.findings(), *([] if audit.writable else [no_audit()])]
        moment = now()
        for name, channel in sorted(self.channels.items()):
            progress = self._progress.get(name)
            found = freshness(channel.source, 0 if progress is None else progress.fed, moment)
            if channel.source.file.required and found in (Freshness.STALE, Freshness.NEVER):
                silent = f"source {name} is {found}: ask whoever runs it"
                warnings.append(Finding(code=f"source.{found}", detail=silent))
            if channel.breaker.state is not BreakerState.CLOSED:
                refused = f"source {name} failed too often: run `kapok feed status {name}`"
                warnings.append(Finding(code="source.open", detail=refused))
        return Readiness(
            ready=not problems,
            problems=tuple(problems),
            warnings=tuple(warnings),
            known={f"age.{name}": int(age) for name, age in self._ages().items()},
        )

    def _limits(self) -> dict[str, int]:
        return {name: found.source.file.stale_after for name, found in self.channels.items()}

    def _ages(self) -> dict[str, float]:
        moment = now()
        fed = {name: progress.fed for name, progress in self._progress.items()}
        return {n: max(0.0, moment - at) for n, at in fed.items() if at and n in self.channels}


@contextlib.contextmanager
def _alone(spool: Path) -> Iterator[None]:
    """Hold the folder of spools: two processes would take each other's batches."""
    try:
        spool.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(spool / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise SettingsError(f"$.spool: {spool}: {error.strerror}") from error
    with os.fdopen(descriptor, "r+b") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SettingsError(f"$.spool: another process uses {spool}") from None
        yield
