"""What a worker counts. Plain integers on the way of a scan; Prometheus sees them when it asks."""

from collections.abc import Iterable, Iterator
from typing import Final

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric

from verifier.decision import CONTRADICTION, DOUBLE_USE, UNVERIFIED
from verifier.errors import BundleCause
from verifier.service.process.metrics import DoorMetrics

LATENCY_S: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0)
"""Upper bounds of the latency histogram; an answer past a second is a failure."""
BATCHES: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256)
"""Scans in a flight, rounded up to a power of two."""


class Metrics(DoorMetrics):
    """The counters of one worker, those of its doors among them."""

    def __init__(self, worker: str) -> None:
        super().__init__(worker)
        self.scans: dict[tuple[str, str, str], int] = {}
        """By outcome, reason and format: all three are closed vocabularies."""
        self.uploads: dict[str, int] = {}
        self.manual: dict[str, int] = {}
        """By place: places come from grants alone."""
        self.incidents: dict[str, int] = {}
        self.bundles_refused: dict[str, int] = {}
        self.latency = [0] * (len(LATENCY_S) + 1)
        self.latency_sum = 0.0
        self.open_stance = 0
        self.unrecorded = 0
        self.annulments = 0
        self.resolutions: dict[tuple[str, str], int] = {}
        """By decision and reason: both are closed vocabularies."""
        self.grants_refused = 0
        self.store_up = 0
        self.streams = 0
        self.pending = 0
        self.queued = 0
        self.flights = 0
        self.stored = 0
        self.batches: dict[int, int] = {}

    def time(self, seconds: float) -> None:
        """Note how long a scan took, from its request to its answer."""
        place = 0
        for bound in LATENCY_S:
            if seconds <= bound:
                break
            place += 1
        self.latency[place] += 1
        self.latency_sum += seconds

    def collect(self) -> Iterator[Metric]:
        """Hand over the counters; the label `worker` says whose they are."""
        yield from super().collect()
        scans = CounterMetricFamily(
            "verifier_scans",
            "Scans answered.",
            labels=("worker", "outcome", "reason", "format"),
        )
        for (outcome, reason, code_format), value in self.scans.items():
            scans.add_metric((self.worker, outcome, reason, code_format), value)
        yield scans
        yield self._latency()
        yield self._batches()
        yield self.by_label("verifier_uploads", "Uploaded records by code.", "code", self.uploads)
        yield self.by_label(
            "verifier_manual", "Visitors admitted without a code.", "place", self.manual
        )
        yield self.by_label(
            "verifier_incidents",
            "What uploads brought to light.",
            "incident",
            self.incidents,
            (DOUBLE_USE, CONTRADICTION, UNVERIFIED),
        )
        yield self.by_label(
            "verifier_bundles_refused",
            "Bundles refused.",
            "cause",
            self.bundles_refused,
            BundleCause,
        )
        yield self._resolutions()
        yield from self._plain()

    def _plain(self) -> Iterable[Metric]:
        for name, what, value in (
            ("verifier_open_stance_passes", "Passes without full knowledge.", self.open_stance),
            ("verifier_unrecorded", "Answers that no record was kept of.", self.unrecorded),
            ("verifier_annulments", "Scans annulled.", self.annulments),
            ("verifier_grants_refused", "Grants refused.", self.grants_refused),
            ("verifier_flights", "Batches sent to the store.", self.flights),
        ):
            yield self.counter(name, what, value)
        for name, what, value in (
            ("verifier_store_up", "1 while scans are stored.", self.store_up),
            ("verifier_pending", "Requests being worked on.", self.pending),
            ("verifier_streams", "Streams that are open.", self.streams),
            ("verifier_queued", "Scans waiting for a flight.", self.queued),
        ):
            yield self.gauge(name, what, value)

    def _resolutions(self) -> Metric:
        family = CounterMetricFamily(
            "verifier_resolutions",
            "Reviews closed by an operator.",
            labels=("worker", "decision", "reason"),
        )
        for (decision, reason), value in self.resolutions.items():
            family.add_metric((self.worker, decision, reason), value)
        return family

    def _latency(self) -> Metric:
        family = HistogramMetricFamily(
            "verifier_scan_seconds", "Request to answer.", labels=("worker",)
        )
        bounds = [*map(str, LATENCY_S), "+Inf"]
        family.add_metric(
            (self.worker,), _cumulated(bounds, self.latency), sum_value=self.latency_sum
        )
        return family

    def _batches(self) -> Metric:
        family = HistogramMetricFamily(
            "verifier_flight_scans", "Scans that shared a flight.", labels=("worker",)
        )
        sizes = [self.batches.get(size, 0) for size in BATCHES]
        bounds = [*map(str, BATCHES), "+Inf"]
        total = self.stored
        family.add_metric((self.worker,), _cumulated(bounds, [*sizes, 0]), sum_value=total)
        return family


def _cumulated(bounds: list[str], counts: list[int]) -> list[tuple[str, float]]:
    total = 0
    buckets: list[tuple[str, float]] = []
    for bound, count in zip(bounds, counts, strict=True):
        total += count
        buckets.append((bound, float(total)))
    return buckets
