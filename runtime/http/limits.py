"""How many requests of one kind may be under way, in all and for each caller.

Such requests are long: a large body is held in memory, a picture is looked at, an answer waits for
news. A caller that has its share under way is told so (429 caller.busy), and takes no place of the
others; when there is no place for anybody, all are told (503 system.busy).
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from time import monotonic
from typing import Final, Protocol

from runtime.http.problems import RETRY_AFTER_S, Problem

MAX_LARGE: Final = 16
"""Requests with large bodies under way at a door: 64 MiB at the most."""
MAX_CALLER_LARGE: Final = 8
"""Of them, those of one caller: half."""

RECENT_S: Final = 300.0
"""Seconds for which it is said that connections found no room: until somebody looks."""
MAX_REQUESTS: Final = 512
"""Requests of one kind under way at a door, where nothing tighter is said: bodies, store, audit."""
MAX_CALLER_REQUESTS: Final = 128
"""Of them, those of one caller: a quarter."""


class Refusals:
    """Connections of a process's doors that found no room."""

    def __init__(self) -> None:
        self.count = 0
        self._last = -math.inf

    def note(self) -> None:
        """Count one."""
        self.count += 1
        self._last = monotonic()

    @property
    def recent(self) -> bool:
        """Whether there was one in the last minutes."""
        return monotonic() - self._last < RECENT_S


class DoorCounts(Protocol):
    """What a service counts of its doors."""

    @property
    def refusals(self) -> Refusals:
        """Where connections are counted that found no room."""

    def problem(self, code: str) -> None:
        """Count a problem that a caller was told."""

    def turned_away(self) -> None:
        """Count a request that found no place."""


class ConcurrencyLimit:
    """A number of places, of which one caller has a share; who finds none comes again."""

    def __init__(self, most: int, counts: DoorCounts, *, a_caller: int) -> None:
        self._free = most
        self._a_caller = a_caller
        self._counts = counts
        self._held: dict[str, int] = {}

    @contextmanager
    def one(self, share: str) -> Iterator[None]:
        """Hold a place; `share` says whose it is.

        Raises:
            Problem: 429 caller.busy, the caller has its share; 503 system.busy, none is free.
        """
        held = self._held.get(share, 0)
        if held >= self._a_caller:
            self._counts.turned_away()
            raise caller_busy()
        if not self._free:
            self._counts.turned_away()
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "system.busy")
        self._free -= 1
        self._held[share] = held + 1
        try:
            yield
        finally:
            self._free += 1
            left = self._held[share] - 1
            if left:
                self._held[share] = left
            else:
                del self._held[share]


def caller_busy() -> Problem:
    """Return the problem of a caller that has as much under way as one caller may."""
    headers = {"Retry-After": str(RETRY_AFTER_S)}
    return Problem(HTTPStatus.TOO_MANY_REQUESTS, "caller.busy", headers=headers)
