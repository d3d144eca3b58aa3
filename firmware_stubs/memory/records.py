"""The outbox in memory. What may go when is `firmware_stubs.outbox`'s to say.

Every look walks the rows, oldest first: a terminal of a swarm has a few hundred.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import msgspec

from firmware_stubs.memory.rows import ChangeJournal, Rows
from firmware_stubs.outbox import (
    SWEEP,
    Bounds,
    Fill,
    Room,
    WaitingRecord,
    deletable_before,
    droppable,
    room,
)
from firmware_stubs.scans import SAME_S, FinalDecision, Scan, restored, restored_decision
from firmware_stubs.storage import MAX_MILLISECONDS
from verifier.contract.reasons import Language
from verifier.contract.scan import MAX_UPLOAD_RECORDS, UploadRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    scan_id: str
    text: str
    octets: int
    at: float
    final: FinalDecision | None = None
    clock_unsure: bool = False
    milliseconds: float = 0.0
    opened: bool = False
    acknowledged_at: float | None = None

    @property
    def waits(self) -> bool:
        """Whether it is to be uploaded."""
        return self.final is not None and self.acknowledged_at is None

    def order(self, number: int) -> tuple[int, int] | None:
        """Return when it is dropped for another; None: never."""
        if self.final is None:
            return None
        answer, done = self.final.answer, self.acknowledged_at is not None
        return droppable(answer.decision, answer.reason, acknowledged=done, number=number)


class MemoryRecords:
    """The outbox."""

    def __init__(self, journal: ChangeJournal, bounds: Bounds, language: Language) -> None:
        self._rows: Rows[int, _Row] = Rows(journal)
        self._numbers: Rows[str, int] = Rows(journal)
        """Of each scan_id."""
        self._last = 0
        self._bounds = bounds
        self._language = language
        self.lost = 0
        self.dropped = 0
        self.missing = 0

    def fill(self) -> Fill:
        """Return how full the outbox is."""
        rows = self._rows.all.values()
        return Fill(
            entries=len(rows),
            octets=sum(row.octets for row in rows),
            acknowledged=sum(row.acknowledged_at is not None for row in rows),
            denied=any(row.order(0) is not None for row in rows),
        )

    def full(self) -> bool:
        """Say whether the next record would be lost."""
        return room(self.fill(), 0, self._bounds) is Room.LOST

    def note(self, scan: Scan) -> None:
        """Note a scan before it is asked."""
        if self._numbers.get(scan.scan_id) is not None:
            return
        octets = len(msgspec.json.encode(scan.text))
        while (verdict := room(self.fill(), octets, self._bounds)) in (Room.DROPS, Room.EVICTS):
            if verdict is Room.DROPS:
                self._drop_denied()
            else:
                self._drop(next(n for n, row in self._oldest() if row.acknowledged_at is not None))
        if verdict is Room.TAKEN:
            self._last += 1
            row = _Row(scan_id=scan.scan_id, text=scan.text, octets=octets, at=scan.at)
            self._rows.put(self._last, row)
            self._numbers.put(scan.scan_id, self._last)

    def decide(
        self,
        scan: Scan,
        verdict: FinalDecision,
        *,
        acknowledged_at: float | None,
        clock_unsure: bool = False,
        milliseconds: float = 0.0,
    ) -> bool:
        """Write a decision; False: there is no room for it, or the scan was decided before."""
        self.note(scan)
        number = self._numbers.get(scan.scan_id)
        row = None if number is None else self._rows.get(number)
        if number is None or row is None or row.final is not None:
            return False
        decided = replace(
            row,
            final=verdict,
            clock_unsure=clock_unsure,
            milliseconds=min(milliseconds, MAX_MILLISECONDS),
            acknowledged_at=acknowledged_at,
        )
        self._rows.put(number, decided)
        return True

    def mark_opened(self, scan_id: str) -> None:
        """Note that the gate opens for a scan."""
        number = self._numbers.get(scan_id)
        if number is not None:
            self._rows.put(number, replace(self._rows.all[number], opened=True))

    def next(self) -> tuple[WaitingRecord, ...]:
        """Return the oldest unacknowledged, at most one upload's worth."""
        waiting = [
            WaitingRecord(number=number, octets=row.octets)
            for number, row in self._oldest()
            if row.waits
        ]
        return tuple(waiting[:MAX_UPLOAD_RECORDS])

    def read(self, numbers: Sequence[int]) -> tuple[UploadRecord, ...]:
        """Return records as they are uploaded."""
        return tuple(_upload(self._rows.all[number]) for number in numbers)

    def acknowledge(self, scan_ids: Sequence[str], at: float) -> None:
        """Note the centre's acknowledgement; `at` in Unix seconds."""
        for scan_id in scan_ids:
            number = self._numbers.get(scan_id)
            if number is not None:
                self._rows.put(number, replace(self._rows.all[number], acknowledged_at=at))

    def reopen(self) -> int:
        """Let everything that was acknowledged wait again: the store failed over."""
        told = [(n, row) for n, row in self._oldest() if row.acknowledged_at is not None]
        for number, row in told:
            self._rows.put(number, replace(row, acknowledged_at=None))
        return len(told)

    def sweep(self, confirmed_at: float) -> int:
        """Delete what may go; returns how many."""
        before = deletable_before(confirmed_at, self._bounds)
        old = [
            number
            for number, row in self._oldest()
            if row.acknowledged_at is not None and row.acknowledged_at < before
        ][:SWEEP]
        for number in old:
            self._drop(number)
        return len(old)

    def recent(self, now: float) -> tuple[Scan, ...]:
        """Return the scans of the last seconds and those without a decision."""
        return tuple(
            self._scan(row)
            for _, row in self._oldest()
            if row.final is None or row.at > now - SAME_S
        )

    def _oldest(self) -> Iterator[tuple[int, _Row]]:
        """Yield (number, row), oldest first."""
        for number in sorted(self._rows.all):
            yield number, self._rows.all[number]

    def _drop_denied(self) -> None:
        """Drop the record of nobody's passing that goes first."""
        orders = (row.order(number) for number, row in self._rows.all.items())
        waited, number = min(order for order in orders if order is not None)
        self._drop(number)
        self.dropped += waited

    def _drop(self, number: int) -> None:
        self._numbers.drop(self._rows.all[number].scan_id)
        self._rows.drop(number)

    def _scan(self, row: _Row) -> Scan:
        final = None
        if row.final is not None:
            answer = row.final.answer
            final = restored_decision(
                row.scan_id,
                answer.decision,
                answer.reason,
                answer.sector_class,
                online=row.final.online,
                language=self._language,
            )
        return restored(row.scan_id, row.text, row.at, opened=row.opened, final=final)


def _upload(row: _Row) -> UploadRecord:
    if row.final is None:
        raise ValueError("a scan without a decision is not uploaded")
    return UploadRecord(
        scan_id=row.scan_id,
        text=row.text,
        at=row.at,
        decision=row.final.answer.decision,
        reason=row.final.answer.reason,
        clock_unsure=row.clock_unsure,
        milliseconds=row.milliseconds,
        online=row.final.online,
    )
