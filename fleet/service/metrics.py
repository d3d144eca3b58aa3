"""What is counted, for /metrics."""

from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest


def _registry() -> CollectorRegistry:
    return CollectorRegistry(auto_describe=True)


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

    def __post_init__(self) -> None:
        def keep(name: str, value: Counter | Gauge | Histogram) -> None:
            object.__setattr__(self, name, value)

        keep("stored", Counter("fleet_stored", "Messages on disk.", registry=self.registry))
        keep("dead", Counter("fleet_dead", "Dead letters.", ["reason"], registry=self.registry))
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
        keep("shed", Counter("fleet_shed", "Requests turned away.", registry=self.registry))

    def problem(self, code: str) -> None:
        """Count a problem that a caller was told."""
        self.problems.labels(code).inc()

    def turned_away(self) -> None:
        """Count a request that found no place."""
        self.shed.inc()

    def text(self) -> bytes:
        """Return the Prometheus text format."""
        return generate_latest(self.registry)
