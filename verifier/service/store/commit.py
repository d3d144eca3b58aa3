"""Group commit: scans that arrive together share one flight, and so one fsync.

A flight is what goes to Redis in one write. While flights are out, scans collect; they leave as the
next flight the moment one lands. Redis answers a flight only after its append-only file is on disk.
The queue is bounded by count and by the wait it stands for: beyond, the caller sheds. A scan whose
caller went away is still stored. A flight that is not answered in time ends the connection: its
scans are unknown, and the connection is made anew by itself.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from verifier.errors import Outage
from verifier.service.store.wire import AWAY, Landed, Wire

MAX_FLIGHT: Final = 256
"""Scans in one flight; about 100 KB of commands."""
MAX_FLIGHTS: Final = 2
"""Flights out at once: Redis has the next at hand when one is on disk."""
MAX_QUEUED: Final = 4096
"""Scans waiting: two full batches, and as many single scans again."""
MAX_WAIT_S: Final = 0.5
"""Seconds that a new scan may have to wait before it flies; longer is shed."""
FLIGHT_TIMEOUT_S: Final = 1.0
"""Seconds until an unanswered flight counts as lost."""
RECONNECT_S: Final = 0.1
"""Seconds between attempts to connect."""
_SMOOTHING: Final = 0.1
"""Weight of the newest flight in the mean duration."""

Connect = Callable[[Callable[[Wire], None]], Awaitable[Wire]]
"""Makes a wire to a Redis that is fit for use: durable, with the library."""


class Overloaded(Exception):  # noqa: N818 - it is an answer: shed
    """More waits than can be stored soon."""


class Commit:
    """The way of scans to the store."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._wire: Wire | None = None
        self._queue: list[tuple[bytes, Landed]] = []
        self._flights: dict[int, asyncio.TimerHandle] = {}
        self._scheduled = False
        self._mean_s = 0.002
        self._loop = asyncio.get_running_loop()
        self._lost = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self.problem: str | None = AWAY
        """Why scans are not stored at present; None when they are."""
        self.flights = 0
        self.scans = 0
        self.batches: dict[int, int] = {}
        """Flights by size, sizes rounded up to a power of two."""

    @property
    def waiting(self) -> int:
        """Scans that wait for a flight."""
        return len(self._queue)

    @property
    def up(self) -> bool:
        """Say whether scans are stored at present."""
        return self._wire is not None

    def crowded(self) -> bool:
        """Say whether a new scan would have to be shed."""
        queued = len(self._queue)
        if queued < MAX_FLIGHT:
            return False
        return queued >= MAX_QUEUED or queued / MAX_FLIGHT * self._mean_s > MAX_WAIT_S

    def submit(self, command: bytes, landing: Landed) -> bool:
        """Queue one packed command; `landing` gets the reply once it is on disk, or an Outage.

        False: the store is away, and nothing was queued. Ask `crowded` before any work.
        """
        if self._wire is None or len(self._queue) >= MAX_QUEUED:
            return False
        self._queue.append((command, landing))
        if not self._scheduled and len(self._flights) < MAX_FLIGHTS:
            self._scheduled = True
            self._loop.call_soon(self._depart)
        return True

    def _depart(self) -> None:
        """Send what has collected; runs after all handlers that were ready with the first."""
        self._scheduled = False
        wire = self._wire
        if wire is None or not self._queue or len(self._flights) >= MAX_FLIGHTS:
            return
        batch, self._queue = self._queue[:MAX_FLIGHT], self._queue[MAX_FLIGHT:]
        commands, landings = zip(*batch, strict=True)
        self._idle.clear()
        started = self._loop.time()
        number = self.flights = self.flights + 1
        self.scans += len(batch)
        size = 1 << (len(batch) - 1).bit_length()
        self.batches[size] = self.batches.get(size, 0) + 1
        self._flights[number] = self._loop.call_later(FLIGHT_TIMEOUT_S, wire.abort)
        try:
            wire.send(b"".join(commands), landings, lambda: self._landed(number, started))
        except Outage:
            self._landed(number, started)
            _fail(landings)

    def _landed(self, number: int, started: float) -> None:
        timer = self._flights.pop(number, None)
        if timer is not None:
            timer.cancel()
        self._mean_s += _SMOOTHING * (self._loop.time() - started - self._mean_s)
        self._depart()
        if not self._flights:
            self._idle.set()

    def _wire_lost(self, wire: Wire) -> None:
        if wire is self._wire:
            self._wire, self.problem = None, self.problem or AWAY
        queue, self._queue = self._queue, []
        _fail([landing for _, landing in queue])
        self._lost.set()

    async def run(self) -> None:
        """Keep the connection; runs until cancelled."""
        try:
            while True:
                self._lost.clear()
                try:
                    self._wire = await self._connect(self._wire_lost)
                except Outage as error:
                    self.problem = str(error)
                    await asyncio.sleep(RECONNECT_S)
                    continue
                self.problem = None
                if self._wire.open:
                    await self._lost.wait()
        finally:
            if self._wire is not None:
                self._wire.abort()

    def refuse(self, problem: str) -> None:
        """Stop using the store until it connects anew and is fit for use."""
        if self._wire is not None:
            self._wire.abort()
        self.problem = problem

    async def drain(self, seconds: float) -> None:
        """Wait until nothing is queued or out."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._idle.wait()


def _fail(landings: Iterable[Landed]) -> None:
    for landing in landings:
        landing(Outage(AWAY))
