"""The table of uses in memory. Rules: `firmware_stubs.uses`."""

from firmware_stubs.memory.rows import ChangeJournal, Rows


class MemoryUses:
    """Uses by key; times in Unix seconds."""

    def __init__(self, journal: ChangeJournal) -> None:
        self._taken: Rows[str, tuple[str, float]] = Rows(journal)
        self._rooms: Rows[str, tuple[int, float]] = Rows(journal)

    def holders(self, key: str, also: str, now: float) -> tuple[str, ...]:
        """Return the scan_ids that have taken either key and still count."""
        found = (self._taken.get(name) for name in dict.fromkeys((key, also)))
        return tuple(scan_id for scan_id, until in filter(None, found) if until > now)

    def hold(self, key: str, scan_id: str, until: float) -> None:
        """Take a key for a scan."""
        self._taken.put(key, (scan_id, until))

    def release(self, key: str, also: str) -> None:
        """Give both keys back."""
        self._taken.drop(key)
        self._taken.drop(also)

    def inside(self, key: str, now: float) -> int:
        """Return how many are in a room; 0 when its count no longer counts."""
        count, until = self._rooms.get(key) or (0, 0.0)
        return count if until > now else 0

    def count(self, key: str, count: int, until: float) -> None:
        """Set how many are in a room."""
        self._rooms.put(key, (count, until))

    def sweep(self, now: float) -> int:
        """Delete what no longer counts; returns how many."""
        old = [key for key, (_, until) in self._taken.all.items() if until <= now]
        empty = [key for key, (_, until) in self._rooms.all.items() if until <= now]
        for key in old:
            self._taken.drop(key)
        for key in empty:
            self._rooms.drop(key)
        return len(old) + len(empty)
