"""What the archiving process counts beside the door's own figures."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from verifier.service.archive.mover import Moving


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
            ("verifier_archive_days_destroyed", "Days destroyed.", moving.days_destroyed),
            ("verifier_archive_keys_destroyed", "Day keys destroyed.", moving.keys_destroyed),
        ):
            yield CounterMetricFamily(name, what, value=value)
        for name, what, number in (
            ("verifier_archive_waiting_hours", "Closed hours not moved.", moving.waiting),
            (
                "verifier_archive_lag_seconds",
                "Age of the newest hour that is moved.",
                0 if progress is None else moving.now_ms // 1000 - (progress.through + 1) * 3600,
            ),
            (
                "verifier_archive_gap_hours",
                "Hours whose records may be lost.",
                0 if progress is None else sum(g.last - g.first + 1 for g in progress.gaps),
            ),
            ("verifier_archive_problems", "What is wrong now.", len(moving.problems)),
        ):
            yield GaugeMetricFamily(name, what, value=number)
