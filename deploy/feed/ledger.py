"""What the demo sender remembers: <data>/feeds/sent/<source>.ndjson, one line per batch.

A batch is written down before it is sent, so that an interrupted one is sent again as the same
batch; it counts as sent once its answer says so (a second line).
"""

import os
from pathlib import Path
from typing import Final

import msgspec

from deploy.local.account import acting_as_owner
from verifier.feeds.batches import FIRST_CHAIN, next_chain
from verifier.feeds.reconciliation import KEPT_REPORTS, SentBatch, SourceStatement
from verifier.feeds.reports import Counts, add_counts

MAX_LINE_BYTES: Final = 64 * 1024
"""Bytes of a line; counts of every value of a plane take 5 KB."""


class LedgerEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A batch that was begun, or, with `applied`, one that was taken."""

    sequence: int
    batch: str
    digest: str
    counts: Counts
    applied: bool = False


class Ledger:
    """The sender's own log."""

    def __init__(self, data: Path, source: str) -> None:
        self._data = data
        self._path = data / "feeds" / "sent" / f"{source}.ndjson"
        self._entries = _read(self._path)

    def pending(self, digest: str, sequence: int) -> LedgerEntry | None:
        """Return the batch of this text and number that was begun and not answered."""
        for entry in reversed(self._entries):
            if (entry.sequence, entry.digest) == (sequence, digest) and not entry.applied:
                return entry
        return None

    def note(self, entry: LedgerEntry) -> None:
        """Append an entry; on disk when this returns."""
        with acting_as_owner(self._data):
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(entry) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self._entries.append(entry)

    def asked(self) -> SourceStatement:
        """Return what this side says of itself."""
        sent = {entry.sequence: entry for entry in self._entries if entry.applied}
        last, chain, counts = max(sent, default=0), FIRST_CHAIN.hex(), Counts()
        since = max(0, last - KEPT_REPORTS)
        whole = True
        for number in range(1, last + 1):
            entry = sent.get(number)
            if entry is None:
                whole = False
                continue
            chain = next_chain(chain, number, entry.digest)
            if number > since:
                add_counts(counts, entry.counts)
        return SourceStatement(
            sequence=last,
            chain=chain if whole else None,
            since=since,
            counts=counts if whole else None,
            batches=tuple(
                SentBatch(sequence=number, digest=sent[number].digest)
                for number in sorted(sent)
                if number > since
            ),
        )


def _read(path: Path) -> list[LedgerEntry]:
    try:
        with path.open("rb") as file:
            lines = [line for line in file if len(line) <= MAX_LINE_BYTES]
    except FileNotFoundError:
        return []
    return [msgspec.json.decode(line, type=LedgerEntry) for line in lines if line.endswith(b"\n")]
