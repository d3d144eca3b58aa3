"""A real Redis that stands still just when calls send their first write, and what it was sent.

Every call runs up to its first write and waits there for the others; then the server is stopped
(SIGSTOP), all are let go, and after `stalled_s` it goes on. What it carried out is read by MONITOR.
"""

import asyncio
import contextvars
import os
import re
import signal
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final

from redis.asyncio import Redis
from redis.asyncio.connection import UnixDomainSocketConnection

from runtime.settings import RedisSettings
from runtime.store import open_store
from tests.support.redis_server import RedisServer

STALLED_S: Final = 2.5
"""Longer than a silent store counts as there, shorter than two such times."""
_END: Final = "end-of-what-was-sent"
_COMMAND: Final = re.compile(rb"\*\d+\r\n\$\d+\r\n([A-Z_]+)\r\n")
READS: Final = frozenset(
    (
        *("AUTH", "HELLO", "CLIENT", "SELECT", "PING", "ECHO", "MONITOR", "INFO", "CONFIG", "TIME"),
        *("GET", "MGET", "HGET", "HMGET", "HGETALL", "HLEN", "ZCARD", "GETRANGE", "GETBIT", "SCAN"),
        *("ZRANGEBYSCORE", "ZREVRANGEBYSCORE", "XRANGE", "XREVRANGE", "XREAD", "BITFIELD_RO"),
        *("FCALL_RO", "MULTI", "EXEC"),
    )
)
"""All other commands are writes here."""

Call = Callable[[Redis], Awaitable[object]]
_kind: contextvars.ContextVar[str] = contextvars.ContextVar("kind", default="")
_gate: contextvars.ContextVar["_Gate"] = contextvars.ContextVar("gate")


async def until_it_stands() -> None:
    """Wait until the store stands still: for a call that writes by another connection."""
    await _gate.get().write()


class _Gate:
    """Where calls wait with their first write until all others are there, or are over."""

    def __init__(self, kinds: Iterable[str], stop: Callable[[], None]) -> None:
        self._come = {kind: asyncio.Event() for kind in kinds}
        self._stop = stop
        self.open = asyncio.Event()
        self.wrote: set[str] = set()

    def over(self, kind: str) -> None:
        """Take note that a call has come, or will not come any more."""
        self._come[kind].set()
        if not self.open.is_set() and all(come.is_set() for come in self._come.values()):
            self._stop()
            self.open.set()

    async def come(self, kind: str) -> None:
        """Wait until a call waits here, or is over."""
        await self._come[kind].wait()

    async def write(self) -> None:
        """Wait with a write."""
        self.wrote.add(_kind.get())
        self.over(_kind.get())
        await self.open.wait()


def _connection(gate: _Gate) -> type[UnixDomainSocketConnection]:
    class GatedConnection(UnixDomainSocketConnection):
        async def send_packed_command(self, command: Any, *more: Any, **named: Any) -> None:
            parts = [command] if isinstance(command, bytes) else list(command)
            names = {name.decode() for name in _COMMAND.findall(b"".join(parts))}
            if _kind.get() and names - READS:
                await gate.write()
            await super().send_packed_command(command, *more, **named)

    return GatedConnection


class Heard(threading.Thread):
    """What a server carries out for its clients from now on."""

    def __init__(self, server: RedisServer) -> None:
        super().__init__(daemon=True)
        self._client = server.client()
        self._monitor = self._client.monitor()
        self._monitor.__enter__()
        self.commands: Counter[str] = Counter()
        self.start()

    def run(self) -> None:
        """Count each command with its words until the end is said."""
        for said in self._monitor.listen():
            name = said["command"].partition(" ")[0].upper()
            if said["command"].endswith(_END):
                return
            if said["client_type"] != "lua" and name not in READS:
                self.commands[said["command"]] += 1

    def end(self, server: RedisServer) -> Counter[str]:
        """Return how often each write was carried out."""
        with server.client() as client:
            client.echo(_END)
        self.join(20)
        self._monitor.__exit__(None, None, None)
        self._client.close()
        return self.commands


class Stalled:
    """What came of calls whose first write a store stood still under."""

    def __init__(self, wrote: set[str], outcomes: Mapping[str, object], sent: Counter[str]) -> None:
        self.wrote = wrote
        self.outcomes = outcomes
        self.sent = sent

    @property
    def twice(self) -> list[str]:
        """Return the writes that were carried out more than once."""
        return sorted(words[:120] for words, often in self.sent.items() if often > 1)


def stall(
    server: RedisServer,
    calls: Mapping[str, Call],
    before: Call | None = None,
    *,
    stalled_s: float = STALLED_S,
) -> Stalled:
    """Let a store stand still under the first write of every call, and tell what it was sent."""
    settings = RedisSettings(
        socket=str(server.socket),
        user="admin",
        password_file=str(server.password_file("admin")),
    )

    async def run() -> Stalled:
        if before is not None:
            preparing = open_store(settings)
            await before(preparing)
            await preparing.aclose()
        redis = open_store(settings, most=len(calls) + 8)
        gate = _Gate(calls, lambda: os.kill(server.pid, signal.SIGSTOP))
        redis.connection_pool.connection_class = _connection(gate)
        heard = Heard(server)

        async def one(kind: str, call: Call) -> object:
            _kind.set(kind)
            _gate.set(gate)
            try:
                return await call(redis)
            finally:
                gate.over(kind)

        tasks = []
        try:
            for kind, call in calls.items():  # one by one: what they read first is not in a hurry
                tasks.append(asyncio.create_task(one(kind, call)))
                await asyncio.wait_for(gate.come(kind), 20)
            await asyncio.sleep(stalled_s)
        finally:
            os.kill(server.pid, signal.SIGCONT)
        found = await asyncio.gather(*tasks, return_exceptions=True)
        await redis.aclose()
        return Stalled(gate.wrote, dict(zip(calls, found, strict=True)), heard.end(server))

    return asyncio.run(run())
