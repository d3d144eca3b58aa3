"""What is kept for the fleet, in SQLite: messages until they are acknowledged, the command ring.

Tables `word` (its column `lane` is the kind of message) and `command`; the last number of each kind
and generation is a fact. Epoch and boot are put in when a message is sent, since they belong to the
connection.
"""

import sqlite3
from typing import Any

import msgspec

from firmware_stubs.commands import CommandPlan, RingEntry, Word
from firmware_stubs.edge.disk.database import Database
from firmware_stubs.storage import MAX_RESULTS, KeptKind, kept_message, report_body, result_body
from fleet.contract.commands import ResultCode, ResultState
from fleet.contract.messages import Ack, Epoch, Reported, Result


class SqliteMessages:
    """Kept messages and the ring."""

    def __init__(self, database: Database, generation: int) -> None:
        self._database = database
        self._generation = generation

    def ring(self) -> tuple[RingEntry, ...]:
        """Return the commands remembered."""
        rows = self._database.rows("SELECT id, forget_at, state, code FROM command")
        return tuple(
            RingEntry(id=id_, forget_at=at, state=ResultState(state), code=ResultCode(code))
            for id_, at, state, code in rows
        )

    def write(self, plan: CommandPlan, now: int) -> bool:
        """Write a command's entry and its word; `now` in Unix milliseconds.

        False: the word is kept already, under a sequence that is not acknowledged; say it again.
        """
        if plan.entry is None and plan.word is not None and self._keeps(plan.word):
            return False
        with self._database.transaction() as connection:
            if plan.entry is not None:
                entry = plan.entry
                connection.execute(
                    "INSERT OR REPLACE INTO command VALUES (?, ?, ?, ?)",
                    (entry.id, entry.forget_at, entry.state, entry.code),
                )
                connection.execute(
                    "DELETE FROM command WHERE forget_at < ? AND state <> ?",
                    (now, ResultState.RUNNING),
                )
            if plan.word is not None:
                self._append(connection, KeptKind.RESULT, result_body(plan.word, now))
        return True

    def report(self, bundles: dict[str, int], now: int, *, replaces: bool) -> None:
        """Keep what is applied; `replaces` those never sent, since only the newest counts."""
        with self._database.transaction() as connection:
            if replaces:
                connection.execute("DELETE FROM word WHERE lane = ?", (KeptKind.REPORTED,))
            self._append(connection, KeptKind.REPORTED, report_body(bundles, now))

    def kept(self, epoch: Epoch, boot: str) -> tuple[Reported | Result, ...]:
        """Return what waits for an acknowledgement, in order, as it is sent now."""
        rows = self._database.rows("SELECT lane, sequence, body FROM word ORDER BY lane, sequence")
        return tuple(
            kept_message(
                KeptKind(kind), sequence, msgspec.json.decode(body), epoch=epoch, boot=boot
            )
            for kind, sequence, body in rows
        )

    def lowest(self, kind: KeptKind) -> int:
        """Return the lowest sequence still kept, or the next one to be used."""
        (found,) = self._database.row("SELECT min(sequence) FROM word WHERE lane = ?", kind)
        return int(found) if found is not None else self._last(kind) + 1

    def acknowledge(self, ack: Ack) -> None:
        """Forget what the fleet has stored; go on counting after it."""
        if ack.generation != self._generation:
            return
        with self._database.transaction() as connection:
            for kind, stored in ((KeptKind.REPORTED, ack.reported), (KeptKind.RESULT, ack.result)):
                connection.execute(
                    "DELETE FROM word WHERE lane = ? AND sequence <= ?", (kind, stored)
                )
                if stored > self._last(kind):
                    # The fleet remembers a terminal that was wiped: its numbers are used up.
                    self._set_last(connection, kind, stored)

    def _keeps(self, word: Word) -> bool:
        query = """
            SELECT 1 FROM word WHERE lane = ? AND body ->> 'command' = ? AND body ->> 'state' = ?
        """
        return self._database.row(query, KeptKind.RESULT, word.command, word.state) is not None

    def _append(self, connection: sqlite3.Connection, kind: KeptKind, body: dict[str, Any]) -> None:
        sequence = self._last(kind) + 1
        self._set_last(connection, kind, sequence)
        connection.execute(
            "INSERT INTO word VALUES (?, ?, ?)", (kind, sequence, msgspec.json.encode(body))
        )
        connection.execute(
            "DELETE FROM word WHERE lane = ? AND sequence <= ?", (kind, sequence - MAX_RESULTS)
        )

    def _last(self, kind: KeptKind) -> int:
        row = self._database.row("SELECT value FROM fact WHERE name = ?", self._fact(kind))
        return 0 if row is None else int(row[0])

    def _set_last(self, connection: sqlite3.Connection, kind: KeptKind, sequence: int) -> None:
        connection.execute(
            "INSERT OR REPLACE INTO fact VALUES (?, ?)", (self._fact(kind), b"%d" % sequence)
        )

    def _fact(self, kind: KeptKind) -> str:
        return f"sequence.{kind}.{self._generation}"
