"""Alarms as Prometheus judges them: the rules of deploy/prometheus over two scrapes of a house.

Only the forms of expressions that the rules have are known; another one is an error, not silence.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml
from prometheus_client.parser import text_string_to_metric_families

RULES: Final = Path(__file__).resolve().parents[2] / "deploy" / "prometheus" / "kapok.rules.yml"
Labels = frozenset[tuple[str, str]]
Vector = dict[Labels, float]
Scrape = dict[tuple[str, Labels], float]
_SELECTOR: Final = re.compile(r"([a-z_]+)(?:\{([^}]*)\})?")
_COMPARED: Final = re.compile(r"(.+) (==|>|<) (.+)")
_COMPARE: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "==": lambda left, right: left == right,
    ">": lambda left, right: left > right,
    "<": lambda left, right: left < right,
}


@dataclass(frozen=True, slots=True)
class Alarm:
    """A rule."""

    name: str
    expression: str
    code: str | None


def alarms() -> tuple[Alarm, ...]:
    """Read the rules."""
    assert RULES.is_file(), "there are no rules"
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return tuple(
        Alarm(rule["alert"], rule["expr"], rule["annotations"].get("code"))
        for group in groups
        for rule in group["rules"]
    )


def scraped(texts: Mapping[str, str | None]) -> Scrape:
    """Return the samples of a house's processes by name; None: it does not answer."""
    found: Scrape = {}
    for instance, text in texts.items():
        target = {"job": "kapok", "instance": instance}
        found["up", frozenset(target.items())] = float(text is not None)
        for family in text_string_to_metric_families(text or ""):
            for sample in family.samples:
                labels = frozenset((sample.labels | target).items())
                assert (sample.name, labels) not in found, f"twice: {sample}"
                found[sample.name, labels] = sample.value
    return found


def ringing(before: Scrape, after: Scrape) -> set[str]:
    """Return the names of the alarms that ring after the second scrape."""
    return {alarm.name for alarm in alarms() if _rings(alarm.expression, before, after)}


def _rings(expression: str, before: Scrape, after: Scrape) -> bool:
    compared = _COMPARED.fullmatch(expression)
    assert compared is not None, expression
    left, compare = _vector(compared[1], before, after), _COMPARE[compared[2]]
    try:
        bound = float(compared[3])
    except ValueError:
        right = _vector(compared[3], before, after)
        return any(compare(left[labels], right[labels]) for labels in left.keys() & right.keys())
    return any(compare(value, bound) for value in left.values())


def _vector(text: str, before: Scrape, after: Scrape) -> Vector:
    if " / " in text:
        above, below = (_vector(part, before, after) for part in text.split(" / "))
        return {labels: above[labels] / below[labels] for labels in above.keys() & below.keys()}
    if quantile := re.fullmatch(
        r"histogram_quantile\((.+), sum by \(le\) \(rate\((.+)\[.+\]\)\)\)", text
    ):
        grown = _grown(quantile[2], before, after)
        return dict(_quantile(float(quantile[1]), grown))
    if grows := re.fullmatch(r"increase\((.+)\[.+\]\)", text):
        return _grown(grows[1], before, after)
    if summed := re.fullmatch(r"sum\((.+)\)", text):
        values = _selected(summed[1], after)
        return {frozenset(): sum(values.values())} if values else {}
    return _selected(text, after)


def _selected(text: str, scrape: Scrape) -> Vector:
    selector = _SELECTOR.fullmatch(text)
    assert selector is not None, text
    wanted = dict(re.findall(r'([a-z]+)="([^"]*)"', selector[2] or ""))
    return {
        labels: value
        for (name, labels), value in scrape.items()
        if name == selector[1] and wanted.items() <= dict(labels).items()
    }


def _grown(text: str, before: Scrape, after: Scrape) -> Vector:
    """Return by how much counters grew; of one that was not there before nothing is known."""
    old, new = _selected(text, before), _selected(text, after)
    return {labels: new[labels] - old[labels] for labels in old.keys() & new.keys()}


def _quantile(part: float, grown: Vector) -> Iterator[tuple[Labels, float]]:
    """Yield the upper bound of the bucket in which the quantile lies."""
    buckets: dict[float, float] = {}
    for labels, value in grown.items():
        bound = float(dict(labels)["le"])
        buckets[bound] = buckets.get(bound, 0) + value
    total = buckets.get(float("inf"), 0)
    if total:
        yield frozenset(), min(b for b, count in buckets.items() if count >= part * total)
