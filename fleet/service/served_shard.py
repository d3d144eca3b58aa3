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
    """A write may have happened, or may yet: before the next one its turn is looked for."""
    apart: int = field(default_factory=lambda: now_ms() - monotonic_ms())
    """Milliseconds between the clock by which the state's moments are, and the monotonic one."""
    turn: str | None = None
    """The name of the shard's newest write; None: it was not read yet."""
    writes: int = 0
    """Writes that were made up, answered or not: numbers their names."""

    def next_turn(self) -> str:
        """Return a name that no other write of the shard has."""
        self.writes += 1
        return f"{self.fence}-{self.writes}"
