"""The outbox in SQLite: the table `scan`. What may go when is `firmware_stubs.outbox`'s to say.

A row is a scan: noted before the centre is asked, then decided, then acknowledged, then deleted.
The texts are kept for the upload and go with their row. A decision's own group counts and names are
not kept. How full the outbox is stands in the one row of `fill`, kept by triggers. The highest
number stands in the file `outbox.mark` too: where the table has a lower one, records are missing.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, TypeAlias

import msgspec

from firmware_stubs.edge.disk.database import Database, StateError
from firmware_stubs.edge.disk.mark import HighMark
from firmware_stubs.outbox import SWEEP, Bounds, Fill, Room, WaitingRecord, deletable_before, room
from firmware_stubs.scans import SAME_S, FinalDecision, Scan, restored, restored_decision
from firmware_stubs.storage import MAX_MILLISECONDS, StorageError
from verifier.contract.reasons import Language, Reason
from verifier.contract.scan import MAX_UPLOAD_RECORDS, UploadRecord
from verifier.contract.vocabulary import Outcome

_NOTED: Final = "SELECT 1 FROM scan WHERE scan_id = ?"
_NOTE: Final = "INSERT INTO scan (scan_id, text, octets, at) VALUES (?, ?, ?, ?)"
_DECIDE: Final = """
UPDATE scan SET decided = 1, online = ?, decision = ?, reason = ?, clock_unsure = ?,
    milliseconds = ?, sector_class = ?, acknowledged_at = ?
WHERE scan_id = ? AND NOT decided
"""
_FILL: Final = """
SELECT entries, octets, acknowledged, EXISTS
    (SELECT 1 FROM scan INDEXED BY scan_denied
    WHERE decided AND decision <> 'pass' AND reason IS NOT 'group.exceptions')
FROM fill
"""
_OLDEST: Final = """
DELETE FROM scan WHERE number =
    (SELECT min(number) FROM scan WHERE acknowledged_at IS NOT NULL)
"""
_DROPPED: Final = """
DELETE FROM scan WHERE number =
    (SELECT number FROM scan INDEXED BY scan_denied
    WHERE decided AND decision <> 'pass' AND reason IS NOT 'group.exceptions'
    ORDER BY acknowledged_at IS NULL, number LIMIT 1)
RETURNING acknowledged_at IS NULL
"""
"""In the order of `outbox.droppable`."""
_SWEEP: Final = """
DELETE FROM scan WHERE number IN
    (SELECT number FROM scan WHERE acknowledged_at < ? ORDER BY number LIMIT ?)
"""
_WAITING: Final = """
SELECT number, octets FROM scan WHERE decided AND acknowledged_at IS NULL ORDER BY number LIMIT ?
"""
_UPLOAD: Final = """
SELECT scan_id, text, at, decision, reason, clock_unsure, milliseconds, online FROM scan
WHERE number = ?
"""
_RECENT: Final = """
SELECT scan_id, text, at, decided, online, decision, reason, sector_class, opened FROM scan
WHERE NOT decided OR at > ? ORDER BY number
"""

_HIGHEST: Final = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'scan'"
_GO_ON_FROM: Final = """
DELETE FROM sqlite_sequence WHERE name = 'scan';
INSERT INTO sqlite_sequence VALUES ('scan', {number});
"""

_Recent: TypeAlias = tuple[str, str, float, int, int, str, str | None, int | None, int]


class SqliteRecords:
    """The outbox."""

    def __init__(self, database: Database, bounds: Bounds, language: Language) -> None:
        self._database = database
        self._bounds = bounds
        self._language = language
        self.lost = 0
        self.dropped = 0
        try:
            self._mark = HighMark(database.path.with_name("outbox.mark"))
            self.missing = self._missing()
        except OSError as error:
            raise StateError(f"{database.path.with_name('outbox.mark')}: {error}") from error
        database.committed = self._rise

    def _missing(self) -> int:
        """Return how many numbers were used that the table never had; they are used up."""
        (highest,) = self._database.row(_HIGHEST)
        missing = self._mark.value - int(highest)
        if missing > 0:
            go_on = _GO_ON_FROM.format(number=self._mark.value)
            self._database.connection.executescript(f"BEGIN IMMEDIATE;{go_on}COMMIT;")
        self._mark.rise(int(highest))
        return max(0, missing)

    def _rise(self) -> None:
        (highest,) = self._database.row(_HIGHEST)
        # A decision that is on disk stands, whatever becomes of the mark: the next one writes it.
        with suppress(OSError):
            self._mark.rise(int(highest))

    def sync_mark(self) -> None:
        """Force the highest number to disk in its second place."""
        try:
            self._mark.sync()
        except OSError as error:
            raise StorageError(f"outbox.mark: {error.strerror}") from error

    def close(self) -> None:
        """Close the second place."""
        self._mark.close()

    def fill(self) -> Fill:
        """Return how full the outbox is."""
        entries, octets, acknowledged, denied = self._database.row(_FILL)
        return Fill(entries=entries, octets=octets, acknowledged=acknowledged, denied=bool(denied))

    def full(self) -> bool:
        """Say whether the next record would be lost."""
        return room(self.fill(), 0, self._bounds) is Room.LOST

    def note(self, scan: Scan) -> None:
        """Note a scan before it is asked; survives the process, not the machine."""
        with self._database.transaction(durable=False) as connection:
            self._insert(connection, scan)

    def decide(
        self,
        connection: sqlite3.Connection,
        scan: Scan,
        verdict: FinalDecision,
        *,
        acknowledged_at: float | None,
        clock_unsure: bool = False,
        milliseconds: float = 0.0,
    ) -> bool:
        """Write a decision within the caller's transaction; False: there is no room for it."""
        self._insert(connection, scan)
        answer = verdict.answer
        written = connection.execute(
            _DECIDE,
            (
                verdict.online,
                answer.decision,
                answer.reason,
                clock_unsure,
                min(milliseconds, MAX_MILLISECONDS),
                answer.sector_class,
                acknowledged_at,
                scan.scan_id,
            ),
        )
        return written.rowcount == 1

    def mark_opened(self, scan_id: str) -> None:
        """Note that the gate opens for a scan; survives the process, not the machine."""
        with self._database.transaction(durable=False) as connection:
            connection.execute("UPDATE scan SET opened = 1 WHERE scan_id = ?", (scan_id,))

    def next(self) -> tuple[WaitingRecord, ...]:
        """Return the oldest unacknowledged, at most one upload's worth."""
        rows = self._database.rows(_WAITING, MAX_UPLOAD_RECORDS)
        return tuple(WaitingRecord(number=number, octets=octets) for number, octets in rows)

    def read(self, numbers: Sequence[int]) -> tuple[UploadRecord, ...]:
        """Return records as they are uploaded."""
        return tuple(_upload(self._database.row(_UPLOAD, number)) for number in numbers)

    def acknowledge(self, scan_ids: Sequence[str], at: float) -> None:
        """Note the centre's acknowledgement."""
        with self._database.transaction() as connection:
            connection.executemany(
                "UPDATE scan SET acknowledged_at = ? WHERE scan_id = ?",
                [(at, scan_id) for scan_id in scan_ids],
            )

    def reopen(self) -> int:
        """Let everything that was acknowledged wait again: the store failed over."""
        with self._database.transaction() as connection:
            return connection.execute(
                "UPDATE scan SET acknowledged_at = NULL WHERE acknowledged_at IS NOT NULL"
            ).rowcount

    def sweep(self, confirmed_at: float) -> int:
        """Delete what may go; returns how many."""
        before = deletable_before(confirmed_at, self._bounds)
        with self._database.transaction(durable=False) as connection:
            return connection.execute(_SWEEP, (before, SWEEP)).rowcount

    def forget_undecided(self) -> int:
        """Forget the scans without a decision, after the machine has restarted; returns how many.

        A decision made here was on disk before the gate opened. One of the centre's may have opened
        it and then gone with the power: to call it a denial would give back what was used. What the
        centre knows of such a scan stands.
        """
        with self._database.transaction() as connection:
            return connection.execute("DELETE FROM scan WHERE NOT decided").rowcount

    def recent(self, now: float) -> tuple[Scan, ...]:
        """Return the scans of the last seconds and those without a decision, after a restart."""
        rows = self._database.rows(_RECENT, now - SAME_S)
        return tuple(self._scan(row) for row in rows)

    def _insert(self, connection: sqlite3.Connection, scan: Scan) -> None:
        """Put a row where there is room for it, making room by the policy's rule."""
        if connection.execute(_NOTED, (scan.scan_id,)).fetchone() is not None:
            return
        octets = len(msgspec.json.encode(scan.text))
        while (verdict := room(self.fill(), octets, self._bounds)) in (Room.DROPS, Room.EVICTS):
            if verdict is Room.DROPS:
                ((waited,),) = connection.execute(_DROPPED).fetchall()
                self.dropped += waited
            else:
                connection.execute(_OLDEST)
        if verdict is Room.TAKEN:
            connection.execute(_NOTE, (scan.scan_id, scan.text, octets, scan.at))

    def _scan(self, row: _Recent) -> Scan:
        scan_id, text, at, decided, online, decision, reason, sector_class, opened = row
        final = None
        if decided:
            final = restored_decision(
                scan_id,
                Outcome(decision),
                None if reason is None else Reason(reason),
                sector_class,
                online=bool(online),
                language=self._language,
            )
        return restored(scan_id, text, at, opened=bool(opened), final=final)


def _upload(row: tuple[str, str, float, str, str | None, int, float, int]) -> UploadRecord:
    scan_id, text, at, decision, reason, clock_unsure, milliseconds, online = row
    return UploadRecord(
        scan_id=scan_id,
        text=text,
        at=at,
        decision=Outcome(decision),
        reason=None if reason is None else Reason(reason),
        clock_unsure=bool(clock_unsure),
        milliseconds=milliseconds,
        online=bool(online),
    )
