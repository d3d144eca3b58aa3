"""Each alarm rings when what it watches is broken, and the runbook has its row."""

import re
import resource
from pathlib import Path
from types import SimpleNamespace
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest

from deploy.status.advice import ADVICE
from fleet.contract.errors import Breach
from fleet.service.metrics import FleetMetrics
from tests.support.alarms import Scrape, alarms, ringing, scraped
from verifier.archive.manifest import ArchiveProgress, Gap
from verifier.errors import FeedCause
from verifier.service.archive.metrics import ArchiveMetrics
from verifier.service.feeds.metrics import FeedMetrics
from verifier.service.worker.metrics import Metrics

RUNBOOK: Final = Path(__file__).resolve().parents[1] / "docs" / "runbook.md"
OPEN: Final = Path("/proc/self/fd")
SLOW_S: Final = 0.4


class CountingHouse:
    """What every process of a house counts, without the processes."""

    def __init__(self) -> None:
        self.worker = Metrics("worker-0")
        self.worker.store_up = 1
        self.fleet = FleetMetrics()
        self.fleet.shards.set(16)
        self.age = 5.0
        self.feeds = FeedMetrics(lambda: {"clinic": self.age}, lambda: {"clinic": 900})
        self.moving = SimpleNamespace(
            progress=ArchiveProgress(through=1, gaps=()),
            **dict.fromkeys(("moved", "unread", "parts", "days_destroyed"), 0),
            **dict.fromkeys(("keys_destroyed", "waiting", "now_ms"), 0),
            problems={},
        )
        self.answers = True

    def scrape(self) -> Scrape:
        """Return what Prometheus sees."""
        registry = CollectorRegistry()
        registry.register(self.feeds)
        archive = CollectorRegistry()
        archive.register(ArchiveMetrics(self.moving))  # type: ignore[arg-type]
        return scraped(
            {
                "worker-0": self.worker.text().decode(),
                "fleet": self.fleet.text().decode(),
                "feeds": generate_latest(registry).decode(),
                "archive": generate_latest(archive).decode() if self.answers else None,
            }
        )

    def break_worker(self) -> None:
        """Let everything go wrong at once."""
        worker = self.worker
        worker.store_up, worker.queued = 0, 2000
        worker.unrecorded = worker.open_stance = worker.shed = worker.grants_refused = 1
        worker.count(worker.bundles_refused, "fork")
        worker.count(worker.incidents, "double_use", 30)
        worker.problem("internal")
        worker.count(worker.problems, "key.unknown", 60)
        worker.refusals.note()
        for _ in range(100):
            worker.time(SLOW_S)

    def break_fleet(self) -> None:
        """Let everything go wrong at once."""
        fleet = self.fleet
        fleet.shards.set(15)
        fleet.waiting.set(2000)
        fleet.dead.labels(Breach.RETAINED.value).inc()
        for counter in (fleet.retried, fleet.dropped, fleet.shed):
            counter.inc()
        fleet.problem("internal")
        fleet.problems.labels("key.unknown").inc(60)
        fleet.refusals.note()

    def break_others(self) -> None:
        """Let feeds and archive go wrong; the archive's figures are seen once."""
        self.age = 901.0
        self.feeds.count(self.feeds.refused, "clinic", str(FeedCause.MANIFEST_MALFORMED))
        self.feeds.opened["clinic"] = 1
        self.moving.waiting = 4
        self.moving.progress = ArchiveProgress(through=1, gaps=(Gap(first=0, last=0, noticed=0),))
        self.moving.problems = {"archive.disk": "full"}


def test_no_alarm_rings_when_all_is_well() -> None:
    """Scans are quick, and some callers make mistakes."""
    house = CountingHouse()
    before = house.scrape()
    for _ in range(100):
        house.worker.time(0.004)
    house.worker.problem("body.field")
    house.worker.count(house.worker.problems, "key.unknown", 3)
    assert ringing(before, house.scrape()) == set()


def test_each_alarm_rings_when_what_it_watches_is_broken() -> None:
    """All that can go wrong, at once; at the end a process is gone."""
    house = CountingHouse()
    before = house.scrape()
    house.break_worker()
    house.break_fleet()
    house.break_others()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(list(OPEN.iterdir())), hard))
    try:
        after = house.scrape()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    rung = ringing(before, after)
    house.answers = False
    rung |= ringing(before, house.scrape())
    assert {alarm.name for alarm in alarms()} - rung == set()


def test_the_runbook_has_a_row_for_each_alarm() -> None:
    """And no other; where an alarm names a code, that has its advice."""
    section = RUNBOOK.read_text(encoding="utf-8").partition("\n## Alarms on metrics\n")[2]
    rows = re.findall(r"`(Kapok[A-Za-z]+)`", section.partition("\n## ")[0])
    assert sorted(rows) == sorted(alarm.name for alarm in alarms())
    assert {alarm.code for alarm in alarms() if alarm.code} <= ADVICE.keys()
