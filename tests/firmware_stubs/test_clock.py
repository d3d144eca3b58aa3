import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_stubs.clock import DRIFT, JUMP_S, Offset, TerminalClock

BUILD = 1_760_000_000.0
WALL = 1_790_000_000.0


def set_to(clock: TerminalClock, truth: float, *, wall: float = WALL, took: float = 0.1) -> None:
    """Have the clock see one answer of a server whose time is `truth` when the answer is sent."""
    clock.observe(date=float(int(truth)), sent=wall - took, received=wall)


def test_floor_is_the_highest_of_build_persisted_and_accepted() -> None:
    """And it never sinks."""
    clock = TerminalClock(build=BUILD, persisted=BUILD + 5)
    assert clock.floor == BUILD + 5
    clock.raise_floor(BUILD + 9)
    clock.raise_floor(BUILD + 7)
    assert clock.floor == BUILD + 9
    assert TerminalClock(build=BUILD, persisted=0.0).floor == BUILD


def test_unset_clock_is_unsure() -> None:
    """However plausible the system's time looks."""
    assert not TerminalClock(build=BUILD).reading(WALL).sure


def test_clock_below_its_floor_is_unsure() -> None:
    """It was later than that already."""
    clock = TerminalClock(build=BUILD)
    set_to(clock, WALL)
    assert clock.reading(WALL).sure
    clock.raise_floor(WALL + 60)
    assert not clock.reading(WALL).sure


def test_clock_below_its_floor_reads_the_floor_and_goes_on() -> None:
    """What had expired by the floor has expired, and time passes all the same."""
    clock = TerminalClock(build=BUILD)
    assert clock.reading(100.0).now == BUILD
    assert clock.reading(400.0).now == BUILD + 300
    clock.raise_floor(WALL)
    assert clock.reading(460.0).now == WALL
    assert clock.reading(50.0).now == WALL
    assert clock.reading(60.0).now == WALL + 10


def test_server_below_the_floor_sets_nothing() -> None:
    """An older time than what was accepted is not the time."""
    clock = TerminalClock(build=WALL)
    set_to(clock, WALL - 1000)
    assert clock.offset is None


def test_wrong_system_clock_is_corrected() -> None:
    """A terminal that thinks it is 1970 is right again after one answer."""
    clock = TerminalClock(build=BUILD)
    set_to(clock, WALL, wall=100.0)
    reading = clock.reading(100.0)
    assert reading.sure
    assert abs(reading.now - WALL) <= reading.uncertainty
    assert reading.uncertainty <= 0.56


def test_answers_narrow_the_offset() -> None:
    """Each answer tells an interval, the truth lies in all of them."""
    clock = TerminalClock(build=BUILD)
    for step in range(40):
        set_to(clock, WALL + step * 1.037 + 0.5, wall=WALL + step * 1.037)
    reading = clock.reading(WALL + 41)
    assert reading.uncertainty < 0.15
    assert abs(reading.now - (WALL + 41.5)) <= reading.uncertainty


def test_slow_answer_sets_nothing() -> None:
    """One that took ten seconds says too little."""
    clock = TerminalClock(build=BUILD)
    assert not clock.observe(date=WALL, sent=WALL - 10, received=WALL).accepted


def test_jump_is_told() -> None:
    """A change of more than five minutes is an incident; a smaller one is not."""
    clock = TerminalClock(build=BUILD)
    set_to(clock, WALL)
    assert clock.observe(date=WALL + 10, sent=WALL - 0.1, received=WALL).jump_s == 0
    jump = clock.observe(date=WALL + 2 * JUMP_S, sent=WALL - 0.1, received=WALL).jump_s
    assert jump > JUMP_S


def test_offset_of_before_a_restart_counts() -> None:
    """Found since the machine started, it still holds for a new process."""
    offset = Offset(low=4.0, high=5.0, at=WALL)
    reading = TerminalClock(build=BUILD, offset=offset).reading(WALL + 1000)
    assert reading.sure
    assert reading.now == WALL + 1004.5
    assert reading.uncertainty == pytest.approx(0.5 + 1000 * DRIFT)


@given(
    st.floats(-1e6, 1e6),
    st.lists(st.tuples(st.floats(0, 3600), st.floats(0, 4.9)), min_size=1, max_size=20),
)
def test_truth_is_within_the_uncertainty(offset: float, answers: list[tuple[float, float]]) -> None:
    """Whatever the offset, and wherever within its time an answer was dated."""
    clock = TerminalClock(build=0.0)
    wall = WALL
    for later, took in answers:
        wall += later + took
        clock.observe(date=float(int(wall - took / 2 + offset)), sent=wall - took, received=wall)
    reading = clock.reading(wall)
    assert abs(reading.now - (wall + offset)) <= reading.uncertainty + 1e-3
