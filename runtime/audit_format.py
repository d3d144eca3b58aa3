"""What the writer of an audit log asks of a format: how to write a line and how to check a log.

The service hands it in, as a module of its contract.
"""

from collections.abc import Iterable
from typing import Protocol, TypeVar

LogHead = tuple[int, str]
"""Number and hash of a log's last entry."""
Act = TypeVar("Act")
"""What a service says of something that is about to happen."""


class AuditCheck(Protocol):
    """What a check of a log found."""

    @property
    def entries(self) -> int:
        """Entries that hold, from the first."""

    @property
    def head(self) -> LogHead:
        """The last of them."""

    @property
    def octets(self) -> int:
        """Bytes of the lines that hold."""

    @property
    def line(self) -> int:
        """The first line that does not hold, from 1; 0: all do."""

    @property
    def flaw(self) -> str | None:
        """What is wrong with it; `torn`: it is the last one and has no end."""


class AuditFormat(Protocol[Act]):
    """How a service's log is written: a module of its contract."""

    def line_of(
        self, act: Act, /, *, process: str, at: int, head: LogHead
    ) -> tuple[bytes, LogHead]:
        """Write the line that follows `head`; returns it with its end, and the new head."""

    def verify(
        self, lines: Iterable[bytes], /, *, process: str, head: LogHead | None
    ) -> AuditCheck:
        """Check a log from its first line; `head` was noted earlier, and must be reached."""

    def torn(self, name: str, /) -> Act:
        """Say that a torn last line was set aside, in a file of this name."""

    def repeated(self, act: Act, /, *, count: int, first: int, last: int) -> Act:
        """Say that a refusal came `count` times more, from `first` to `last` (Unix ms)."""
