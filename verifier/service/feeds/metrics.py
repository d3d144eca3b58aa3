"""What the feeds process counts, by source: their names come from files alone."""

from collections.abc import Callable, Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from verifier.errors import FeedCause


class FeedMetrics(Collector):
    """The counters of all sources."""

    def __init__(
        self,
        ages: Callable[[], Mapping[str, float]],
        limits: Callable[[], Mapping[str, int]],
    ) -> None:
        self._ages = ages
        """Source to the seconds since it has told everything."""
        self._limits = limits
        """Source to the seconds for which it may be silent: of all sources that there are."""
        self.batches: dict[tuple[str, str], int] = {}
        """By source and state."""
        self.lines: dict[tuple[str, str], int] = {}
        """By source and what became of them: applied, older, skipped, wrong."""
        self.refused: dict[tuple[str, str], int] = {}
        """By source and cause."""
        self.opened: dict[str, int] = {}
        """Times that a source's breaker opened."""
        self.corrections = 0
        self.exported = 0
        """Records."""

    def count(self, table: dict[tuple[str, str], int], source: str, what: str, by: int = 1) -> None:
        """Add to a table of counters."""
        table[source, what] = table.get((source, what), 0) + by

    def refusals(self, source: str) -> dict[str, int]:
        """Return how often a source was refused, by cause."""
        causes = (str(cause) for cause in FeedCause)
        return {c: n for c in causes if (n := self.refused.get((source, c), 0))}

    def collect(self) -> Iterator[Metric]:
        """Hand over the counters; those with alarms begin with 0."""
        limits = self._limits()
        refused = {(source, str(cause)): 0 for source in limits for cause in FeedCause}
        for name, what, label, table in (
            ("verifier_feed_batches", "Batches by what became of them.", "state", self.batches),
            ("verifier_feed_lines", "Lines of batches by what became of them.", "fate", self.lines),
            (
                "verifier_feed_refused",
                "Parts and batches refused.",
                "cause",
                refused | self.refused,
            ),
        ):
            family = CounterMetricFamily(name, what, labels=("source", label))
            for labels, value in table.items():
                family.add_metric(labels, value)
            yield family
        opened = CounterMetricFamily(
            "verifier_feed_breaker_opened", "Times a breaker opened.", labels=("source",)
        )
        for source, value in {**dict.fromkeys(limits, 0), **self.opened}.items():
            opened.add_metric((source,), value)
        yield opened
        ages = GaugeMetricFamily(
            "verifier_feed_age_seconds", "Since a source told everything.", labels=("source",)
        )
        for source, age in self._ages().items():
            ages.add_metric((source,), age)
        yield ages
        allowed = GaugeMetricFamily(
            "verifier_feed_stale_after_seconds", "How long it may be silent.", labels=("source",)
        )
        for source, seconds in limits.items():
            allowed.add_metric((source,), seconds)
        yield allowed
        yield CounterMetricFamily(
            "verifier_corrections", "Cases of correction opened.", value=self.corrections
        )
        yield CounterMetricFamily(
            "verifier_exported_records", "Records given out.", value=self.exported
        )
