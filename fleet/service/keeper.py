"""The keeper of one shard: takes its lease, loads it, serves its session, and lets go when it must.

Waiting for a lease that another process holds is the normal state of a second process.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from redis.exceptions import RedisError
from structlog.typing import FilteringBoundLogger

from fleet.contract.topics import Shard, subscriptions
from fleet.service.mqtt.connection import Session
from fleet.service.served_shard import ServedShard
from fleet.service.settings import MqttSettings
from fleet.service.shard_writer import ShardWriter
from fleet.service.store.leases import RENEW_S, Leases
from fleet.service.store.shards import load_shard
from runtime.clock import now_ms
from runtime.tasks import end

TICK_S: Final = 1.0
"""Seconds between looks at what time alone changes."""
STOP_S: Final = 2.0
"""Seconds for giving a lease back when the process stops."""


@dataclass(slots=True, kw_only=True)
class Keeper:
    """One shard of this process, served or waited for."""

    shard: Shard
    leases: Leases
    writer: ShardWriter
    mqtt: MqttSettings
    log: FilteringBoundLogger
    on_change: Callable[[], None]
    served: ServedShard | None = field(default=None, init=False)

    @property
    def serving(self) -> bool:
        """Whether the shard's messages flow here."""
        served = self.served
        return served is not None and served.session is not None and served.session.connected

    async def run(self) -> None:
        """Hold the shard whenever it is free, until cancelled."""
        own = True
        while True:
            try:
                fence = await self.leases.take(self.shard, own=own)
                if fence is not None:
                    own = False
                    shard = await load_shard(self.leases.redis, self.shard, now_ms())
                    await self._serve(ServedShard(shard, fence))
            except (RedisError, OSError) as error:
                self.log.warning("lease.unreachable", shard=self.shard, error=type(error).__name__)
            await asyncio.sleep(random.uniform(0.5, 1) * RENEW_S)  # noqa: S311 - jitter

    async def _serve(self, served: ServedShard) -> None:
        session = Session(
            client_id=f"fleet-{self.shard}",
            settings=self.mqtt,
            subscriptions=subscriptions(self.shard),
            deliver=lambda arrival, receipt: self.writer.deliver(served, arrival, receipt),
        )
        served.session = session
        self.served = served
        self.log.info("shard.taken", shard=self.shard, fence=served.fence)
        tasks = [
            asyncio.ensure_future(each)
            for each in (
                self._stay_connected(served, session),
                self._renew(served),
                self._tick(served),
                served.lost.wait(),
            )
        ]
        try:
            finished, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in finished:
                task.result()
        finally:
            await end(tasks)
            await self._leave(served, session)

    async def _leave(self, served: ServedShard, session: Session) -> None:
        mine = not served.lost.is_set()
        served.lost.set()
        self.served = None
        await session.close()
        if mine:
            try:
                async with asyncio.timeout(STOP_S):
                    await self.leases.release(self.shard, served.fence)
            except (RedisError, OSError, TimeoutError):
                # It runs out by itself.
                self.log.info("lease.left", shard=self.shard)
        self.log.info("shard.released", shard=self.shard, fence=served.fence)
        self.on_change()

    async def _stay_connected(self, served: ServedShard, session: Session) -> None:
        def connected(present: bool) -> None:  # noqa: FBT001 - the session's callback
            self.log.info("session.connected", shard=self.shard, present=present)
            self.writer.happen(served, lambda work: work.connected(present=present))
            self.on_change()

        def failed(why: str) -> None:
            self.log.warning("session.failed", shard=self.shard, error=why)
            self.on_change()

        await session.serve(lambda: self._still_mine(served), connected, failed)

    async def _still_mine(self, served: ServedShard) -> bool:
        """Ask the store before each attempt; without a store there is nothing to connect for."""
        while not served.lost.is_set():
            try:
                if await self.leases.renew(self.shard, served.fence):
                    return True
                served.lost.set()
            except (RedisError, OSError):
                await asyncio.sleep(RENEW_S)
        return False

    async def _renew(self, served: ServedShard) -> None:
        while await self._still_mine(served):  # noqa: ASYNC110 - a heartbeat, nothing to wait for
            await asyncio.sleep(RENEW_S)

    async def _tick(self, served: ServedShard) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            self.writer.tick(served)
