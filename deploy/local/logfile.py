"""A child's log: one file for each child, bounded, and its last lines.

The child writes to the file itself: a supervisor that is stopped (Ctrl-Z) or slow never blocks it.
"""

import contextlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

MAX_LOG_BYTES: Final = 16 * 2**20
"""Of one file; with its predecessor a child takes twice this, some 100,000 lines."""
TAIL_BYTES: Final = 8_192
"""Read from the end for the last lines."""
TAIL_LINES: Final = 20
MAX_LINE_CHARS: Final = 400
"""Of a line that is shown; the file has it whole."""


class LogFile:
    """<data>/log/<name>.log."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._begin = 0  # where the running child's lines begin

    @contextmanager
    def opened(self) -> Iterator[int]:
        """Open for appending and yield the descriptor that a child inherits."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
        try:
            descriptor = os.open(self.path, flags, 0o600)
        except OSError:  # such as a full disk where the log was removed: run without it
            descriptor = os.open(os.devnull, os.O_WRONLY)
        self._begin = os.fstat(descriptor).st_size
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def rotate(self) -> None:
        """Keep the file bounded: copy it to .1 and begin anew.

        The child goes on writing to the same file (O_APPEND finds the new end); lines written
        between copy and cut are lost, which a log may. A full disk takes no copy: then the newest
        lines are kept at the price of the older ones. Nothing is raised: whoever looks after a
        child must not end because of its log.
        """
        older = self.path.with_suffix(".log.1")
        with contextlib.suppress(OSError):
            if self.path.stat().st_size <= MAX_LOG_BYTES:
                return
            try:
                shutil.copyfile(self.path, older)
            except OSError:
                older.unlink(missing_ok=True)
                return  # tried again at the next look, now that there is some room
            os.truncate(self.path, 0)
            self._begin = 0

    def tail(self) -> tuple[str, ...]:
        """Return the running child's last lines, at most TAIL_LINES of MAX_LINE_CHARS."""
        try:
            with self.path.open("rb") as file:
                end = file.seek(0, os.SEEK_END)
                file.seek(min(end, max(self._begin, end - TAIL_BYTES)))
                text = file.read().decode(errors="replace")
        except OSError:  # none, or closed to us
            return ()
        lines = [_printable(line[:MAX_LINE_CHARS]) for line in text.splitlines() if line.strip()]
        return tuple(lines[-TAIL_LINES:])

    def last_line(self) -> str:
        """Return the running child's last line, or nothing."""
        return (self.tail() or ("",))[-1]


def _printable(line: str) -> str:
    # Whatever a child writes, it must not steer the terminal of the person who reads it.
    return "".join(letter if letter.isprintable() else " " for letter in line)
