"""What the store says of one source, asked by its channel: an away store is an Outage here."""

from collections.abc import Awaitable
from typing import TypeVar

from redis.asyncio import Redis
from redis.exceptions import RedisError

from verifier.contract.feed import BatchManifest
from verifier.contract.status import PlaneName
from verifier.errors import FeedCause, FeedRefused, Outage
from verifier.feeds.batches import SourceProgress
from verifier.feeds.reports import BatchReport
from verifier.service.store.feeds import keep_report, read_progress, read_report, read_reports
from verifier.service.store.planes import read_planes

Found = TypeVar("Found")


class Books:
    """Progress and reports of one source.

    Every method raises Outage while the store is away.
    """

    def __init__(self, redis: Redis, source: str) -> None:
        self._redis = redis
        self._source = source

    async def progress(self) -> SourceProgress | None:
        """Return how far the source has come."""
        return (await _asked(read_progress(self._redis, self._source)))[1]

    async def report(self, sequence: int) -> BatchReport | None:
        """Return what was last said of a batch of this number."""
        return await _asked(read_report(self._redis, self._source, sequence))

    async def reports(self) -> dict[int, BatchReport]:
        """Return all reports that are kept, by number."""
        return await _asked(read_reports(self._redis, self._source))

    async def keep(self, report: BatchReport) -> None:
        """Keep what is said of a batch."""
        await _asked(keep_report(self._redis, report))

    async def check_planes(self, manifest: BatchManifest) -> None:
        """See that the planes are there.

        Raises:
            FeedRefused: one was never made, or was destroyed.
        """
        there = await _asked(read_planes(self._redis))
        if any(PlaneName(manifest.list, plane) not in there for plane in manifest.planes):
            raise FeedRefused(FeedCause.PLANE_UNKNOWN)


async def _asked(answer: Awaitable[Found]) -> Found:
    try:
        return await answer
    except (RedisError, OSError) as error:
        raise Outage("the store is away") from error
