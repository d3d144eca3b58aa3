"""How many requests of one kind may be under way: their bodies are held in memory meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Final, Protocol

from runtime.http.problems import Problem

MAX_LARGE: Final = 16
"""Requests with large bodies under way in a worker: 64 MiB at the most."""


class DoorCounts(Protocol):
    """What a service counts of its doors."""

    def problem(self, code: str) -> None:
        """Count a problem that a caller was told."""

    def turned_away(self) -> None:
        """Count a request that found no place."""


class Places:
    """A number of places; who finds none comes again."""

    def __init__(self, most: int, counts: DoorCounts) -> None:
        self._free = most
        self._counts = counts

    @contextmanager
    def one(self) -> Iterator[None]:
        """Hold a place.

        Raises:
            Problem: 503 system.busy, none is free.
        """
        if not self._free:
            self._counts.turned_away()
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "system.busy")
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1
