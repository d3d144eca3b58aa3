"""Every key of the data channel, written as its process writes it."""

import time

from redis.asyncio import Redis

from tests.support.changes import SEAL, change
from tests.support.feed_sources import NOW, manifest
from verifier.contract.status import PlaneName
from verifier.contract.vocabulary import Plane
from verifier.feeds.batches import begin
from verifier.feeds.corrections import CorrectionCase, CorrectionEvent, CorrectionReason
from verifier.feeds.freshness import Fed
from verifier.feeds.reports import BatchReport, BatchState
from verifier.service.store.causes import PEOPLE, ChangeCause, ChangeMode, Hold
from verifier.service.store.corrections import close_case, open_case
from verifier.service.store.feeds import keep_report, progress_key, write_fed, write_progress
from verifier.service.store.observed import observe
from verifier.service.store.planes import Marker
from verifier.service.store.staged import StagedStep, stage

HEALTH = PlaneName(1, Plane.HEALTH)


async def write_feed_keys(redis: Redis) -> None:
    """Feed a batch, also about somebody whose value is held, and open two cases, closing one."""
    await stage(redis, StagedStep("hospital", b"", b"", 0, last=False, observed=0))
    hold = Hold(proposal="0" * 32, by=("ling", "hao"), reason="order", at=1, until=1 << 33)
    decided = ChangeCause("issue:decided", SEAL, ChangeMode.DECISION, PEOPLE, hold)
    await change(redis, {HEALTH: [(6, 3)]}, cause=decided)
    fed = ChangeCause("batch:hospital:1", SEAL, ChangeMode.FEED, "feed:hospital")
    await change(redis, {HEALTH: [(6, 1)]}, cause=fed)
    progress = write_progress(begin(manifest(), None))
    await change(redis, {}, marker=Marker(progress_key("hospital"), None, progress))
    await keep_report(
        redis,
        BatchReport(
            source="hospital", batch="00", digest="00", sequence=1, state=BatchState.APPLIED
        ),
    )
    now = time.time()
    await write_fed(redis, 1, {HEALTH: Fed(int(now), int(now) + 600)})
    await observe(redis, HEALTH, [(5, int(now))], now)
    for name in ("a", "b"):
        case = CorrectionCase(
            id=name,
            list=1,
            person=5,
            plane=Plane.HEALTH,
            value="red",
            reason=CorrectionReason.OTHER,
            opened=NOW,
            opened_by="desk",
        )
        await open_case(redis, case)
    await close_case(redis, "b", CorrectionEvent.WITHDRAW, now)
