"""The wall clock of this process, in which setting the system's clock makes no jump.

It is the system's clock at the start of the process, and goes on as the machine runs, asleep or
not. So an offset to it stays true when somebody sets the system's clock, as machines without a
battery do some seconds after their start.
"""

import time
from typing import Final

BASE_S: Final = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
"""Unix seconds at which the machine started, as the system's clock said when this process did."""


def wall() -> float:
    """Return the time, Unix seconds; it is as wrong as the system's clock was at the start."""
    return BASE_S + time.clock_gettime(time.CLOCK_BOOTTIME)
