"""The clock by which is signed: a jump ahead stops it; small corrections and a way back do not."""

from verifier.service.issuing.signing_clock import SigningClock
from verifier.trust.limits import AHEAD_S


class Hands:
    """Two clocks, set by the test."""

    def __init__(self) -> None:
        self.wall, self.steady = 1_790_000_000.0, 1000.0

    def run(self, seconds: float, *, wall: float = 0.0) -> None:
        """Let time pass, and set the wall clock besides."""
        self.steady += seconds
        self.wall += seconds + wall


def test_a_clock_set_ahead_signs_nothing() -> None:
    """Until it is back; a new process takes it as it is."""
    hands = Hands()
    clock = SigningClock(lambda: hands.wall, lambda: hands.steady)
    hands.run(86_400)
    assert clock.problem() is None
    hands.run(1, wall=365 * 86_400.0)
    for _ in range(3):
        assert clock.problem() is not None
        hands.run(60)
    assert SigningClock(lambda: hands.wall, lambda: hands.steady).problem() is None
    hands.run(1, wall=-365 * 86_400.0)
    assert clock.problem() is None


def test_small_corrections_are_followed() -> None:
    """However many, and a clock that is set back."""
    hands = Hands()
    clock = SigningClock(lambda: hands.wall, lambda: hands.steady)
    for _ in range(100):
        hands.run(60, wall=AHEAD_S / 2)
        assert clock.problem() is None
    hands.run(60, wall=-3600.0)
    assert clock.problem() is None
