"""What is counted, for /metrics."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from fleet.contract.errors import Breach
from runtime.http.limits import Refusals
from runtime.open_files import open_files

WATCHED: Final = ("internal", "key.unknown")
"""Problems for which there is an alarm."""


def _registry() -> CollectorRegistry:
    return CollectorRegistry(auto_describe=True)


class _Connections(Collector):
    """Who found no room at the door, and the files of the process."""

    def __init__(self, refusals: Refusals) -> None:
        self._refusals = refusals

    def collect(self) -> Iterator[Metric]:
        yield CounterMetricFamily(
            "fleet_connections_refused",
            "Connections that found no room.",
            value=self._refusals.count,
        )
        files = open_files()
        if files is not None:
            yield GaugeMetricFamily("process_open_fds", "Files that are open.", value=files.now)
            yield GaugeMetricFamily("process_max_fds", "Files that may be open.", value=files.most)


@dataclass(frozen=True, slots=True)
class FleetMetrics:
    """The counters of one process, in a collection of their own."""

    registry: CollectorRegistry = field(default_factory=_registry)
    stored: Counter = field(init=False)
    dead: Counter = field(init=False)
    retried: Counter = field(init=False)
    batch: Histogram = field(init=False)
    waiting: Gauge = field(init=False)
    shards: Gauge = field(init=False)
    dropped: Counter = field(init=False)
    problems: Counter = field(init=False)
    shed: Counter = field(init=False)
    refusals: Refusals = field(default_factory=Refusals)

    def __post_init__(self) -> None:
        def keep(name: str, value: Counter | Gauge | Histogram) -> None:
            object.__setattr__(self, name, value)

        keep("stored", Counter("fleet_stored", "Messages on disk.", registry=self.registry))
        keep("dead", Counter("fleet_dead", "Dead letters.", ["reason"], registry=self.registry))
        for breach in Breach:
            self.dead.labels(breach.value)  # from 0: an alarm sees that it grows
        keep("retried", Counter("fleet_retried", "Batches again.", registry=self.registry))
        keep(
            "batch",
            Histogram(
                "fleet_batch_messages",
                "Messages in a batch.",
                buckets=(1, 5, 20, 50, 100, 200),
                registry=self.registry,
            ),
        )
        keep("waiting", Gauge("fleet_waiting", "Messages not stored yet.", registry=self.registry))
        keep("shards", Gauge("fleet_shards", "Shards served.", registry=self.registry))
        keep("dropped", Counter("fleet_unsent", "Messages not sent.", registry=self.registry))
        keep(
            "problems",
            Counter("fleet_problems", "Requests refused.", ["code"], registry=self.registry),
        )
        for code in WATCHED:
            self.problems.labels(code)
        keep("shed", Counter("fleet_shed", "Requests turned away.", registry=self.registry))
        self.registry.register(_Connections(self.refusals))

    def problem(self, code: str) -> None:
        """Count a problem that a caller was told."""
        self.problems.labels(code).inc()

    def turned_away(self) -> None:
        """Count a request that found no place."""
        self.shed.inc()

    def text(self) -> bytes:
        """Return the Prometheus text format."""
        return generate_latest(self.registry)
