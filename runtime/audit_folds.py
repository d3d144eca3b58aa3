"""Repeats of what was refused, folded: the first is written at once, the others are counted.

Pure. What is the same is said by the caller as a text, such as who was refused what. Of a text
that comes again within a minute only the count is kept; it is written once the minute is over, so
that ten thousand refusals make an entry a minute. Only what changed nothing may be folded.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

FOLD_MS: Final = 60_000
"""Milliseconds between two entries of the same refusal: what a process that is killed can lose."""
MAX_FOLDS: Final = 1000
"""Refusals told apart at one time; past them the one that is silent longest is written out."""
Act = TypeVar("Act")


@dataclass(slots=True)
class Fold(Generic[Act]):
    """Repeats of one refusal that are not written yet."""

    act: Act
    """The first of them."""
    written: int
    """When its newest entry was written, by a clock that only goes on."""
    count: int = 0
    first: int = 0
    """Unix milliseconds of the first repeat that is counted here; `last`, of the last."""
    last: int = 0


class Folds(Generic[Act]):
    """The refusals of the last minute."""

    def __init__(self) -> None:
        self._folds: dict[str, Fold[Act]] = {}

    def take(self, same: str, act: Act, at: int, passed: int | None = None) -> bool:
        """Take a refusal; True: it is the first, and is to be written at once.

        `at` is its time, Unix milliseconds; `passed`, by a clock that only goes on, in
        milliseconds, says when a minute is over (`at` where it is not given).
        """
        fold = self._folds.pop(same, None)
        if fold is None:
            self._folds[same] = Fold(act, written=at if passed is None else passed)
            return True
        fold.count += 1
        fold.first = fold.first or at
        fold.last = max(fold.last, at)
        self._folds[same] = fold  # the newest last
        return False

    def drop(self, same: str) -> None:
        """Take the last refusal back: its entry could not be written."""
        self._folds.pop(same, None)

    def due(self, passed: int) -> Iterator[Fold[Act]]:
        """Yield what is to be written by now, and forget what was silent for a minute."""
        for same, fold in tuple(self._folds.items()):
            over = not 0 <= passed - fold.written < FOLD_MS
            if over or len(self._folds) > MAX_FOLDS:
                del self._folds[same]
                if fold.count:
                    if over:
                        self._folds[same] = Fold(fold.act, written=passed)
                    yield fold

    def rest(self) -> Iterator[Fold[Act]]:
        """Yield all that is not written yet, and forget it."""
        folds, self._folds = self._folds, {}
        yield from (fold for fold in folds.values() if fold.count)

    @property
    def waiting(self) -> bool:
        """Whether repeats wait to be written."""
        return any(fold.count for fold in self._folds.values())
