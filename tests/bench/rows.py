"""A row of the bench, and interleaved timing.

Machines are shared and noisy: what is compared runs in turn within one run, and each counts with
its best round. A ratio is to something measured in the same run.
"""

import gc
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

ROUNDS: Final = 12
"""Rounds of each case; the best counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One thing to time: a function and the items it is called with."""

    call: Callable[[Any], object]
    items: Sequence[Any]


def interleaved(cases: Mapping[str, Case], rounds: int = ROUNDS) -> dict[str, float]:
    """Time the cases in turn; best seconds per item of each.

    The collector is frozen and off, as the scan workers have it frozen.
    """
    best = dict.fromkeys(cases, float("inf"))
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        for _ in range(rounds):
            for name, case in cases.items():
                call, items = case.call, case.items
                start = time.perf_counter()
                for item in items:
                    call(item)
                spent = (time.perf_counter() - start) / len(items)
                best[name] = min(best[name], spent)
    finally:
        gc.enable()
        gc.unfreeze()
    return best


def emit(
    name: str,
    value: float,
    unit: str,
    *,
    ratio: float | None = None,
    to: str = "absolute",
    **more: object,
) -> None:
    """Print one row as a JSON line."""
    row: dict[str, object] = {
        "name": name,
        "value": round(value, 4),
        "unit": unit,
        "ratio": None if ratio is None else round(ratio, 3),
        "ratio_to": to,
    }
    print(json.dumps(row | more), flush=True)  # noqa: T201 - the bench's output


def progress(text: str) -> None:
    """Say on standard error what is being prepared."""
    print(f"bench: {text}", file=sys.stderr, flush=True)  # noqa: T201
