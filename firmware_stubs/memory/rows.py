"""Rows in memory, and a journal by which a transaction takes its changes back. Pure."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Generic, TypeVar

Key = TypeVar("Key")
Row = TypeVar("Row")


class ChangeJournal:
    """How to take back what the open transaction has changed."""

    def __init__(self) -> None:
        self._steps: list[Callable[[], None]] = []
        self._open = False

    def note(self, step: Callable[[], None]) -> None:
        """Note how a change is taken back."""
        if self._open:
            self._steps.append(step)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep what is changed within, or nothing of it when it fails."""
        self._open = True
        try:
            yield
        except BaseException:
            self._open = False
            for step in reversed(self._steps):
                step()
            raise
        finally:
            self._open = False
            self._steps.clear()


class Rows(Generic[Key, Row]):
    """Rows by key; changed through `put` and `drop` alone, in no promised order."""

    def __init__(self, journal: ChangeJournal) -> None:
        self.all: Final[dict[Key, Row]] = {}
        self._journal = journal

    def get(self, key: Key) -> Row | None:
        """Return a row, if it is there."""
        return self.all.get(key)

    def put(self, key: Key, row: Row) -> None:
        """Write a row."""
        before = self.all.get(key)
        self.all[key] = row
        if before is None:
            self._journal.note(lambda: self.drop(key))
        else:
            self._journal.note(lambda: self.put(key, before))

    def drop(self, key: Key) -> None:
        """Delete a row, if it is there."""
        before = self.all.pop(key, None)
        if before is not None:
            self._journal.note(lambda: self.put(key, before))
