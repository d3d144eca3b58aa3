"""What every process of the verifier counts at its door. Prometheus sees it when it asks."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from runtime.http.limits import Refusals
from runtime.open_files import open_files

WATCHED: Final = ("internal", "key.unknown")
"""Problems for which there is an alarm."""


class DoorMetrics(Collector):
    """The counters of one process's door; `worker` in the labels is the process's name."""

    def __init__(self, worker: str) -> None:
        self.worker = worker
        self.problems: dict[str, int] = {}
        self.shed = 0
        self.refusals = Refusals()
        self.registry = CollectorRegistry(auto_describe=False)
        self.registry.register(self)

    def problem(self, code: str) -> None:
        """Count a problem that a caller was told."""
        self.count(self.problems, code)

    def count(self, table: dict[str, int], name: str, by: int = 1) -> None:
        """Add to a table of counters."""
        table[name] = table.get(name, 0) + by

    def turned_away(self) -> None:
        """Count a request that found no place."""
        self.shed += 1

    def text(self) -> bytes:
        """Return the Prometheus text format."""
        return generate_latest(self.registry)

    def collect(self) -> Iterator[Metric]:
        """Hand over the counters."""
        yield self.by_label(
            "verifier_problems", "Requests refused.", "code", self.problems, WATCHED
        )
        yield self.counter("verifier_shed", "Requests turned away under load.", self.shed)
        yield self.counter(
            "verifier_connections_refused",
            "Connections that found no room.",
            self.refusals.count,
        )
        files = open_files()
        if files is not None:
            yield self.gauge("process_open_fds", "Files that are open.", files.now)
            yield self.gauge("process_max_fds", "Files that may be open.", files.most)

    def by_label(
        self,
        name: str,
        what: str,
        label: str,
        table: Mapping[str, int],
        always: Iterable[str] = (),
    ) -> Metric:
        """Return a table of counters as a family.

        `always` are counted from 0: an alarm sees that a counter grows, not that it comes up.
        """
        family = CounterMetricFamily(name, what, labels=("worker", label))
        for key, value in {**{str(key): 0 for key in always}, **table}.items():
            family.add_metric((self.worker, key), value)
        return family

    def counter(self, name: str, what: str, value: float) -> Metric:
        """Return one counter as a family."""
        family = CounterMetricFamily(name, what, labels=("worker",))
        family.add_metric((self.worker,), value)
        return family

    def gauge(self, name: str, what: str, value: float) -> Metric:
        """Return one gauge as a family."""
        family = GaugeMetricFamily(name, what, labels=("worker",))
        family.add_metric((self.worker,), value)
        return family
