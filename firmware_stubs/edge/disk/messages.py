"""What is kept for the fleet until it acknowledges: `reported` and `result`, and the command ring.

Each lane counts from 1 without gaps. A command's entry and the word about it are written in one
transaction, so a word is never said of what is not remembered. Epoch and boot are put in when a
word is sent, since they belong to the connection. On the desk's thread.
"""

import sqlite3
from typing import Any, Final

import msgspec

from firmware_stubs.commands import CommandPlan, RingEntry, Word
from firmware_stubs.edge.disk.database import Database
from fleet.contract.commands import ResultCode, ResultState
from fleet.contract.messages import Ack, Epoch, Reported, Result

MAX_RESULTS: Final = 2048
"""Words kept; each of 256 commands has two. Past it the oldest go, and the birth says so."""

REPORTED: Final = "reported"
RESULT: Final = "result"


class MessageQueue:
    """Kept messages and the ring."""

    def __init__(self, database: Database, generation: int) -> None:
        self._database = database
        self._generation = generation

    def ring(self) -> tuple[RingEntry, ...]:
        """Return the commands remembered."""
        rows = self._database.connection.execute("SELECT id, forget_at, state, code FROM command")
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
                word = plan.word
                body = {"at": now, "command": word.command, "state": word.state, "code": word.code}
                self._append(connection, RESULT, body)
        return True

    def report(self, bundles: dict[str, int], now: int, *, replaces: bool) -> None:
        """Keep what is applied; `replaces` those never sent, since only the newest counts."""
        with self._database.transaction() as connection:
            if replaces:
                connection.execute("DELETE FROM word WHERE lane = ?", (REPORTED,))
            body = {"at": now, "desired_version": 0, "desired_digest": None, "bundles": bundles}
            self._append(connection, REPORTED, body)

    def kept(self, epoch: Epoch, boot: str) -> tuple[Reported | Result, ...]:
        """Return what waits for an acknowledgement, in order, as it is sent now."""
        rows = self._database.connection.execute(
            "SELECT lane, sequence, body FROM word ORDER BY lane, sequence"
        ).fetchall()
        kinds: dict[str, type[Reported | Result]] = {REPORTED: Reported, RESULT: Result}
        opening = {"epoch": epoch, "boot": boot}
        return tuple(
            msgspec.convert(
                opening | {"sequence": sequence} | msgspec.json.decode(body), kinds[lane]
            )
            for lane, sequence, body in rows
        )

    def lowest(self, lane: str) -> int:
        """Return the lowest sequence still kept, or the next one to be used."""
        (found,) = self._database.connection.execute(
            "SELECT min(sequence) FROM word WHERE lane = ?", (lane,)
        ).fetchone()
        return int(found) if found is not None else self._last(lane) + 1

    def acknowledge(self, ack: Ack) -> None:
        """Forget what the fleet has stored; go on counting after it."""
        if ack.generation != self._generation:
            return
        with self._database.transaction() as connection:
            for lane, stored in ((REPORTED, ack.reported), (RESULT, ack.result)):
                connection.execute(
                    "DELETE FROM word WHERE lane = ? AND sequence <= ?", (lane, stored)
                )
                if stored > self._last(lane):
                    # The fleet remembers a terminal that was wiped: its numbers are used up.
                    self._set_last(connection, lane, stored)

    def _keeps(self, word: Word) -> bool:
        query = """
            SELECT 1 FROM word WHERE lane = ? AND body ->> 'command' = ? AND body ->> 'state' = ?
        """
        given = (RESULT, word.command, word.state)
        return self._database.connection.execute(query, given).fetchone() is not None

    def _append(self, connection: sqlite3.Connection, lane: str, body: dict[str, Any]) -> None:
        sequence = self._last(lane) + 1
        self._set_last(connection, lane, sequence)
        connection.execute(
            "INSERT INTO word VALUES (?, ?, ?)", (lane, sequence, msgspec.json.encode(body))
        )
        connection.execute(
            "DELETE FROM word WHERE lane = ? AND sequence <= ?", (lane, sequence - MAX_RESULTS)
        )

    def _last(self, lane: str) -> int:
        row = self._database.connection.execute(
            "SELECT value FROM fact WHERE name = ?", (self._fact(lane),)
        ).fetchone()
        return 0 if row is None else int(row[0])

    def _set_last(self, connection: sqlite3.Connection, lane: str, sequence: int) -> None:
        connection.execute(
            "INSERT OR REPLACE INTO fact VALUES (?, ?)", (self._fact(lane), b"%d" % sequence)
        )

    def _fact(self, lane: str) -> str:
        return f"sequence.{lane}.{self._generation}"
