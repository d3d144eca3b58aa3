"""The rules of `promtool check metrics`, as Prometheus documents them for names of metrics."""

import re
from collections.abc import Iterator
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

BASE: Final = {
    **dict.fromkeys(("ms", "us", "ns", "minutes", "hours", "days", "weeks"), "seconds"),
    **dict.fromkeys(("milliseconds", "microseconds", "nanoseconds"), "seconds"),
    **dict.fromkeys(("bits", "kilobytes", "megabytes", "kb", "mb", "kib", "mib"), "bytes"),
    **dict.fromkeys(("percent", "percents"), "ratio"),
    **dict.fromkeys(("fahrenheit", "kelvin"), "celsius"),
}
"""A word of a name to the base unit that stands for it."""
TYPES: Final = ("gauge", "counter", "histogram", "summary")
_SNAKE: Final = re.compile(r"[a-z][a-z0-9_]*")
_PROCESS: Final = re.compile(r"process_(open|max)_fds")
"""Names that Prometheus gives to every process."""


def faults(text: str) -> Iterator[str]:
    """Say what is wrong with the metrics of a process."""
    families = list(text_string_to_metric_families(text))
    names = [family.name for family in families]
    yield from (f"{name}: twice" for name in {n for n in names if names.count(n) > 1})
    for family in families:
        name = family.name
        words = name.split("_")
        if not family.documentation:
            yield f"{name}: no help"
        if not _SNAKE.fullmatch(name):
            yield f"{name}: not in snake case"
        yield from (f"{name}: {BASE[word]}, not {word}" for word in words if word in BASE)
        yield from (f"{name}: names its type" for word in words if word in TYPES)
        for sample in family.samples:
            total = sample.name.endswith("_total")
            if total != (family.type == "counter" and not sample.name.endswith("_created")):
                yield f"{sample.name}: a counter ends with _total, and nothing else does"
            if family.type in ("gauge", "counter") and {"le", "quantile"} & sample.labels.keys():
                yield f"{sample.name}: a label of histograms or summaries"
            yield from (f"{name}: label {x}" for x in sample.labels if not _SNAKE.fullmatch(x))
        if not name.startswith(("verifier_", "fleet_")) and not _PROCESS.fullmatch(name):
            yield f"{name}: not ours"
