"""What the archiving process counts beside the door's own figures."""

from collections.abc import Iterator
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from verifier.archive.manifest import ArchiveProgress
from verifier.service.archive.mover import Moving

HOUR_S: Final = 3600


class ArchiveMetrics(Collector):
    """Reads the figures where they stand; registered beside those of the door."""

    def __init__(self, moving: Moving) -> None:
        self._moving = moving

    def collect(self) -> Iterator[Metric]:
        """Hand over the figures."""
        moving = self._moving
        progress = moving.progress
        for name, what, value in (
            ("verifier_archive_records", "Records moved to day files.", moving.moved),
            ("verifier_archive_unread", "Records kept as bytes alone.", moving.unread),
            ("verifier_archive_parts", "Parts written.", moving.parts),
        ):
            yield CounterMetricFamily(name, what, value=value)
        destroyed = CounterMetricFamily(
            "verifier_archive_destroyed", "What was destroyed at its end.", labels=("what",)
        )
        destroyed.add_metric(("records",), moving.days_destroyed)
        destroyed.add_metric(("keys",), moving.keys_destroyed)
        yield destroyed
        for name, what, number in (
            (
                "verifier_archive_waiting_seconds",
                "Length of the closed hours that are not moved.",
                moving.waiting * HOUR_S,
            ),
            (
                "verifier_archive_lag_seconds",
                "Age of the newest hour that is moved.",
                0 if progress is None else moving.now_ms // 1000 - (progress.through + 1) * HOUR_S,
            ),
            (
                "verifier_archive_gap_seconds",
                "Length of the hours whose records may be lost.",
                0 if progress is None else _hours(progress) * HOUR_S,
            ),
            ("verifier_archive_problems", "What is wrong now.", len(moving.problems)),
        ):
            yield GaugeMetricFamily(name, what, value=number)


def _hours(progress: ArchiveProgress) -> int:
    """Return how many hours the gaps have."""
    return sum(gap.last - gap.first + 1 for gap in progress.gaps)
