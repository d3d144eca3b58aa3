"""The one place of our services that looks at the wall clock."""

import time
from collections.abc import Callable

now = time.time
"""Unix seconds."""


def now_ms() -> int:
    """Return milliseconds since 1970-01-01 UTC."""
    return time.time_ns() // 1_000_000


def monotonic_ms() -> int:
    """Return milliseconds of a clock that only goes on, for what has passed."""
    return time.monotonic_ns() // 1_000_000


def time_left(seconds: float) -> Callable[[], bool]:
    """Return what says whether these seconds, counted from now, are still running."""
    until = time.monotonic() + seconds
    return lambda: time.monotonic() < until
