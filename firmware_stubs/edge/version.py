"""What this software is, and the earliest time it can be running at."""

from typing import Final

from fleet.contract.messages import Software

SOFTWARE: Final = Software(name="kapok-terminal", version="0.1.0")
BUILD_TIME: Final = 1_767_225_600.0
"""Unix seconds, 2026-01-01: no clock of a running terminal is right below it."""
