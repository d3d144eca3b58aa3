"""The outbox's policy: what is uploaded when, what may be deleted, what is lost when it is full.

Pure: it says which records, the edge keeps them. Rules:
- Records go up in the order of their scans, at most 100 at a time.
- `stored` and `known` acknowledge. `conflict` and `malformed` are final too: the centre has spoken
  and will not say otherwise; such a record is counted as refused. `retry` changes nothing.
- An acknowledged record is kept for a window, since a store that fails over may forget its last
  moments. The window is counted up to the last sign that the store is there, not up to now: while
  nobody answers, nothing is deleted.
- A store that is another than before (it failed over) gets everything of the window again;
  uploads are idempotent by scan_id.
- Bound: on records and on bytes of their texts. What nobody passed with goes first: denials and
  reviews, those that are acknowledged before those that wait, the oldest of each first. One that
  waited is counted as dropped. A group's review lets in whoever is no exception: it is a pass here.
  So whoever shows rubbish at a gate that is cut off pushes out rubbish, never a pass. Then the
  oldest acknowledged passes go. A pass that is not acknowledged never goes: full of those, the
  terminal goes on deciding, keeps no record of new scans, counts them as lost. Both counts are in
  its heartbeat and its state.
Document: docs/terminal.md, "Outbox".
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from firmware_stubs.scans import lets_in
from verifier.contract.reasons import Reason
from verifier.contract.scan import MAX_UPLOAD_RECORDS, UploadResult
from verifier.contract.vocabulary import Outcome

DEFAULT_KEEP_S: Final = 600.0
"""Seconds an acknowledged record is kept: ten times what a failover takes."""
MAX_ENTRIES: Final = 200_000
"""Records: two days of a busy gate, one scan a second."""
MAX_OCTETS: Final = 128 * 1024 * 1024
"""Bytes of texts: 200,000 codes of 400 characters take 80 MB."""
BATCH_OCTETS: Final = 1024 * 1024
"""Bytes of texts in one upload; the centre's bound on a body is twice that."""
SWEEP: Final = 1000
"""Records deleted at a time, so that a scan never waits long for a sweep."""


class Fate(StrEnum):
    """What an upload's answer means for a record."""

    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"
    """Final, and nobody will store it: acknowledged, counted apart."""
    WAITS = "waits"


_FATES: Final = {
    "stored": Fate.ACKNOWLEDGED,
    "known": Fate.ACKNOWLEDGED,
    "conflict": Fate.REFUSED,
    "malformed": Fate.REFUSED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingRecord:
    """An unacknowledged record, as far as the policy needs to know it."""

    number: int
    """Rises with every scan."""
    octets: int
    """Of its text, written as JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """How full the outbox is."""

    entries: int
    octets: int
    acknowledged: int
    """Of `entries`."""
    denied: bool = False
    """Whether one of them was decided and is no pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much may be kept, and how long after the acknowledgement."""

    entries: int = MAX_ENTRIES
    octets: int = MAX_OCTETS
    keep_s: float = DEFAULT_KEEP_S


class Room(StrEnum):
    """What happens to one more record."""

    TAKEN = "taken"
    DROPS = "drops"
    """Taken; a record of nobody's passing must go for it, as `droppable` orders them."""
    EVICTS = "evicts"
    """Taken; the oldest acknowledged must go for it."""
    LOST = "lost"
    """Not taken: full of passes that are not acknowledged."""


def batch(waiting: Iterable[WaitingRecord]) -> tuple[int, ...]:
    """Choose the numbers of the next upload, in the order of their scans."""
    chosen: list[int] = []
    octets = 0
    for entry in sorted(waiting, key=lambda entry: entry.number):
        octets += entry.octets
        if len(chosen) == MAX_UPLOAD_RECORDS or (chosen and octets > BATCH_OCTETS):
            break
        chosen.append(entry.number)
    return tuple(chosen)


def fates(sent: Sequence[str], results: Sequence[UploadResult]) -> tuple[Fate, ...]:
    """Read an upload's answer: one fate for each scan_id that was sent, in that order.

    What is not answered in order waits.
    """
    found = [Fate.WAITS] * len(sent)
    for at, (scan_id, result) in enumerate(zip(sent, results, strict=False)):
        if result.scan_id == scan_id:
            found[at] = _FATES.get(result.code, Fate.WAITS)
    return tuple(found)


def room(fill: Fill, octets: int, bounds: Bounds) -> Room:
    """Say what happens to one more record of so many bytes."""
    if fill.entries < bounds.entries and fill.octets + octets <= bounds.octets:
        return Room.TAKEN
    if fill.denied:
        return Room.DROPS
    return Room.EVICTS if fill.acknowledged else Room.LOST


def droppable(
    decision: Outcome | None, reason: Reason | None, *, acknowledged: bool, number: int
) -> tuple[int, int] | None:
    """Return the order in which a record is dropped for another, lowest first; None: never so.

    `decision` is None while nobody has decided.
    """
    if decision is None or lets_in(decision, reason):
        return None
    return (0 if acknowledged else 1, number)


def deletable_before(confirmed_at: float, bounds: Bounds) -> float:
    """Return the time before which an acknowledgement is old enough for deleting its record.

    `confirmed_at` is when the centre's store last gave a sign of life, in Unix seconds.
    """
    return confirmed_at - bounds.keep_s


def failed_over(before: str | None, after: str | None) -> bool:
    """Say whether the centre's store is another than before, by the name it gives itself."""
    return before is not None and after is not None and before != after
