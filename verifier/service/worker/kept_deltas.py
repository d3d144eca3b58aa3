"""Deltas of one plane as a worker hands them on: the newest ones, in buckets of 64 versions.

A bucket holds the deltas that lead to its 64 versions, so that thousands of terminals, whatever
version each has, ask for few and the same bytes. Bounded: the oldest go first. What follows the
stream of deltas keeps them here once they were accepted; nothing here judges them.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final

from verifier.contract.bundle import DELTA_BUCKET

MAX_KEPT: Final = 4096
"""Deltas kept a plane: three days of none, an hour of a change a second."""
MAX_KEPT_BYTES: Final = 16 * 1024 * 1024
"""Bytes kept a plane; four health snapshots of a city."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptDelta:
    """A signed delta, and between which versions it leads."""

    before: int
    version: int
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """The deltas to versions first to first + 63 that are kept."""

    data: bytes
    """A CBOR sequence, ascending."""
    newest: int
    """0: there is none."""
    final: bool
    """Nothing will be added, and nothing that was there is missing."""


class Ahead(Exception):  # noqa: N818 - it is an answer
    """A bucket of versions that never were."""


class Gone(Exception):  # noqa: N818 - it is an answer
    """A bucket older than what is kept."""


class Deltas:
    """The newest deltas of one plane."""

    def __init__(self) -> None:
        self._kept: deque[KeptDelta] = deque()
        self._octets = 0

    @property
    def head(self) -> int:
        """The newest version that a delta leads to; 0: none is kept."""
        return self._kept[-1].version if self._kept else 0

    def keep(self, delta: KeptDelta) -> None:
        """Keep the next delta; one that does not follow the newest makes a new beginning."""
        if delta.version <= self.head:
            return
        if delta.before != self.head:
            self._kept.clear()
            self._octets = 0
        self._kept.append(delta)
        self._octets += len(delta.data)
        while len(self._kept) > MAX_KEPT or self._octets > MAX_KEPT_BYTES:
            self._octets -= len(self._kept.popleft().data)

    def bucket(self, first: int, *, known: int) -> Bucket:
        """Return the bucket that begins at version `first`, a multiple of 64.

        `known` is the plane's version here, with or without deltas that led to it.

        Raises:
            Ahead: there is no such version yet.
            Gone: none of its deltas is kept.
        """
        end = first + DELTA_BUCKET
        if first > known:
            raise Ahead
        oldest = self._kept[0].before if self._kept else known
        if end <= oldest + 1 or not self._kept:
            raise Gone
        within = [it for it in self._kept if first <= it.version < end]
        return Bucket(
            data=b"".join(it.data for it in within),
            newest=within[-1].version if within else 0,
            final=oldest < first and self.head >= end - 1,
        )
