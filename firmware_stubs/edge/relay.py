"""The gate: a named line in the log and a counter, where a real terminal drives a relay.

It stays open for a bounded time; opened again while it is open, it stays open from then.
"""

import asyncio

from structlog.typing import FilteringBoundLogger


class Relay:
    """One gate; used from the event loop alone."""

    def __init__(self, name: str, *, open_s: float, log: FilteringBoundLogger) -> None:
        self._name = name
        self._open_s = open_s
        self._log = log
        self._closing: asyncio.TimerHandle | None = None
        self.openings = 0
        """Since the start of the software."""

    @property
    def is_open(self) -> bool:
        """Whether it is open now."""
        return self._closing is not None

    def open(self, cause: str) -> None:
        """Open it; `cause` is the scan or the command that did."""
        if self._closing is not None:
            self._closing.cancel()
        self.openings += 1
        self._log.info("gate.opened", gate=self._name, cause=cause, seconds=self._open_s)
        self._closing = asyncio.get_running_loop().call_later(self._open_s, self._close)

    def close(self) -> None:
        """Close it now, if it is open."""
        if self._closing is not None:
            self._closing.cancel()
            self._close()

    def _close(self) -> None:
        self._closing = None
        self._log.info("gate.closed", gate=self._name)
