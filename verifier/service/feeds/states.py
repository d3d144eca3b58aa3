"""How a source stands, as it is shown: freshness, breaker, progress, refusals; never a line."""

import time

from msgspec import Struct

from verifier.feeds.batches import FIRST_CHAIN
from verifier.feeds.breaker import BreakerState
from verifier.feeds.freshness import Freshness, freshness
from verifier.feeds.reports import BatchReport
from verifier.feeds.sources import SourceState
from verifier.service.feeds.channel import Channel
from verifier.service.feeds.metrics import FeedMetrics


class SourceStatus(Struct, frozen=True, kw_only=True):
    """GET /v1/feeds/{source}."""

    source: str
    title: str
    list: int
    planes: tuple[str, ...]
    """Those that it may feed; an empty batch names one of them."""
    state: SourceState
    freshness: Freshness
    fed: int
    """Unix seconds up to which it has told everything; 0: never."""
    age: int | None
    """Seconds since then."""
    every: int
    stale_after: int
    required: tuple[str, ...]
    """Planes that grow old with it."""
    observed: int
    """Newest time of observation."""
    sequence: int
    """Of the last finished batch; 0: none."""
    next: int
    chain: str
    breaker: BreakerState
    breaker_until: int
    """End of its pause, Unix seconds; 0 while it is closed."""
    refused: dict[str, int]
    """Since this process started, by cause."""
    open_batch: BatchReport | None
    """The one that is coming in or being applied."""


class SourceList(Struct, frozen=True, kw_only=True):
    """GET /v1/feeds."""

    sources: tuple[SourceStatus, ...]


async def state_of(channel: Channel, metrics: FeedMetrics, now: float) -> SourceStatus:
    """Return how a source stands.

    Raises:
        Outage: the store is away.
    """
    source, breaker = channel.source, channel.breaker
    progress = await channel.books.progress()
    finished = 0
    if progress is not None:
        finished = progress.sequence if progress.finished else progress.sequence - 1
    fed = 0 if progress is None else progress.fed
    closed = breaker.state is BreakerState.CLOSED
    return SourceStatus(
        source=source.name,
        title=source.file.title,
        list=source.file.list,
        planes=tuple(sorted(map(str, source.file.scope))),
        state=source.file.state,
        freshness=freshness(source, fed, now),
        fed=fed,
        age=max(0, int(now) - fed) if fed else None,
        every=source.file.every,
        stale_after=source.file.stale_after,
        required=tuple(map(str, source.file.required)),
        observed=0 if progress is None else progress.observed,
        sequence=finished,
        next=finished + 1,
        chain=FIRST_CHAIN.hex() if progress is None else progress.chain,
        breaker=breaker.state,
        breaker_until=0 if closed else int(now + breaker.until - time.monotonic()),
        refused=metrics.refusals(source.name),
        open_batch=channel.open_batch(),
    )
