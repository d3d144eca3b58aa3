"""The one place of our services that looks at the wall clock."""

import time

now = time.time
"""Unix seconds."""


def now_ms() -> int:
    """Return milliseconds since 1970-01-01 UTC."""
    return time.time_ns() // 1_000_000
