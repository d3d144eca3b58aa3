"""How many requests of one kind may be under way: their bodies are held in memory meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Final

from verifier.service.http.problems import Problem
from verifier.service.process.metrics import Metrics

MAX_LARGE: Final = 16
"""Requests with large bodies under way in a worker: 64 MiB at the most."""


class Places:
    """A number of places; who finds none comes again."""

    def __init__(self, most: int, metrics: Metrics) -> None:
        self._free = most
        self._metrics = metrics

    @contextmanager
    def one(self) -> Iterator[None]:
        """Hold a place.

        Raises:
            Problem: 503 system.busy, none is free.
        """
        if not self._free:
            self._metrics.shed += 1
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "system.busy")
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1
