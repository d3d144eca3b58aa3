"""What a door counts, in tests of it alone."""

from runtime.http.limits import Refusals


class DoorTally:
    """Counts who was turned away; problems are not counted."""

    def __init__(self) -> None:
        self.away = 0
        self.refusals = Refusals()

    def problem(self, code: str) -> None:
        """Count nothing."""

    def turned_away(self) -> None:
        """Count one."""
        self.away += 1
