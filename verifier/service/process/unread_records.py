"""Entries among the records that are none, as a process met them: left out, counted, said.

Every worker may append to the records; one that was taken over appends what it likes.
"""

import time
from collections.abc import Iterable
from typing import Final

from runtime.http.health import Finding

KEPT_S: Final = 26 * 3600.0
"""Seconds after which an entry is gone from the store."""
MAX_KEPT: Final = 1000
"""Entries told apart; more are said to be more."""


class UnreadRecords:
    """The entries that could not be read, each counted once."""

    def __init__(self) -> None:
        self._met: dict[str, float] = {}
        """By key and id, when it was met first, on the monotonic clock; the oldest first."""

    def note(self, entries: Iterable[str]) -> None:
        """Take in entries of a page."""
        for entry in entries:
            if len(self._met) < MAX_KEPT:
                self._met.setdefault(entry, time.monotonic())

    def findings(self) -> tuple[Finding, ...]:
        """Say how many there are, as long as the store may have them."""
        since = time.monotonic() - KEPT_S
        self._met = {entry: at for entry, at in self._met.items() if at > since}
        if not self._met:
            return ()
        count = f"{MAX_KEPT} or more" if len(self._met) == MAX_KEPT else str(len(self._met))
        first = next(iter(self._met))
        return (Finding(code="records.unread", detail=f"{count} left out, the first at {first}"),)
