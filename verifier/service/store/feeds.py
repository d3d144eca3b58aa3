"""What is kept of sources: progress, reports, and until when each plane is fed.

v:{status}:feed:<source>         string: JSON of `SourceProgress`, the marker of its changes
v:{status}:fed:<list>:<plane>    string: "<as of>:<good until>", of planes that require sources
v:feed-reports:<source>          hash: number of a batch to JSON of its report, the newest 1,000
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from redis.asyncio import Redis

from verifier.contract.feed import FED_PLANES
from verifier.contract.status import PlaneName
from verifier.contract.vocabulary import Plane
from verifier.feeds.batches import SourceProgress
from verifier.feeds.freshness import Fed
from verifier.feeds.reconciliation import KEPT_REPORTS
from verifier.feeds.reports import BatchReport

_PROGRESS: Final = msgspec.json.Decoder(SourceProgress)
_REPORT: Final = msgspec.json.Decoder(BatchReport)


def progress_key(source: str) -> str:
    """Return where a source's progress stands."""
    return f"v:{{status}}:feed:{source}"


def reports_key(source: str) -> str:
    """Return where a source's reports stand."""
    return f"v:feed-reports:{source}"


def fed_key(name: PlaneName) -> str:
    """Return where it stands until when a plane is fed."""
    return f"v:{{status}}:fed:{name}"


def write_progress(progress: SourceProgress) -> bytes:
    """Write a progress as it is kept: the same bytes for the same progress."""
    return msgspec.json.encode(progress)


async def read_progress(redis: Redis, source: str) -> tuple[bytes | None, SourceProgress | None]:
    """Return how far a source has come: the marker as it stands, and what it says."""
    data: Any = await redis.get(progress_key(source))
    return (None, None) if data is None else (data, _PROGRESS.decode(data))


async def keep_report(redis: Redis, report: BatchReport) -> None:
    """Keep what was said of a batch, and forget the one that is too old."""
    key = reports_key(report.source)
    pipeline = redis.pipeline(transaction=True)
    pipeline.hset(key, str(report.sequence), msgspec.json.encode(report).decode())
    pipeline.hdel(key, str(report.sequence - KEPT_REPORTS))
    await pipeline.execute()


async def read_report(redis: Redis, source: str, sequence: int) -> BatchReport | None:
    """Return what was last said of a batch of this number."""
    data: Any = await redis.hget(reports_key(source), str(sequence))
    return None if data is None else _REPORT.decode(data)


async def read_reports(redis: Redis, source: str) -> dict[int, BatchReport]:
    """Return all reports of a source that are kept, by number."""
    rows: dict[Any, Any] = await redis.hgetall(reports_key(source))
    return {int(number): _REPORT.decode(data) for number, data in rows.items()}


async def write_fed(redis: Redis, list_number: int, fed: Mapping[tuple[int, Plane], Fed]) -> None:
    """Say of every plane of a list until when it is fed; one that requires no source has no key."""
    pipeline = redis.pipeline(transaction=True)
    for plane in FED_PLANES:
        key, found = fed_key(PlaneName(list_number, plane)), fed.get((list_number, plane))
        if found is None:
            pipeline.delete(key)
        else:
            pipeline.set(key, f"{found.as_of}:{found.good_until}")
    await pipeline.execute()


async def read_fed(redis: Redis, name: PlaneName) -> Fed | None:
    """Return until when a plane is fed; None: it requires no source."""
    data: Any = await redis.get(fed_key(name))
    if data is None:
        return None
    as_of, _, good_until = data.decode().partition(":")
    return Fed(int(as_of), int(good_until))
