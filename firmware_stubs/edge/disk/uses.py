"""The table of uses in SQLite, within one transaction. Rules: `firmware_stubs.uses`.

Tables: `held` (key, scan_id, until) for ONCE, ENTER and LEAVE; `room` (key, count, until).
"""

import sqlite3


class SqliteUses:
    """Uses, over a connection with an open transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute = connection.execute

    def holders(self, names: tuple[str, ...], now: float) -> tuple[str, ...]:
        """Return who has taken any of these keys and still counts."""
        found = [
            row
            for name in names
            for row in self._execute(
                "SELECT scan_id FROM held WHERE key = ? AND until > ?", (name, now)
            )
        ]
        return tuple(holder for (holder,) in found)

    def hold(self, key: str, holder: str, until: float) -> None:
        """Take a key; a holder is a scan_id, and behind it the second of its proof."""
        self._execute(
            "INSERT OR REPLACE INTO held (key, scan_id, until) VALUES (?, ?, ?)",
            (key, holder, until),
        )

    def release(self, key: str) -> None:
        """Give a key back."""
        self._execute("DELETE FROM held WHERE key = ?", (key,))

    def inside(self, key: str, now: float) -> int:
        """Return how many are in a room; 0 when its count no longer counts."""
        row = self._execute(
            "SELECT count FROM room WHERE key = ? AND until > ?", (key, now)
        ).fetchone()
        return 0 if row is None else int(row[0])

    def count(self, key: str, count: int, until: float) -> None:
        """Set how many are in a room."""
        self._execute(
            "INSERT OR REPLACE INTO room (key, count, until) VALUES (?, ?, ?)", (key, count, until)
        )

    def sweep(self, now: float) -> int:
        """Delete what no longer counts; returns how many."""
        gone = self._execute("DELETE FROM held WHERE until <= ?", (now,)).rowcount
        return gone + self._execute("DELETE FROM room WHERE until <= ?", (now,)).rowcount

    def shorten(self, latest: float) -> None:
        """Let nothing count longer than this: it was taken at a time that was wrong."""
        self._execute("UPDATE held SET until = ? WHERE until > ?", (latest, latest))
        self._execute("UPDATE room SET until = ? WHERE until > ?", (latest, latest))
