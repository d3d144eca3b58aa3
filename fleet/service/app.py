"""What the handlers of the HTTP door share: one frozen value."""

from collections.abc import Callable
from dataclasses import dataclass

from redis.asyncio import Redis

from fleet.contract.topics import Shard
from fleet.registry import Registry
from fleet.service.grants import GrantPublisher
from fleet.service.metrics import FleetMetrics
from fleet.service.operators import OperatorsInForce
from fleet.service.served_shard import ServedShard
from fleet.service.shard_writer import ShardWriter
from runtime.audit import AuditLog
from verifier.contract.audit import Act


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """The running service, as its handlers see it."""

    redis: Redis
    writer: ShardWriter
    granting: GrantPublisher
    metrics: FleetMetrics
    operating: OperatorsInForce
    audit: AuditLog[Act]
    served: Callable[[Shard], ServedShard | None]
    """The shard, while this process serves it."""
    waiting: Callable[[], tuple[str, ...]]
    """The shards of the settings that are not served."""
    refused: Callable[[], str | None]
    """Why registry or operators' file were refused when they were read last."""
    hears_verifier: Callable[[], bool]
    """Whether the verifier answers, or is not to be asked."""

    @property
    def registry(self) -> Registry:
        """Return the registry in force."""
        return self.writer.registry
