"""Row http.peer: the cold scan on python-cwt, aiohttp and one Redis call a request, beside ours.

Same machine, same run, same codes: each round sends its codes to us, then to the peer, which has as
many workers and a real Redis of its own with an fsync on each write. Each counts with its best
round.
"""

import asyncio
import base64
import contextlib
import os
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec
import psutil

from deploy.local.ports import free_ports
from tests.bench.codes import issue, now
from tests.bench.house import PEOPLE, TERMINAL, BenchHouse, running
from tests.bench.load import Job, Result, apart
from tests.bench.rows import emit, progress
from tests.support.oracle import ROOT, oracle_environment, oracle_python
from tests.support.redis_server import RedisServer, redis_server
from verifier.contract.scan import make_scan_id
from verifier.issuing.signing_key import SigningKey

ROUNDS: Final = 6
COUNT: Final = 4_000
"""Codes of a round: some seconds of both."""
WARM: Final = 500
"""Codes sent before, so that connections, caches and processor are awake."""
START_DEADLINE_S: Final = 30.0
USER: Final = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A running server: where it listens, and its processes."""

    port: int
    redis: int
    workers: Mapping[str, int]
    """Name to process id."""

    def spent(self) -> dict[str, float]:
        """Return seconds of processor time so far: all workers together, and Redis."""
        return {
            "workers": sum(_seconds(pid) for pid in self.workers.values()),
            "redis": _seconds(self.redis),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One side's part of a round; all in seconds."""

    seconds: float
    p50: float
    p99: float
    spent: Mapping[str, float]

    def described(self) -> dict[str, object]:
        """Return what a row says of it."""
        return {
            "per_s": round(COUNT / self.seconds),
            "p50_ms": round(self.p50 * 1e3, 2),
            "p99_ms": round(self.p99 * 1e3, 2),
            "cpu_us_per_scan": {k: round(v / COUNT * 1e6, 1) for k, v in self.spent.items()},
        }


def run() -> None:
    """Measure and print."""
    asyncio.run(_run())


async def _run() -> None:
    workers = os.cpu_count() or 1
    with redis_server() as store:
        async with (
            running(now(), workers) as bench,
            running_peer(store, bench.issuer, workers) as peer,
        ):
            pids = bench.pids()
            us = Side(port=bench.house.ports.verifier, redis=pids.pop("redis"), workers=pids)
            ours, theirs = [], []
            for number in range(ROUNDS):
                progress(f"http.peer: round {number + 1} of {ROUNDS}")
                texts = _texts(bench, number)
                ours.append(await _timed(bench, us, texts))
                theirs.append(await _timed(bench, peer, texts))
    cold, other = (min(rounds, key=lambda one: one.seconds) for rounds in (ours, theirs))
    emit(
        "http.peer",
        COUNT / other.seconds,
        "scan/s",
        ratio=other.seconds / cold.seconds,
        to="http.peer",
        goal=2,
        cpu_ratio=round(sum(other.spent.values()) / sum(cold.spent.values()), 2),
        peer=other.described(),
        cold=cold.described(),
    )


def _seconds(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def _texts(bench: BenchHouse, number: int) -> list[str]:
    """Issue fresh codes to people of one part of the city, so that nobody passes twice."""
    size = PEOPLE // ROUNDS
    people = range(number * size, (number + 1) * size)
    issued = issue(COUNT + WARM, bench.issuer, now(), people=people, credentials=people)
    return issued.presentations


async def _timed(bench: BenchHouse, side: Side, texts: list[str]) -> Round:
    await _send(bench, side.port, texts[:WARM])
    before = side.spent()
    result = await _send(bench, side.port, texts[WARM:])
    after = side.spent()
    decision = msgspec.json.decode(result.sample)["decision"]
    if set(result.statuses) != {200} or decision != "pass":
        raise ValueError(f"http.peer: not every scan passed: {result.statuses} {result.sample}")
    return Round(
        seconds=result.seconds,
        p50=result.p50,
        p99=result.p99,
        spent={name: after[name] - before[name] for name in after},
    )


async def _send(bench: BenchHouse, port: int, texts: list[str]) -> Result:
    return await apart(
        Job(
            host="127.0.0.1",
            port=port,
            path="/v1/scans",
            headers={
                "Content-Type": "application/json",
                "Authorization": f"Bearer {bench.api_key}",
            },
            bodies=[_body(text) for text in texts],
        )
    )


def _body(text: str) -> str:
    scan_id = make_scan_id(TERMINAL, milliseconds=int(time.time() * 1000), random=os.urandom(6))
    return msgspec.json.encode({"scan_id": scan_id, "text": text}).decode()


@contextlib.asynccontextmanager
async def running_peer(store: RedisServer, issuer: SigningKey, workers: int) -> AsyncIterator[Side]:
    """Run as many workers of the peer on one port."""
    python, port = oracle_python(), free_ports(1)[0]
    line = base64.b64encode(issuer.spki).decode()
    settings = {
        "port": port,
        "redis": {"socket": str(store.socket), "user": USER, "password": store.users[USER]},
        "issuers": {
            issuer.kid.hex(): f"-----BEGIN PUBLIC KEY-----\n{line}\n-----END PUBLIC KEY-----\n"
        },
    }
    processes = []
    try:
        for _ in range(workers):
            process = await asyncio.create_subprocess_exec(
                *(str(python), "-I", str(ROOT / "tests" / "bench" / "peer_server.py")),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env=oracle_environment(),
            )
            processes.append(process)
            await _started(process, settings)
        pids = {f"peer-{number}": process.pid for number, process in enumerate(processes)}
        yield Side(port=port, redis=store.pid, workers=pids)
    finally:
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def _started(process: asyncio.subprocess.Process, settings: object) -> None:
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("the peer has no pipes")
    process.stdin.write(msgspec.json.encode(settings) + b"\n")
    async with asyncio.timeout(START_DEADLINE_S):
        if not await process.stdout.readline():
            raise RuntimeError("the peer ended before it listened; its error stands above")
