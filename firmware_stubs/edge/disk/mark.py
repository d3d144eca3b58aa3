"""The highest number of the outbox, in a file beside the database: so that loss is not emptiness.

SQLite's log ends where a frame does not hold, and says nothing of what stood behind it: an outbox
that lost its newest records looks like one that never had them. So the highest number that was on
disk stands in a second place too. Written at each durable commit, forced to disk at the next
clean-up: it costs no scan a second wait for the disk.
"""

import os
import zlib
from pathlib import Path
from typing import Final

_DIGITS: Final = 20
_CHECK: Final = 8
_BYTES: Final = _DIGITS + _CHECK


class HighMark:
    """A number in a file, which only rises."""

    def __init__(self, path: Path) -> None:
        """Open the file, and make it where it is missing.

        Raises:
            OSError: it cannot be opened.
        """
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self.value = _read(os.pread(self._file, _BYTES, 0))
        """0: there is none, or it cannot be read."""
        self._dirty = False

    def rise(self, number: int) -> None:
        """Write a higher number; survives the process.

        Raises:
            OSError: it cannot be written.
        """
        if number > self.value:
            os.pwrite(self._file, _written(number), 0)
            self.value, self._dirty = number, True

    def sync(self) -> None:
        """Force it to disk.

        Raises:
            OSError: it cannot be.
        """
        if self._dirty:
            os.fdatasync(self._file)
            self._dirty = False

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def _written(number: int) -> bytes:
    digits = b"%0*d" % (_DIGITS, number)
    return digits + b"%0*x" % (_CHECK, zlib.crc32(digits))


def _read(data: bytes) -> int:
    digits = data[:_DIGITS]
    return int(digits) if digits.isdigit() and data == _written(int(digits)) else 0
