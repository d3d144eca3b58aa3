"""What a door counts, in tests of it alone."""


class DoorTally:
    """Counts who was turned away; problems are not counted."""

    def __init__(self) -> None:
        self.away = 0

    def problem(self, code: str) -> None:
        """Count nothing."""

    def turned_away(self) -> None:
        """Count one."""
        self.away += 1
