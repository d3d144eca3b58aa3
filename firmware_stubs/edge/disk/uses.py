"""The table of uses in SQLite, within one transaction. Rules: `firmware_stubs.uses`.

Tables: `held` (key, scan_id, until) for ONCE, ENTER and LEAVE; `room` (key, count, until).
"""

import sqlite3


class SqliteUses:
    """Uses, over a connection with an open transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute = connection.execute

    def holders(self, key: str, also: str, now: float) -> tuple[str, ...]:
        """Return the scan_ids that have taken either key and still count."""
        rows = self._execute(
            "SELECT scan_id FROM held WHERE key IN (?, ?) AND until > ?", (key, also, now)
        )
        return tuple(scan_id for (scan_id,) in rows)

    def hold(self, key: str, scan_id: str, until: float) -> None:
        """Take a key for a scan."""
        self._execute(
            "INSERT OR REPLACE INTO held (key, scan_id, until) VALUES (?, ?, ?)",
            (key, scan_id, until),
        )

    def release(self, key: str, also: str) -> None:
        """Give both keys back."""
        self._execute("DELETE FROM held WHERE key IN (?, ?)", (key, also))

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
