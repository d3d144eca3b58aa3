"""The line to the fleet: births, heartbeats, what is kept until acknowledged, commands that come.

A connection begins with a durable epoch, then CONNECT with the will, then birth, then everything
that the fleet has not acknowledged. What is not acknowledged within a minute is said again. Loss of
the connection is followed by the backoff, never by an immediate retry. Document:
docs/terminal-contract.md.
"""

import asyncio
import random
import time
from collections.abc import Callable
from typing import Final

from firmware_stubs import events
from firmware_stubs.backoff import Backoff, about
from firmware_stubs.commands import read_command
from firmware_stubs.edge.broker import Arrived, BrokerConnection, NotConnectedError
from firmware_stubs.edge.identity import refreshed
from firmware_stubs.edge.shell import Shell
from firmware_stubs.edge.version import SOFTWARE
from firmware_stubs.storage import KeptKind, StorageError
from firmware_stubs.terminal import State
from fleet.contract.commands import CommandType
from fleet.contract.errors import ContractError
from fleet.contract.messages import (
    MAX_NAMES,
    Ack,
    Beat,
    Birth,
    BundleNews,
    ClockState,
    Epoch,
    Reported,
    Will,
    encode,
    read,
)
from fleet.contract.topics import TerminalId, TopicName, parse
from runtime.tls import RenewableContext
from verifier.contract.status import plane_of
from verifier.trust.kinds import place_of

REPEAT_S: Final = 60.0
"""Seconds after which what is not acknowledged is said again."""
MAX_SPREAD_S: Final = 300
"""Seconds; news of bundles that asks for more is not put off any longer."""
CONDITIONS: Final = ("bundles.refused", "clock.against", "clock.jumps", "outbox.refused")
"""Counters that the fleet makes incidents of: they are never among those left out."""
JITTER: Final = 0.1
"""Part of an interval by which terminals drift apart."""

News = Callable[[float], None]
"""Takes the seconds over which terminals spread their fetch."""


class FleetLine:
    """The line of one terminal; `boot` is 128 random bits as hex, new at every start."""

    def __init__(self, shell: Shell, tls: RenewableContext, *, boot: str, news: News) -> None:
        self._shell = shell
        self._tls = tls
        self._boot = boot
        self._news = news
        self._started = time.monotonic()
        self._may = asyncio.Event()
        self._may.set()
        self._connection: BrokerConnection | None = None
        self._epoch: Epoch | None = None
        self._said: set[tuple[TopicName, int]] = set()
        """Kind and sequence of what was sent on this connection."""
        self._reported: dict[str, int] | None = None
        shell.say = self._say

    @property
    def connected(self) -> bool:
        """Whether the broker has let the terminal in."""
        return self._connection is not None

    @property
    def epoch(self) -> Epoch | None:
        """Return the epoch of the newest connection that was tried."""
        return self._epoch

    def cut(self) -> None:
        """Lose the connection and make no new one."""
        self._may.clear()
        if self._connection is not None:
            self._connection.sever()

    def join(self) -> None:
        """Connect again."""
        self._may.set()

    async def changed(self) -> None:
        """Report which bundles are in use, if more than the age of a status has changed."""
        versions = self._versions()
        lasting = {name: v for name, v in versions.items() if plane_of(name) is None}
        if lasting == self._reported:
            return
        self._reported = lasting
        shell = self._shell
        await shell.executor.ask(
            shell.storage.messages.report,
            versions,
            int(shell.now() * 1000),
            replaces=self._connection is None,
        )
        self._say(again=False)

    async def run(self) -> None:
        """Keep the line up until cancelled; then leave in order."""
        backoff = Backoff(random=random.random, spread_s=self._shell.settings.spread_s)
        while True:
            await self._may.wait()
            try:
                await self._connect(backoff)
            except NotConnectedError as error:
                self._shell.log.info("broker.unreachable", error=str(error))
            wait = backoff.wait(time.monotonic())
            if self._may.is_set():
                await asyncio.sleep(wait)
            else:
                # A person took the network away and will give it back: that is no failure.
                backoff.reset()

    async def _connect(self, backoff: Backoff) -> None:
        """Connect once and stay until the connection is lost."""
        shell, settings = self._shell, self._shell.settings
        self._epoch = epoch = await shell.executor.ask(
            shell.storage.facts.next_epoch, settings.generation
        )
        will = Will(epoch=epoch, boot=self._boot)
        refreshed(self._tls, shell.log)
        connection = BrokerConnection(TerminalId(settings.terminal), self._tls, will)
        await connection.open(settings.broker.host, settings.broker.port)
        if not self._may.is_set():
            connection.sever()
        shell.log.info("broker.connected", epoch=epoch.counter)
        backoff.connected(time.monotonic())
        self._connection, self._said = connection, set()
        works = (connection.lost.wait(), self._listen(connection), self._beat(connection, epoch))
        tasks = [asyncio.ensure_future(work) for work in works]
        try:
            await self._born(connection, epoch)
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not connection.lost.is_set() and self._may.is_set():
                connection.publish(TopicName.WILL, encode(will))
            self._connection = None
            for task in tasks:
                task.cancel()
            for ended in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(ended, Exception):
                    shell.log.error("line.failed", exc_info=ended)
            await connection.end()
            shell.log.info("broker.lost", epoch=epoch.counter)

    async def _born(self, connection: BrokerConnection, epoch: Epoch) -> None:
        shell = self._shell
        lowest = shell.storage.messages.lowest
        reported, result = await shell.executor.ask(
            lambda: (lowest(KeptKind.REPORTED), lowest(KeptKind.RESULT))
        )
        birth = Birth(
            epoch=epoch,
            boot=self._boot,
            at=int(shell.now() * 1000),
            clock=self._clock(),
            software=SOFTWARE,
            bundles=self._versions(),
            capabilities=tuple(kind.value for kind in CommandType),
            reported_from=reported,
            result_from=result,
        )
        connection.publish(TopicName.BIRTH, encode(birth))
        await self._publish_kept(connection, again=True)

    def _say(self, again: bool) -> None:  # noqa: FBT001 - the shell hands it over by position
        if self._connection is not None:
            self._shell.begin(self._publish_kept(self._connection, again=again))

    async def _publish_kept(self, connection: BrokerConnection, *, again: bool) -> None:
        """Send what waits for an acknowledgement; `again`: also what this connection has sent."""
        shell, epoch = self._shell, self._epoch
        if epoch is None:
            return
        kept = await shell.executor.ask(shell.storage.messages.kept, epoch, self._boot)
        if connection is not self._connection:
            return
        for message in kept:
            name = TopicName.REPORTED if isinstance(message, Reported) else TopicName.RESULT
            if again or (name, message.sequence) not in self._said:
                self._said.add((name, message.sequence))
                connection.publish(name, encode(message))

    async def _beat(self, connection: BrokerConnection, epoch: Epoch) -> None:
        repeat_at = time.monotonic() + about(REPEAT_S, JITTER, random.random)
        while True:
            interval = about(self._shell.settings.beat_s, JITTER, random.random)
            await asyncio.sleep(interval)
            connection.publish(TopicName.BEAT, encode(await self._heartbeat(epoch)))
            if time.monotonic() >= repeat_at:
                repeat_at = time.monotonic() + about(REPEAT_S, JITTER, random.random)
                await self._publish_kept(connection, again=True)

    async def _heartbeat(self, epoch: Epoch) -> Beat:
        shell = self._shell
        fill = await shell.executor.ask(shell.storage.records.fill)
        told = {name: shell.counters[name] for name in CONDITIONS}
        counters = {
            **told,
            "gate.openings": shell.gate.openings,
            "outbox.lost": shell.storage.records.lost,
            "outbox.dropped": shell.storage.records.dropped,
            "outbox.missing": shell.storage.records.missing,
            **shell.counters,
        }
        offset = shell.storage.clock.offset
        return Beat(
            epoch=epoch,
            boot=self._boot,
            at=int(shell.now() * 1000),
            clock=self._clock(),
            uptime_s=int(time.monotonic() - self._started),
            outbox=fill.entries - fill.acknowledged,
            verifier_online=shell.machine.state is State.ONLINE,
            counters=dict(list(counters.items())[:MAX_NAMES]),
            clock_offset_ms=None if offset is None else int(offset.value() * 1000),
        )

    async def _listen(self, connection: BrokerConnection) -> None:
        while True:
            arrived = await connection.inbox.get()
            try:
                await self._take(arrived)
            except ContractError as error:
                self._shell.log.warning("message.refused", breach=error.breach)
            except StorageError as error:
                # Nothing was done that could not be written; the fleet says it again.
                self._shell.log.exception("message.lost", error=type(error).__name__)

    async def _take(self, arrived: Arrived) -> None:
        shell = self._shell
        name = parse(arrived.topic).name
        if name is TopicName.COMMAND:
            command = read_command(arrived.payload)
            if command is None:
                shell.log.warning("command.unreadable", octets=len(arrived.payload))
                return
            sure = shell.reading().sure
            told = events.CommandArrived(
                command=command, retained=arrived.retained, clock_sure=sure
            )
            shell.log.info("command.arrived", command=command.id)
            await shell.command(told)
        elif name is TopicName.ACK and not arrived.retained:
            ack = read(Ack, arrived.payload)
            await shell.executor.ask(shell.storage.messages.acknowledge, ack)
        elif name is TopicName.BUNDLE and not arrived.retained:
            self._news(float(min(read(BundleNews, arrived.payload).spread_s, MAX_SPREAD_S)))
        elif name is TopicName.DESIRED:
            shell.log.info("desired.ignored")

    def _versions(self) -> dict[str, int]:
        """Return the versions in use; what is of the terminal's own place goes without its name."""
        own = f"-{self._shell.settings.place}"
        named = {
            name.removesuffix(own) if place_of(name) else name: version
            for name, version in self._shell.storage.bundles.versions().items()
        }
        return dict(list(named.items())[:MAX_NAMES])

    def _clock(self) -> ClockState:
        return ClockState.OK if self._shell.reading().sure else ClockState.UNSURE
