"""Runs children: starts them in order, restarts what ends by itself, stops them in reverse.

A child that ends is started again, and one that gives no sign of life is ended first. None of that
needs a disk that takes anything: what is written here is for others to read, and is written later
where it cannot be written now.

No child outlives its supervisor: the kernel kills it when the supervisor's main thread ends
(PR_SET_PDEATHSIG), so everything here must be called from the main thread. A child has its own
session, so that Ctrl-C reaches the supervisor alone and the stop is orderly. Knows no service.
"""

import asyncio
import contextlib
import ctypes
import os
import signal
import time
from asyncio.subprocess import Process
from collections.abc import Callable, Iterable
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Final

from deploy.local import credentials, pidfile
from deploy.local.child import MISSED_PROBES, Child, ChildAnswer, ChildState, ChildStatus
from deploy.local.confinement import restrict, ruleset
from deploy.local.disk_errors import restored_by_root, unusable
from deploy.local.errors import ChildFailedError
from deploy.local.logfile import LogFile
from deploy.local.ready import ask
from deploy.words.phrase import Phrase
from runtime import clock
from runtime.open_files import open_files, raise_open_files

FIRST_DELAY_S: Final = 0.2
"""Before the first restart: at once, but not in a tight loop."""
LONGEST_DELAY_S: Final = 10.0
"""Between restarts at most: what was repaired is found within seconds."""
STABLE_S: Final = 10.0
"""A child that ran this long starts over with the first delay."""
STARTING_PROBE_S: Final = 0.05
"""Between questions to a child that is starting."""
WATCHING_PROBE_S: Final = 2.0
"""Between questions to a child that is ready."""
SAID_PERCENT: Final = 10
"""Of a store that is loading its data each tenth is said, and no more."""
RECENT_S: Final = 60.0
"""How long a crash that was repaired is still spoken of: long enough to be seen by a person."""
FOLDER_MODE: Final = 0o700
_PR_SET_PDEATHSIG: Final = 1
_LIBC: Final = ctypes.CDLL(None, use_errno=True)


class Children:
    """The children of one `up`; `changed` is called with each child whose status changes."""

    def __init__(
        self, *, logs: Path, pids: Path, changed: Callable[[ChildStatus], None] = lambda _: None
    ) -> None:
        self._logs = logs
        self._pids = pids
        self._changed = changed
        self._kept: list[_Kept] = []
        self._listed = True
        """Whether the list of processes on disk is as it should be."""

    async def start(self, children: Iterable[Child]) -> None:
        """Start children stage by stage; return when all are ready.

        Raises:
            ChildFailedError: one ended, or was not ready in time; the others still run.
        """
        for _, stage in groupby(children, key=lambda child: child.stage):
            kept = [_Kept(child, self._logs, self._note, self._tidy) for child in stage]
            self._kept += kept
            for one in kept:
                one.begin()
            await asyncio.gather(*(one.started() for one in kept))

    async def stop(self) -> None:
        """Stop all, the last stage first: SIGTERM, then SIGKILL after the child's deadline."""
        for one in self._kept:
            one.release()
        for _, stage in groupby(reversed(self._kept), key=lambda one: one.child.stage):
            await asyncio.gather(*(one.end() for one in stage))
        self._pids.unlink(missing_ok=True)

    def signal(self, name: str, number: int) -> bool:
        """Send a child a signal; False: it is not up, and could not bear one yet."""
        return any(one.signal(number) for one in self._kept if one.child.name == name)

    def kill(self) -> None:
        """End all at once, in no order: for a second Ctrl-C."""
        for one in self._kept:
            one.kill()

    def status(self) -> tuple[ChildStatus, ...]:
        """Return each child's status, in the order of start."""
        return tuple(one.status() for one in self._kept)

    def tail(self, name: str) -> tuple[str, ...]:
        """Return the last lines that a child wrote."""
        return next((one.log.tail() for one in self._kept if one.child.name == name), ())

    def _note(self, status: ChildStatus) -> None:
        self._list()
        self._changed(status)

    def _tidy(self) -> None:
        """Write what could not be written when it was due."""
        if not self._listed:
            self._list()

    def _list(self) -> None:
        known = (one.identity for one in self._kept)
        processes = tuple(process for process in known if process is not None)
        try:
            pidfile.write(self._pids, processes)
        except OSError:  # a full disk
            self._listed = False
        else:
            self._listed = True


class _Kept:
    """One child and the task that keeps it running."""

    def __init__(
        self,
        child: Child,
        logs: Path,
        note: Callable[[ChildStatus], None],
        tidy: Callable[[], None],
    ) -> None:
        self.child = child
        self.log = LogFile(logs / f"{child.name}.log")
        self.identity: pidfile.StartedProcess | None = None
        self._note, self._tidy = note, tidy
        self._hung: str | None = None
        """Why it was ended by us, once it was."""
        self._headway_at = time.monotonic()
        """When it was started, or last came forward."""
        self._loaded = -1.0
        self._process: Process | None = None
        self._state = ChildState.STARTING
        self._problem: str | None = None
        self._restarts = 0
        self._crash = ""
        self._crash_at = -RECENT_S
        self._stopping = asyncio.Event()
        self._settled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Start the child and keep it running from now on."""
        self._task = asyncio.create_task(self._keep(), name=f"keep {self.child.name}")

    async def started(self) -> None:
        """Wait until the child is ready for the first time.

        A store that is loading is waited for as long as it comes forward.

        Raises:
            ChildFailedError: it ended, or was not ready in time.
        """
        while not self._settled.done():
            left = self._start_left()
            if left <= 0:
                why = self._problem or "it gives no reason"
                raise ChildFailedError(
                    f"{self.child.name} was not ready within {self.child.ready_seconds:g} s: {why};"
                    f" read {self.log.path}"
                )
            await asyncio.wait({self._settled}, timeout=left)
        self._settled.result()

    def release(self) -> None:
        """Keep the child running no longer; what ails it from now on is no problem."""
        self._stopping.set()

    async def end(self) -> None:
        """Stop the child for good."""
        self.release()
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()
            try:
                async with asyncio.timeout(self.child.stop_seconds):
                    await self._process.wait()
            except TimeoutError:
                self.kill()
        if self._task is not None:
            await self._task
        if self._settled.done() and not self._settled.cancelled():
            self._settled.exception()  # seen: nobody may be waiting any more
        self._become(ChildState.STOPPED, None)

    def signal(self, number: int) -> bool:
        """Send the child a signal, if it has been ready since its start."""
        up = self._state in (ChildState.READY, ChildState.TROUBLED)
        if self._process is None or self._process.returncode is not None or not up:
            return False
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)
        return True

    def kill(self) -> None:
        """End the child and whatever it started, as a crash would."""
        process = self._process
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    def status(self) -> ChildStatus:
        """Return what can be said of the child now."""
        process = self._process
        alive = process is not None and process.returncode is None
        return ChildStatus(
            name=self.child.name,
            state=self._state,
            pid=process.pid if process is not None and alive else None,
            restarts=self._restarts,
            problem=self._problem,
            crashed=self._crash if time.monotonic() - self._crash_at < RECENT_S else None,
        )

    async def _keep(self) -> None:
        delay = FIRST_DELAY_S
        while not self._stopping.is_set():
            begun = time.monotonic()
            why = await self._run_once()
            if self._stopping.is_set():
                return
            if not self._settled.done():
                # A child that cannot even start is wrong: to try again would not repair it.
                self._become(ChildState.STOPPED, why)
                self._settled.set_exception(ChildFailedError(f"{self.child.name} {why}"))
                return
            if time.monotonic() - begun >= STABLE_S:
                delay = FIRST_DELAY_S
            self._restarts += 1
            self._crash, self._crash_at = why, time.monotonic()
            again = Phrase("{why}; starting it again in {delay:g} s", why=why, delay=delay)
            self._become(ChildState.RESTARTING, again)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._stopping.wait()
            delay = min(2 * delay, LONGEST_DELAY_S)

    async def _run_once(self) -> str:
        """Run the child until it ends; return how it ended, as the rest of a sentence."""
        try:
            process = await self._spawn()
        except OSError as error:
            return self._unstarted(error)
        self._process, self._hung = process, None
        self._headway_at, self._loaded = time.monotonic(), -1.0
        self.identity = pidfile.identify(self.child.name, process.pid, self._restarts)
        self._become(ChildState.STARTING, None)
        if self._stopping.is_set():  # asked to stop while it was being started
            self.kill()
        watch = asyncio.create_task(self._watch())
        try:
            code = await process.wait()
        finally:
            watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watch
            self.identity = None
        if self._hung is not None:
            return self._hung
        if code < 0:
            # What it said before has nothing to do with it.
            return Phrase("was killed by signal {number}", number=-code)
        ended, said = Phrase("ended with code {code}", code=code), self._last_words()
        return Phrase("{ended}; its last words: {said}", ended=ended, said=said) if said else ended

    def _unstarted(self, error: OSError) -> str:
        """Say why it could not be started: its program, or a file that it needs."""
        what, confinement = error.filename or self.child.argv[0], self.child.confinement
        if confinement is not None and restored_by_root(confinement.data, error):
            return Phrase("could not be started: {why}", why=unusable(confinement.data, error))
        return Phrase(
            "could not be started: {program}: {error}", program=what, error=error.strerror
        )

    def _last_words(self) -> str:
        """Return its last line; where it names a copy of a key, the key: that can be mended."""
        said, confinement = self.log.last_line(), self.child.confinement
        if confinement is None:
            return said
        return said.replace(str(confinement.credentials), str(confinement.data / credentials.KEYS))

    async def _spawn(self) -> Process:
        confinement = self.child.confinement
        if confinement is None:
            return await self._spawn_under(lambda: None)
        data, secrets = confinement.data, confinement.secrets
        for folder in confinement.writes:
            folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        credentials.hand_over(data, secrets, confinement.credentials)
        reads = (*confinement.reads, *credentials.folders(data, secrets))
        with ruleset(data, reads, confinement.writes) as rules:
            return await self._spawn_under(partial(restrict, rules))

    async def _spawn_under(self, confine: Callable[[], None]) -> Process:
        supervisor = os.getpid()

        def die_with_supervisor() -> None:
            # After the fork, before the exec. The supervisor may have ended in between, and then
            # no signal would ever come.
            _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            if os.getppid() != supervisor:
                os._exit(1)
            raise_open_files()
            confine()

        with self.log.opened() as output:
            return await asyncio.create_subprocess_exec(
                *self.child.argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**self.child.env, **clock.inherited()},
                start_new_session=True,
                preexec_fn=die_with_supervisor,
            )

    async def _watch(self) -> None:
        missed = 0
        while True:
            found = await ask(self.child.ready)
            self.log.rotate()
            self._tidy()
            if self._stopping.is_set():
                return
            missed = 0 if found.answered else missed + 1
            self._take(found)
            if self._is_hung(missed):
                self._hung = Phrase(
                    "gave no answer {count} times in a row and was ended ({problem})",
                    count=missed,
                    problem=found.problem,
                )
                self.kill()
                return
            starting = self._state is ChildState.STARTING
            await asyncio.sleep(STARTING_PROBE_S if starting else WATCHING_PROBE_S)

    def _take(self, found: ChildAnswer) -> None:
        """Take in what came of a question."""
        before, percent = self._loaded, found.loaded_percent
        if percent is not None and percent > before:
            self._loaded, self._headway_at = percent, time.monotonic()
        if found.problem is None:
            if not self._settled.done():
                self._settled.set_result(None)
            self._become(ChildState.READY, None)
        elif self._state is not ChildState.STARTING:
            self._become(ChildState.TROUBLED, found.problem)
        elif percent is not None and percent // SAID_PERCENT != before // SAID_PERCENT:
            self._become(ChildState.STARTING, found.problem)
        else:
            self._problem = found.problem

    def _is_hung(self, missed: int) -> bool:
        """Say whether the child is to be ended because it gives no sign of life."""
        if not self._settled.done() or missed < MISSED_PROBES:
            return False  # the start of the house has its own end
        process = self._process
        files = None if process is None else open_files(process.pid)
        if files is not None and files.none_left:
            return False  # it lets nobody new in, us neither, and works for all whom it has
        return self._state is not ChildState.STARTING or self._start_left() <= 0

    def _start_left(self) -> float:
        """Return the seconds that a child which is starting still has."""
        return self._headway_at + self.child.ready_seconds - time.monotonic()

    def _become(self, state: ChildState, problem: str | None) -> None:
        if (state, problem) == (self._state, self._problem) and state is not ChildState.STARTING:
            return
        self._state, self._problem = state, problem
        self._note(self.status())
