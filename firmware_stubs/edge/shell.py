"""The shell around the machine: carries its actions out, in order, and comes back with events.

What an action could not make durable stops the ones after it; only a scan's own decision does not
wait for a broken disk, since `assess` and the stance have the last word there.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from structlog.typing import FilteringBoundLogger

from firmware_stubs import actions, events
from firmware_stubs.actions import Action
from firmware_stubs.edge import steady
from firmware_stubs.edge.centre import Centre
from firmware_stubs.edge.executor import TerminalExecutor
from firmware_stubs.edge.offline import Alone, no_code
from firmware_stubs.edge.relay import Relay
from firmware_stubs.edge.settings import TerminalSettings
from firmware_stubs.events import Event
from firmware_stubs.outbox import failed_over
from firmware_stubs.storage import Storage, StorageError
from firmware_stubs.terminal import Terminal
from verifier.contract.grant import Grant
from verifier.contract.reasons import Reason
from verifier.contract.scan import make_scan_id
from verifier.contract.vocabulary import ApiScope, GrantState
from verifier.engine import Clock

SHOW_LIMIT_S: Final = 10.0
"""Seconds until whoever presented a code is told something, even if all else hangs."""

Shown = actions.Show
ShowNext = actions.ShowNext
Nudge = Callable[[], None]


def _nobody() -> None:
    """Stand in for a part that does not run yet."""


def _nobody_listens(_again: bool) -> None:  # noqa: FBT001
    """Stand in for the line to the fleet."""


class Shell:
    """One running terminal."""

    def __init__(
        self,
        settings: TerminalSettings,
        storage: Storage,
        executor: TerminalExecutor,
        log: FilteringBoundLogger,
    ) -> None:
        self.settings = settings
        self.storage = storage
        self.executor = executor
        self.log = log
        self.machine = Terminal(settings.terminal, language=settings.language)
        self.gate = Relay(settings.gate, open_s=settings.gate_open_s, log=log)
        self.centre: Centre | None = None
        """None while the terminal has no identity."""
        self.counters: Counter[str] = Counter()
        self.confirmed_at = 0.0
        """Unix seconds: when the centre's store last took something."""
        self.probe: Nudge = _nobody
        self.upload: Nudge = _nobody
        self.say: Callable[[bool], None] = _nobody_listens
        """Says what is kept for the fleet; True: also what was said already."""
        self.alone = Alone(
            grant=_own_grant(settings),
            language=settings.language,
            storage=storage,
            log=log,
        )
        self._waiting: dict[str, list[asyncio.Future[Shown]]] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._store: str | None = storage.facts.store_name()
        self._carry_out: dict[type[Any], Callable[[Any], Awaitable[None]]] = {
            actions.Note: self._note,
            actions.Ask: self._ask,
            actions.Decide: self._decide,
            actions.Keep: self._keep,
            actions.OpenGate: self._open_gate,
            actions.Show: self._show,
            actions.Wait: self._wait,
            actions.Probe: self._probe,
            actions.Upload: self._upload,
            actions.Suspend: self._suspend,
            actions.Write: self._write,
            actions.CarryOut: self._act,
        }

    # Time

    def now(self) -> float:
        """Return the corrected time, Unix seconds."""
        return self.storage.clock.now(steady.wall())

    def reading(self) -> Clock:
        """Return the time as `assess` wants it."""
        return self.storage.clock.reading(steady.wall())

    def observe(self, date: float, sent: float, received: float) -> None:
        """Take in the authenticated time of an answer."""
        clock = self.storage.clock
        unsure = not clock.sure(received)
        setting = clock.observe(date=date, sent=sent, received=received)
        if clock.offset is not None and (unsure or setting.jump_s):
            # At once, so that a restart before the next clean-up is not unsure of the time.
            self.begin(self.executor.ask(self.storage.facts.persist_offset, clock.offset))
        if setting.jump_s:
            self.counters["clock.jumps"] += 1
            self.log.warning("clock.jumped", seconds=round(setting.jump_s))
        if setting.against_s:
            self.counters["clock.against"] += 1
            self.log.warning("clock.against", seconds=round(setting.against_s))

    # Events and actions

    async def dispatch(self, event: Event) -> None:
        """Have the machine take in an event, and carry out what it wants."""
        before = self.machine.state
        wanted = self.machine.handle(event, self.now())
        if self.machine.state is not before:
            self.log.info("state.changed", before=before, now=self.machine.state)
        await self._run(wanted)

    async def _run(self, wanted: Sequence[Action]) -> None:
        for action in wanted:
            await self._carry_out[type(action)](action)

    async def scan(self, texts: tuple[str, ...], *, typed: bool = False) -> Shown | ShowNext:
        """Take in a code that was read, and return what is shown for it."""
        event = events.Presented(texts=texts, random=os.urandom(6), typed=typed)
        wanted = self.machine.handle(event, self.now())
        if isinstance(wanted[0], ShowNext):
            self.counters["frames.chunk"] += 1
            return wanted[0]
        if isinstance(wanted[0], actions.Count):
            self.counters["scans.again"] += 1
            wanted = wanted[1:]
        scan_id = _scan_id(wanted[0])
        shown: asyncio.Future[Shown] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(scan_id, []).append(shown)
        # A task of its own: a door that is closed meanwhile must not stop what was begun.
        self.begin(self._run(wanted))
        try:
            async with asyncio.timeout(SHOW_LIMIT_S):
                return await shown
        except TimeoutError:
            self.log.exception("scan.hangs", scan_id=scan_id)
            answer = no_code(Reason.SYSTEM_UNAVAILABLE, self.settings.language, scan_id)
            return Shown(answer=answer, online=False)

    def no_code(self, reason: Reason) -> Shown:
        """Answer a frame without a code to judge."""
        scan_id = make_scan_id(
            self.settings.terminal, milliseconds=int(self.now() * 1000), random=os.urandom(6)
        )
        self.counters[f"frames.{reason}"] += 1
        return Shown(answer=no_code(reason, self.settings.language, scan_id), online=False)

    def begin(self, work: Any) -> "asyncio.Task[None]":
        """Run a coroutine beside everything else; what it raises is logged."""
        task: asyncio.Task[None] = asyncio.ensure_future(work)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    async def command(self, event: events.CommandArrived) -> None:
        """Take in a command and see it through, also when the line is lost meanwhile.

        What stands as started is done, or it would be shown as running and never end.
        """
        await asyncio.shield(self.begin(self.dispatch(event)))

    async def finish(self) -> None:
        """Wait until nothing that was begun is still under way."""
        while self._running:
            await asyncio.wait(self._running)

    async def sweep(self) -> None:
        """Let a second pass, and clean up."""
        await self.executor.ask(
            self.storage.sweep, wall=steady.wall(), confirmed_at=self.confirmed_at
        )

    async def confirmed(self) -> None:
        """Note that the centre's store took something; see whether it is still the same store."""
        self.confirmed_at = self.now()
        name = None if self.centre is None else self.centre.store
        if name is None or name == self._store:
            return
        before, self._store = self._store, name
        if failed_over(before, name):
            again = await self.executor.ask(self.storage.records.reopen)
            self.log.warning("store.failed_over", records=again)
            self.upload()
        await self.executor.ask(self.storage.facts.persist_store_name, name)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self.log.error("shell.failed", exc_info=task.exception())

    async def _note(self, action: actions.Note) -> None:
        try:
            await self.executor.ask(self.storage.records.note, action.scan)
        except StorageError as error:
            self._disk_failed(error)

    async def _ask(self, action: actions.Ask) -> None:
        if self.centre is None:
            event: Event = events.CentreFailed(scan_id=action.scan.scan_id, seconds=0.0)
        else:
            event = await self.centre.ask(action.scan, action.limit_s)
        await self.dispatch(event)

    async def _decide(self, action: actions.Decide) -> None:
        answer = await self.executor.ask(self.alone.decide, action.scan, self.reading())
        self._count(answer.decision)
        await self.dispatch(events.DecidedAlone(answer=answer))

    async def _keep(self, action: actions.Keep) -> None:
        self._count(action.verdict.answer.decision)
        try:
            await self.executor.ask(
                self.alone.keep,
                action.scan,
                action.verdict,
                self.reading(),
                acknowledged=action.acknowledged,
            )
        except StorageError as error:
            self._disk_failed(error)
            self.storage.records.lost += not action.acknowledged
        if action.acknowledged:
            await self.confirmed()
        else:
            self.upload()

    async def _open_gate(self, action: actions.OpenGate) -> None:
        try:
            await self.executor.ask(self.storage.records.mark_opened, action.scan_id)
        except StorageError as error:
            self._disk_failed(error)
        self.gate.open(action.scan_id)

    async def _show(self, action: actions.Show) -> None:
        for shown in self._waiting.pop(action.answer.scan_id, ()):
            if not shown.done():
                shown.set_result(action)

    async def _wait(self, action: actions.Wait) -> None:
        """Do nothing: the decision's own Show comes to all who wait for it."""

    async def _probe(self, _action: actions.Probe) -> None:
        self.probe()

    async def _upload(self, _action: actions.Upload) -> None:
        self.upload()

    async def _suspend(self, action: actions.Suspend) -> None:
        await self.executor.ask(self.storage.facts.suspend, suspended=action.suspended)

    async def _write(self, action: actions.Write) -> None:
        now = int(self.now() * 1000)
        try:
            new = await self.executor.ask(self.storage.messages.write, action.plan, now)
        except StorageError:
            self.machine.ring.unwritten(action.plan)
            raise
        self.say(not new)

    async def _act(self, action: actions.CarryOut) -> None:
        self.gate.open(action.command)
        await self.dispatch(events.Acted(command=action.command, done=True))

    def _count(self, decision: str) -> None:
        self.counters[f"scans.{decision}"] += 1

    def _disk_failed(self, error: StorageError) -> None:
        self.counters["disk.failures"] += 1
        self.log.error("disk.failed", error=str(error))


def _scan_id(action: Action) -> str:
    """Return which scan the first action of a reading is about."""
    match action:
        case actions.Note() | actions.Ask() | actions.Decide() | actions.Keep():
            return action.scan.scan_id
        case actions.Show():
            return action.answer.scan_id
        case actions.Wait() | actions.OpenGate():
            return action.scan_id
    raise TypeError("an action about no scan")


def _own_grant(settings: TerminalSettings) -> Grant:
    """Return where the terminal stands, in the shape that `assess` asks for."""
    return Grant(
        terminal=settings.terminal,
        fingerprint="0" * 64,
        place=settings.place,
        gate=settings.gate,
        direction=settings.direction,
        scopes=(ApiScope.SCAN,),
        state=GrantState.ACTIVE,
        version=1,
    )
