"""Rows http.*: POST /v1/scans and batches, real records and claims, on disk before the answer.

64 keep-alive connections; the generator is another process and shares the cores with workers and
Redis. Each code is another person's and is scanned once. Raw is measured in the same run, before
and after. Beside each row: seconds of processor time per scan of workers and Redis, and fsyncs.
"""

import asyncio
import os
import time
from typing import Final

import aiohttp
import msgspec
import psutil

from tests.bench.codes import Issued, issue, now
from tests.bench.core import raw_case
from tests.bench.house import PEOPLE, TERMINAL, BenchHouse, running
from tests.bench.load import CONNECTIONS, Job, Result, TlsFiles, apart
from tests.bench.rows import emit, interleaved, progress
from verifier.contract.scan import make_scan_id

COUNT: Final = 10_000
"""Codes of a row: some two seconds at the goal's speed."""
WARM: Final = 600
"""Codes sent before, so that connections, caches and processor are awake."""
BATCH: Final = 200
"""Lines of a batch, as an aggregator sends them."""
BATCH_CONNECTIONS: Final = 8
"""Batches under way: a worker takes 2,000 lines, and all may come to one."""
PARTS: Final = 4
"""Parts of the city; codes are made fresh for a part when their row comes."""
GUANGDONG: Final = 23_300
HAINAN: Final = 60_000


def run() -> None:
    """Measure and print."""
    asyncio.run(_run())


async def _run() -> None:
    at, workers = now(), os.cpu_count() or 1
    async with running(at, workers) as bench:
        progress("http: issuing codes")
        codes, rest = _issue(bench, 0), _issue(bench, 1)
        raw = _raw()
        cold = await _row(bench, "http.cold", codes.presentations, raw, tls=False)
        await _row(bench, "http.static", codes.static, raw, tls=False)
        await _tls(bench, rest, cold, raw)
        await _batch(bench, _issue(bench, 2).presentations, raw)
        for name, load in (("Guangdong 2022", GUANGDONG), ("Hainan's rebuilt peak", HAINAN)):
            cores = load / (cold / workers)
            emit("cores", cores, "cores", load=load, of=name)


def _issue(bench: BenchHouse, part: int) -> Issued:
    """Issue fresh codes to people of one part of the city, so that nobody passes twice."""
    part_size = PEOPLE // PARTS
    people = range(part * part_size, (part + 1) * part_size)
    return issue(COUNT + WARM, bench.issuer, now(), people=people, credentials=people)


def _raw() -> float:
    """Return seconds of one verify."""
    return interleaved({"raw": raw_case()}, rounds=6)["raw"]


async def _tls(bench: BenchHouse, codes: Issued, cold: float, raw: float) -> None:
    await _row(bench, "http.tls", codes.presentations, raw, tls=True, compared=cold)


async def _batch(bench: BenchHouse, texts: list[str], raw: float) -> None:
    await _row(bench, "http.batch", texts, raw, tls=False, lines=BATCH)


async def _row(
    bench: BenchHouse,
    name: str,
    texts: list[str],
    raw: float,
    *,
    tls: bool,
    compared: float | None = None,
    lines: int = 1,
) -> float:
    progress(name)
    await _send(bench, texts[:WARM], tls=tls, lines=lines)
    before, flights = _usage(bench), await _flights(bench)
    result = await _send(bench, texts[WARM:], tls=tls, lines=lines)
    after, flights = _usage(bench), await _flights(bench) - flights
    if set(result.statuses) != {200} or result.sample.count('"decision":"pass"') != lines:
        raise ValueError(f"{name}: not every scan passed: {result.statuses} {result.sample}")
    raw = min(raw, _raw())
    count = len(texts) - WARM
    rate = count / result.seconds
    spent = {k: round((after[k] - before[k]) / count * 1e6, 1) for k in after}
    ratio, to = (rate * raw, "raw") if compared is None else (rate / compared, "http.cold")
    emit(
        name,
        rate,
        "scan/s",
        ratio=ratio,
        to=to,
        raw_per_s=round(1 / raw),
        p50_ms=round(result.p50 * 1e3, 2),
        p99_ms=round(result.p99 * 1e3, 2),
        cpu_us_per_scan=spent,
        scans_per_fsync=round(count / max(1, flights), 1),
    )
    return rate


async def _send(bench: BenchHouse, texts: list[str], *, tls: bool, lines: int) -> Result:
    ports = bench.house.ports
    folder = bench.house.data / "terminals" / TERMINAL
    job = Job(
        host="127.0.0.1",
        port=ports.verifier_tls if tls else ports.verifier,
        path="/v1/scans" if lines == 1 else "/v1/scans/batch",
        connections=CONNECTIONS if lines == 1 else BATCH_CONNECTIONS,
        headers={
            "Content-Type": "application/json",
            **({} if tls else {"Authorization": f"Bearer {bench.api_key}"}),
        },
        bodies=_bodies([_body(text) for text in texts], lines),
        tls=TlsFiles(
            ca=str(folder / "ca.pem"),
            certificate=str(folder / "cert.pem"),
            key=str(folder / "key.pem"),
        )
        if tls
        else None,
    )
    return await apart(job)


def _body(text: str) -> str:
    scan_id = make_scan_id(TERMINAL, milliseconds=int(time.time() * 1000), random=os.urandom(6))
    return msgspec.json.encode({"scan_id": scan_id, "text": text}).decode()


def _bodies(scans: list[str], lines: int) -> list[str]:
    """Return one body for each scan, or one for each batch."""
    if lines == 1:
        return scans
    starts = range(0, len(scans), lines)
    return [f'{{"scans":[{",".join(scans[start : start + lines])}]}}' for start in starts]


def _usage(bench: BenchHouse) -> dict[str, float]:
    """Return seconds of processor time so far: all workers together, and Redis."""
    used = {"workers": 0.0, "redis": 0.0}
    for name, pid in bench.pids().items():
        times = psutil.Process(pid).cpu_times()
        used["redis" if name == "redis" else "workers"] += times.user + times.system
    return used


async def _flights(bench: BenchHouse) -> int:
    """Return how many batches went to the store so far: one fsync each."""
    total = 0
    async with aiohttp.ClientSession() as session:
        for port in bench.house.own_ports:
            async with session.get(f"http://127.0.0.1:{port}/metrics") as response:
                for line in (await response.text()).splitlines():
                    if line.startswith("verifier_flights_total"):
                        total += int(float(line.rsplit(" ", 1)[1]))
    return total
