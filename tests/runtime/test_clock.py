"""The wall clock of our services: a step of the machine's clock is no step of time."""

import runpy
import time
from collections.abc import Callable
from pathlib import Path

import pytest

CLOCK = Path(__file__).resolve().parents[2] / "runtime" / "clock.py"
NOON = 1_790_000_000.0
DAY = 86_400.0


class Machine:
    """A machine whose clock anybody can set."""

    def __init__(self) -> None:
        self.wall, self.steady = NOON, 5_000.0

    def run(self, seconds: float) -> None:
        """Let time pass."""
        self.wall += seconds
        self.steady += seconds

    def watched(self, seconds: float, now: Callable[[], float]) -> float:
        """Let time pass while somebody looks at the clock every second; returns the time then."""
        for _ in range(int(seconds)):
            self.run(1)
            now()
        return now()


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Put a machine of the test's in the place of ours."""
    found = Machine()
    monkeypatch.setattr(time, "time", lambda: found.wall)
    monkeypatch.setattr(time, "time_ns", lambda: int(found.wall * 1e9))
    monkeypatch.setattr(time, "clock_gettime", lambda _: found.steady)
    return found


@pytest.fixture
def now(machine: Machine) -> Callable[[], float]:
    """Return the clock of a process that starts on this machine."""
    del machine
    found: Callable[[], float] = runpy.run_path(str(CLOCK))["now"]
    return found


@pytest.mark.parametrize("step", [60.0, 600.0, DAY, 40 * DAY, -60.0, -DAY])
def test_a_wrong_minute_of_the_machines_clock_is_no_other_time(
    machine: Machine, now: Callable[[], float], step: float
) -> None:
    """Time goes on as it passes, and setting the clock right again changes nothing."""
    machine.wall += step
    assert machine.watched(45, now) == pytest.approx(NOON + 45, abs=1)
    machine.wall -= step
    assert machine.watched(45, now) == pytest.approx(NOON + 90, abs=1)


@pytest.mark.parametrize("step", [3600.0, -8 * 3600.0, 40 * DAY])
def test_a_step_that_stands_for_minutes_is_followed(
    machine: Machine, now: Callable[[], float], step: float
) -> None:
    """A machine may start with a wrong clock and be set right when it finds its time server."""
    machine.wall += step
    assert machine.watched(240, now) == pytest.approx(NOON + 240, abs=1)
    assert machine.watched(120, now) == pytest.approx(NOON + 360 + step, abs=1)


def test_a_clock_that_was_followed_is_followed_back(
    machine: Machine, now: Callable[[], float]
) -> None:
    """Within minutes, by itself: a house that started ahead, or that was ahead for an hour."""
    machine.wall += DAY
    assert machine.watched(3600, now) == pytest.approx(NOON + DAY + 3600, abs=1)
    machine.wall -= DAY
    assert machine.watched(600, now) == pytest.approx(NOON + 4200, abs=1)


def test_small_corrections_are_followed_at_once(machine: Machine, now: Callable[[], float]) -> None:
    """As a time server makes them."""
    for _ in range(10):
        machine.wall += 2
        machine.run(60)
        assert now() == machine.wall


def test_a_child_begins_with_the_time_of_its_supervisor(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is started again while the clock is wrong."""
    supervisor = runpy.run_path(str(CLOCK))
    machine.wall += DAY
    machine.run(5)
    for name, value in supervisor["inherited"]().items():
        monkeypatch.setenv(name, value)
    child = runpy.run_path(str(CLOCK))
    assert child["now"]() == pytest.approx(NOON + 5, abs=1)
    assert child["ahead"]() == pytest.approx(DAY, abs=1)
    assert child["http_date"]() == "Mon, 21 Sep 2026 14:13:25 GMT"


def test_a_step_that_was_followed_makes_nothing_old_for_a_day(machine: Machine) -> None:
    """What is forgotten for its age waits; a process that starts then knows of the step too."""
    module = runpy.run_path(str(CLOCK))
    now, settled = module["now"], module["settled"]
    assert settled()
    machine.wall += 40 * DAY
    assert not settled()
    assert machine.watched(400, now) > NOON + 39 * DAY
    assert not settled()
    inherited = module["inherited"]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KAPOK_CLOCK_BASE", inherited["KAPOK_CLOCK_BASE"])
        child = runpy.run_path(str(CLOCK))
    assert child["now"]() == now()
    assert not child["settled"]()
    machine.run(DAY + 1)
    assert settled()
    assert child["settled"]()
