"""A shard that this process serves: its lease, its state in memory, its session at the broker."""

import asyncio
from dataclasses import dataclass, field

from fleet.service.mqtt.connection import Session
from fleet.service.store.leases import Fence
from fleet.shard import Shard
from runtime.clock import monotonic_ms, now_ms


@dataclass(slots=True, eq=False)
class ServedShard:
    """One shard while this process has its lease."""

    shard: Shard
    fence: Fence
    session: Session | None = None
    lost: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when another process has taken the lease: nothing more is written or acknowledged."""
    tick_waits: bool = False
    doubtful: bool = False
    """A write may or may not have happened; the state is read again before the next."""
    apart: int = field(default_factory=lambda: now_ms() - monotonic_ms())
    """Milliseconds between the clock by which the state's moments are, and the monotonic one."""
