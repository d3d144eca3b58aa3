"""The process: opens what the settings name, starts the parts, and stops them in order."""

import asyncio
import secrets
import signal
from pathlib import Path
from typing import Any, Final

from structlog.typing import FilteringBoundLogger

from firmware_stubs import events
from firmware_stubs.edge import steady
from firmware_stubs.edge.centre import Centre
from firmware_stubs.edge.disk.storage import open_storage
from firmware_stubs.edge.door import LocalDoor
from firmware_stubs.edge.executor import DiskThread, TerminalExecutor
from firmware_stubs.edge.fleet_line import FleetLine
from firmware_stubs.edge.loops.bell import sweep
from firmware_stubs.edge.loops.fetcher import Fetcher
from firmware_stubs.edge.loops.prober import Prober
from firmware_stubs.edge.loops.uploads import Uploader
from firmware_stubs.edge.settings import TerminalSettings
from firmware_stubs.edge.shell import Shell
from firmware_stubs.storage import Storage
from fleet.contract.servers import ServerName
from runtime.settings import SettingsError
from runtime.tasks import end
from runtime.tls import RenewableContext, client_context

ENROLLED_S: Final = 1.0
"""Seconds between looks for the identity of a terminal that has none."""
STOP_S: Final = 1.5
"""Seconds for what is under way when the process stops."""


class TerminalProcess:
    """One terminal's process."""

    def __init__(
        self,
        settings: TerminalSettings,
        storage: Storage,
        executor: TerminalExecutor,
        log: FilteringBoundLogger,
    ) -> None:
        self._settings = settings
        self._log = log
        self._executor = executor
        self.shell = Shell(settings, storage, executor, log)
        self._connection: FleetLine | None = None
        self._fetcher = Fetcher(self.shell, self._bundles_changed)
        self._prober = Prober(self.shell)
        self._uploader = Uploader(self.shell)
        self._door = LocalDoor(self.shell, log=log, switch=self.switch, state=self.state)
        self._boot = secrets.token_hex(16)

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set.

        Raises:
            SettingsError: the door's path, a certificate or a key cannot be used.
        """
        shell, storage = self.shell, self.shell.storage
        if not storage.lasting:
            self._log.warning("storage.forgets", terminal=self._settings.terminal)
        if storage.records.missing:
            self._log.error("outbox.missing", records=storage.records.missing)
        for refused in storage.refused:
            self._log.error("slot.refused", name=refused.name, cause=refused.cause)
        identity = self._has_identity()
        if identity:
            self._connect_parts()
        try:
            await self._door.open(Path(self._settings.socket))
        except OSError as error:
            raise SettingsError(f"$.socket: cannot listen: {error.strerror}") from error
        await shell.dispatch(events.Equipped(usable=storage.bundles.equipped(self._settings.place)))
        await shell.dispatch(
            events.StateLoaded(
                identity=identity,
                suspended=storage.facts.suspended(),
                ring=storage.messages.ring(),
                scans=storage.records.recent(shell.now()),
            )
        )
        self._log.info("started", state=shell.machine.state, terminal=self._settings.terminal)
        await self._serve(stop)

    async def _serve(self, stop: asyncio.Event) -> None:
        stopping = asyncio.ensure_future(stop.wait())
        rounds = [
            asyncio.ensure_future(work)
            for work in (
                self._on_line(),
                self._fetcher.run(),
                self._prober.run(),
                self._uploader.run(),
                sweep(self.shell),
            )
        ]
        try:
            ended, _ = await asyncio.wait((stopping, *rounds), return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                task.result()
        finally:
            # The door first, so that nothing new begins; then what runs beside; then the disk.
            await self._door.close()
            await end((stopping, *rounds))
            await self._finish()

    async def _finish(self) -> None:
        try:
            async with asyncio.timeout(STOP_S):
                await self.shell.finish()
        except TimeoutError:
            self._log.warning("stopped.early")
        if self.shell.centre is not None:
            await self.shell.centre.close()
        self.shell.gate.close()
        await self.shell.sweep()
        self._executor.close()

    async def _on_line(self) -> None:
        """Wait for an identity where there is none, then keep the line to the fleet."""
        while self._connection is None:
            await asyncio.sleep(ENROLLED_S)
            if self._has_identity():
                self._connect_parts()
                self._log.info("enrolled")
                await self.shell.dispatch(events.Enrolled())
                self._fetcher.news(0.0)
        await self._bundles_changed()
        await self._connection.run()

    async def switch(self, cut: bool) -> None:  # noqa: FBT001 - the switch has two positions
        """Take the network away, or give it back."""
        centre, connection = self.shell.centre, self._connection
        if cut:
            await self.shell.dispatch(events.Switched(cut=True))
            if connection is not None:
                connection.cut()
            if centre is not None:
                await centre.cut()
        else:
            if centre is not None:
                centre.join()
            if connection is not None:
                connection.join()
            await self.shell.dispatch(events.Switched(cut=False))
        self._log.info("network.switched", cut=cut)

    async def state(self) -> dict[str, Any]:
        """Return what GET /state shows."""
        shell, storage, machine = self.shell, self.shell.storage, self.shell.machine
        fill, full = await self._executor.ask(
            lambda: (storage.records.fill(), storage.records.full())
        )
        clock = shell.reading()
        offset = storage.clock.offset
        connection = self._connection
        epoch = None if connection is None else connection.epoch
        return {
            "terminal": self._settings.terminal,
            "place": self._settings.place,
            "gate": self._settings.gate,
            "state": machine.state,
            "cut": machine.cut,
            "connectivity": {
                "online": machine.connectivity.online,
                "clean": machine.connectivity.clean(),
            },
            "outbox": {
                "waiting": fill.entries - fill.acknowledged,
                "entries": fill.entries,
                "octets": fill.octets,
                "full": full,
                "lost": storage.records.lost,
                "dropped": storage.records.dropped,
                "missing": storage.records.missing,
                "refused": shell.counters["outbox.refused"],
            },
            "bundles": storage.bundles.versions(),
            "equipped": machine.equipped,
            "gate_openings": shell.gate.openings,
            "gate_open": shell.gate.is_open,
            "clock": {
                "sure": clock.sure,
                "uncertainty_s": round(clock.uncertainty, 3),
                "offset_s": None if offset is None else round(offset.value(), 3),
            },
            "broker": {
                "connected": connection is not None and connection.connected,
                "epoch": None if epoch is None else [epoch.generation, epoch.counter],
            },
            "counters": dict(shell.counters),
        }

    async def _bundles_changed(self) -> None:
        if self._connection is not None:
            await self._connection.changed()

    def _has_identity(self) -> bool:
        return Path(self._settings.key).exists() and Path(self._settings.certificate).exists()

    def _connect_parts(self) -> None:
        """Make the lines to the services with the terminal's identity.

        Raises:
            SettingsError: certificate, key or CA cannot be used.
        """
        settings = self._settings
        self.shell.centre = Centre(
            settings.verifier.url,
            self._tls(ServerName.VERIFIER, "$.verifier.ca", settings.verifier.ca),
            language=settings.language,
            observe=self.shell.observe,
            log=self._log,
        )
        self._connection = FleetLine(
            self.shell,
            self._tls(ServerName.BROKER, "$.broker.ca", settings.broker.ca),
            boot=self._boot,
            news=self._fetcher.news,
        )

    def _tls(self, server: ServerName, field: str, ca: str) -> RenewableContext:
        settings = self._settings
        try:
            return client_context(server, ca=ca, certificate=settings.certificate, key=settings.key)
        except OSError as error:
            raise SettingsError(f"{field}, $.certificate, $.key: cannot use: {error}") from error


async def run(
    settings: TerminalSettings, log: FilteringBoundLogger, *, reset: bool = False
) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        SettingsError: something that the settings name cannot be used.
        StateError: the state folder cannot be used.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    storage = open_storage(settings, wall=steady.wall(), reset=reset)
    try:
        await TerminalProcess(settings, storage, DiskThread(), log).run(stop)
    finally:
        storage.close()
    log.info("stopped")
