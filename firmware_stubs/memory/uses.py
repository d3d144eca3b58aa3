"""The table of uses in memory. Rules: `firmware_stubs.uses`."""

from firmware_stubs.memory.rows import ChangeJournal, Rows


class MemoryUses:
    """Uses by key; times in Unix seconds."""

    def __init__(self, journal: ChangeJournal) -> None:
        self._taken: Rows[str, tuple[str, float]] = Rows(journal)
        self._rooms: Rows[str, tuple[int, float]] = Rows(journal)

    def holders(self, names: tuple[str, ...], now: float) -> tuple[str, ...]:
        """Return who has taken any of these keys and still counts."""
        found = (self._taken.get(name) for name in names)
        return tuple(holder for holder, until in filter(None, found) if until > now)

    def hold(self, key: str, holder: str, until: float) -> None:
        """Take a key; a holder is a scan_id, and behind it the second of its proof."""
        self._taken.put(key, (holder, until))

    def release(self, key: str) -> None:
        """Give a key back."""
        self._taken.drop(key)

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

    def shorten(self, latest: float) -> None:
        """Let nothing count longer than this: it was taken at a time that was wrong."""
        for key, (holder, until) in tuple(self._taken.all.items()):
            if until > latest:
                self._taken.put(key, (holder, latest))
        for room, (count, until) in tuple(self._rooms.all.items()):
            if until > latest:
                self._rooms.put(room, (count, latest))
