"""The process: opens what the settings name, starts the tasks, and stops them in order."""

import asyncio
import signal
from dataclasses import dataclass
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError
from structlog.typing import FilteringBoundLogger

from fleet.contract.topics import RULES, Shard, TopicName, topic
from fleet.errors import OperatorError, RegistryError
from fleet.service.app import Fleet
from fleet.service.grant_floor import GrantFloor
from fleet.service.grants import GrantPublisher, load_grant_key, load_registry
from fleet.service.http.access import callers
from fleet.service.http.handlers import fleet_handlers
from fleet.service.keeper import Keeper
from fleet.service.metrics import FleetMetrics
from fleet.service.mqtt.connection import tls_context
from fleet.service.news import News
from fleet.service.operators import OperatorsInForce, load_operators, load_token_key
from fleet.service.routes import TABLE
from fleet.service.served_shard import ServedShard
from fleet.service.settings import FleetProcessSettings
from fleet.service.shard_writer import ShardWriter
from fleet.service.store.functions import check_library
from fleet.service.store.leases import Leases
from runtime.audit import AuditLog, open_audit
from runtime.functions import FunctionsMissingError
from runtime.http.door import Door, bound_socket
from runtime.http.routes import bind
from runtime.settings import SettingsError
from runtime.store import check_durable, open_store
from runtime.tasks import end
from verifier.contract import audit as audit_format
from verifier.contract.audit import Act

STORE_START_S: Final = 15.0
"""Seconds to wait at start for a store that is still loading its file."""
MAX_CONNECTIONS: Final = 64
"""Connections to the store: a writer, leases, and readers at the door, who wait for one."""
STORE_SILENT_S: Final = 5.0
"""Seconds until a silent Redis counts as away; a lease lasts longer."""
STORE_RETRY_S: Final = 0.2
GRANTS_WATCH_S: Final = 1.0
"""Seconds between looks at whether the store has forgotten grants."""
STOP_S: Final = 3.0
"""Seconds for open requests when the process stops."""


@dataclass(slots=True, kw_only=True)
class FleetProcess:
    """The parts of the running process."""

    settings: FleetProcessSettings
    log: FilteringBoundLogger
    redis: Redis
    writer: ShardWriter
    granting: GrantPublisher
    operating: OperatorsInForce
    audit: AuditLog[Act]
    metrics: FleetMetrics
    keepers: dict[Shard, Keeper]
    news: News | None = None
    refused: str | None = None
    """Why registry or operators' file were refused when they were read last."""

    def served(self, shard: Shard) -> ServedShard | None:
        """Return a shard while it is served here."""
        keeper = self.keepers.get(shard)
        return keeper.served if keeper is not None else None

    def waiting(self) -> tuple[str, ...]:
        """Return the shards of the settings that are not served here."""
        return tuple(name for name, keeper in self.keepers.items() if not keeper.serving)

    def hears_verifier(self) -> bool:
        """Say whether the verifier answers, or is not to be asked."""
        return self.news is None or not self.news.silent

    def count_shards(self) -> None:
        """Note how many shards are served."""
        self.metrics.shards.set(sum(keeper.serving for keeper in self.keepers.values()))

    def announce(self, payload: bytes) -> bool:
        """Publish news of bundles on any session; False when none is connected."""
        qos = RULES[TopicName.BUNDLE].qos
        name = str(topic(TopicName.BUNDLE))
        for keeper in self.keepers.values():
            served = keeper.served
            if served and served.session and served.session.publish(name, payload, qos):
                return True
        return False

    async def adopt_registry(self) -> None:
        """Read the registry and the operators, and publish what the registry grants.

        Raises:
            RegistryError: the registry does not hold; what was in force stays.
            OperatorError: the operators' file does not hold; what was in force stays.
        """
        registry = load_registry(self.settings.registry)
        operators = load_operators(self.settings.operators, registry)
        published = await self.granting.publish(registry)
        self.writer.registry = registry
        self.operating.operators = operators
        self.log.info("registry.read", terminals=len(registry.terminals), grants=published)


async def run(settings: FleetProcessSettings, log: FilteringBoundLogger) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        SettingsError: a file that the settings name is missing or holds something else.
        RegistryError: the registry does not hold.
        OperatorError: the operators' file does not hold.
        NotDurableError: the store would forget.
        RedisError: the store does not answer in time.
    """
    stop = asyncio.Event()
    again = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    loop.add_signal_handler(signal.SIGHUP, again.set)
    tls_context(settings.mqtt)
    key = load_grant_key(settings.grant_key)
    operating = OperatorsInForce(load_token_key(settings.operator_key))
    audit = open_audit(settings.audit, settings.process, log, audit_format)
    redis = open_store(settings.redis, most=MAX_CONNECTIONS, silent_s=STORE_SILENT_S)
    try:
        await _await_store(redis)
        granting = GrantPublisher(redis, key, GrantFloor(settings.grant_floor))
        process = _assemble(settings, log, redis, granting, operating, audit)
        await process.adopt_registry()
        await _serve(process, stop, again)
    finally:
        await redis.aclose()
        audit.close()
    log.info("stopped")


def _assemble(
    settings: FleetProcessSettings,
    log: FilteringBoundLogger,
    redis: Redis,
    granting: GrantPublisher,
    operating: OperatorsInForce,
    audit: AuditLog[Act],
) -> FleetProcess:
    metrics = FleetMetrics()
    process = FleetProcess(
        settings=settings,
        log=log,
        redis=redis,
        writer=ShardWriter(redis, metrics, log),
        granting=granting,
        operating=operating,
        audit=audit,
        metrics=metrics,
        keepers={},
    )
    leases = Leases(redis=redis, holder=settings.process)
    for name in settings.shards:
        process.keepers[Shard(name)] = Keeper(
            shard=Shard(name),
            leases=leases,
            writer=process.writer,
            mqtt=settings.mqtt,
            log=log,
            on_change=process.count_shards,
        )
    return process


async def _await_store(redis: Redis) -> None:
    """Wait for the store, refuse one that would forget, and one without our functions."""
    deadline = asyncio.get_running_loop().time() + STORE_START_S
    while True:
        try:
            await check_durable(redis)
            await check_library(redis)
        except (RedisError, OSError, FunctionsMissingError):
            if asyncio.get_running_loop().time() > deadline:
                raise
            await asyncio.sleep(STORE_RETRY_S)
        else:
            return


async def _serve(process: FleetProcess, stop: asyncio.Event, again: asyncio.Event) -> None:
    settings = process.settings
    if settings.verifier is not None:
        process.news = News(settings.verifier, process.announce)
    door = Door(
        bind(TABLE.operations, fleet_handlers(_shared(process))),
        callers(settings.api_keys, process.operating),
        log=process.log,
        counts=process.metrics,
    )
    try:
        await door.open(bound_socket(settings.http.host, settings.http.port))
    except OSError as error:
        raise SettingsError(f"$.http: cannot listen: {error.strerror}") from error
    writer = asyncio.ensure_future(process.writer.run())
    keepers = [asyncio.ensure_future(keeper.run()) for keeper in process.keepers.values()]
    others = [
        asyncio.ensure_future(_read_again(process, again)),
        asyncio.ensure_future(_watch_grants(process)),
    ]
    if process.news is not None:
        others.append(asyncio.ensure_future(process.news.run()))
    stopping = asyncio.ensure_future(stop.wait())
    tasks = [stopping, writer, *keepers, *others]
    try:
        finished, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in finished:
            task.result()
    finally:
        # Sessions end first, so that nothing more comes in; then what writes; then the door.
        await process.granting.close()
        for group in ([*keepers, *others], [writer, stopping]):
            await end(group)
        await door.close(STOP_S)


def _shared(process: FleetProcess) -> Fleet:
    return Fleet(
        redis=process.redis,
        writer=process.writer,
        granting=process.granting,
        metrics=process.metrics,
        operating=process.operating,
        audit=process.audit,
        served=process.served,
        waiting=process.waiting,
        refused=lambda: process.refused,
        hears_verifier=process.hears_verifier,
    )


async def _read_again(process: FleetProcess, again: asyncio.Event) -> None:
    """Read the registry again whenever SIGHUP asks for it; a bad one changes nothing."""
    while True:
        await again.wait()
        again.clear()
        try:
            await process.adopt_registry()
            process.refused = None
        except (RegistryError, OperatorError) as error:
            process.refused = str(error)
            process.log.warning("registry.refused", error=str(error))
        except (RedisError, OSError) as error:
            process.log.warning("registry.not_published", error=type(error).__name__)
            await asyncio.sleep(STORE_RETRY_S)
            again.set()


async def _watch_grants(process: FleetProcess) -> None:
    """Publish all grants anew when the store was set back: a revocation must not be forgotten."""
    while True:
        await asyncio.sleep(GRANTS_WATCH_S)
        try:
            if await process.granting.set_back():
                published = await process.granting.publish(process.writer.registry)
                if published:
                    process.log.warning("grants.store_set_back", grants=published)
        except (RedisError, OSError, RegistryError, SettingsError) as error:
            process.log.warning("grants.not_published", error=type(error).__name__)
