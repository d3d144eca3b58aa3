"""The screen of `kapok up`: what is written to it never stops or ends the house.

Its reader may be gone, be paused, or be a file on a full disk. So texts wait in a queue of bounded
size, and a thread of their own writes them; what the queue cannot take is dropped.
"""

import contextlib
import os
import queue
import threading
from typing import Final, TextIO

MAX_WAITING: Final = 256
"""Texts that wait for a paused reader: a frame of the panels, or a line, each; then they are
dropped."""
CLOSE_S: Final = 1.0
"""Seconds in which the last lines may still be written at the end."""


class UpScreen:
    """Takes texts as a text file does; writes them to the file below when that takes them."""

    def __init__(self, below: TextIO) -> None:
        self.encoding = below.encoding or "utf-8"
        self._below = below
        self._waiting: queue.Queue[bytes | None] = queue.Queue(MAX_WAITING)
        self._gone = False
        # A daemon: a reader that never reads must not keep the process from its end.
        self._writer = threading.Thread(target=self._run, name="screen", daemon=True)
        self._writer.start()

    def write(self, text: str) -> int:
        """Take a text; never waits, never fails."""
        if not self._gone:
            with contextlib.suppress(queue.Full):
                self._waiting.put_nowait(text.encode(self.encoding, "replace"))
        return len(text)

    def flush(self) -> None:
        """Nothing to do: the writer holds nothing back."""

    def isatty(self) -> bool:
        """Say whether it is a terminal."""
        return self._below.isatty()

    def fileno(self) -> int:
        """Return the descriptor below."""
        return self._below.fileno()

    def close(self) -> None:
        """Give the writer a moment for what waits."""
        with contextlib.suppress(queue.Full):
            self._waiting.put(None, timeout=CLOSE_S)
        self._writer.join(CLOSE_S)

    def _run(self) -> None:
        descriptor = self._below.fileno()
        while (data := self._waiting.get()) is not None:
            try:
                while data:
                    data = data[os.write(descriptor, data) :]
            except BlockingIOError:
                continue  # somebody made it non-blocking, and it is full: this text is dropped
            except (BrokenPipeError, ConnectionError):
                self._gone = True
                return
            except OSError:
                continue  # a full disk takes the next one; a terminal that is gone takes none
