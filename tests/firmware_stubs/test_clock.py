import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_stubs.clock import (
    AGREEING,
    DRIFT,
    MINUTE_S,
    NEAR_S,
    SLACK_S,
    WINDOW,
    Offset,
    TerminalClock,
    TimeFloor,
)

BUILD = 1_760_000_000.0
WALL = 1_790_000_000.0


def set_to(clock: TerminalClock, truth: float, *, wall: float = WALL, took: float = 0.1) -> None:
    """Have the clock see one answer of a server whose time is `truth` when the answer is sent."""
    clock.observe(date=float(int(truth)), sent=wall - took, received=wall)


def risen(clock: TerminalClock, floor: float, *, wall: float = WALL) -> None:
    """Have both sources support a floor."""
    clock.note_signed(floor + SLACK_S)
    clock.rise(wall)
    assert clock.floor == floor


def test_floor_is_the_highest_of_build_and_what_was_kept() -> None:
    """And it sinks by a signed step alone, never below the build."""
    clock = TerminalClock(build=BUILD, kept=TimeFloor(floor=BUILD + 5))
    assert clock.floor == BUILD + 5
    clock.lower(BUILD + 9)
    assert clock.floor == BUILD + 5
    clock.lower(BUILD - 100)
    assert clock.floor == BUILD
    assert TerminalClock(build=BUILD).floor == BUILD


def test_floor_rises_by_two_sources_alone() -> None:
    """To the lower of what the server and an accepted signature say, and kept with both."""
    clock = TerminalClock(build=BUILD)
    clock.note_signed(WALL + 3600)
    assert clock.rise(WALL).floor == 0
    assert clock.floor == BUILD
    set_to(clock, WALL)
    kept = clock.rise(WALL)
    assert WALL - 2 <= kept.dated <= WALL
    assert (kept.floor, kept.signed) == (kept.dated - SLACK_S, WALL + 3600)
    alone = TerminalClock(build=BUILD)
    set_to(alone, WALL + 3600)
    alone.rise(WALL)
    assert alone.floor == BUILD


def test_unset_clock_is_unsure() -> None:
    """However plausible the system's time looks."""
    assert not TerminalClock(build=BUILD).reading(WALL).sure


def test_clock_below_its_floor_is_unsure() -> None:
    """It was later than that already."""
    clock = TerminalClock(build=BUILD)
    set_to(clock, WALL)
    assert clock.reading(WALL).sure
    risen(clock, WALL + 60, wall=WALL + 3600)
    assert not clock.reading(WALL).sure


def test_clock_below_its_floor_reads_the_floor_and_goes_on() -> None:
    """What had expired by the floor has expired, and time passes all the same."""
    clock = TerminalClock(build=BUILD)
    assert clock.reading(100.0).now == BUILD
    assert clock.reading(400.0).now == BUILD + 300
    clock = TerminalClock(build=WALL)
    assert clock.reading(400.0).now == WALL
    assert clock.reading(50.0).now == WALL
    assert clock.reading(60.0).now == WALL + 10


def test_a_server_below_the_floor_makes_no_clock_sure() -> None:
    """An older time than what was accepted is not the time; the next answer may say better."""
    clock = TerminalClock(build=WALL)
    set_to(clock, WALL - 1000)
    assert not clock.reading(WALL).sure
    assert clock.reading(WALL).now == pytest.approx(WALL)
    set_to(clock, WALL + 10)
    assert clock.reading(WALL).sure


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


def test_one_answer_moves_no_sure_clock() -> None:
    """Not by ten years, not by ten seconds, however often within a minute."""
    for ahead in (10 * 365 * 86_400.0, -3600.0, 10.0):
        clock = TerminalClock(build=BUILD)
        set_to(clock, WALL)
        for step in range(50):
            set_to(clock, WALL + step + ahead, wall=WALL + step)
        assert abs(clock.now(WALL + 50) - (WALL + 50)) < NEAR_S


def test_a_majority_of_minutes_moves_the_clock() -> None:
    """Five of nine minutes that say the same; the last of them is told as a jump."""
    clock, ahead = TerminalClock(build=BUILD), 3600.0
    set_to(clock, WALL)
    told = []
    for minute in range(AGREEING):
        wall = WALL + 1 + minute * MINUTE_S
        told.append(clock.observe(date=float(int(wall + ahead)), sent=wall - 0.1, received=wall))
    assert [round(it.jump_s / ahead) for it in told] == [0, 0, 0, 0, 1]
    assert all(it.against_s > ahead - NEAR_S for it in told[:-1])
    assert abs(clock.now(wall) - (wall + ahead)) < NEAR_S


@given(
    st.lists(st.integers(0, WINDOW - 1), min_size=1, max_size=40),
    st.lists(st.sampled_from([-1e9, -4000.0, -30.0, 30.0, 600.0, 3e8]), min_size=40, max_size=40),
)
def test_an_honest_majority_keeps_the_clock(runs: list[int], lies: list[float]) -> None:
    """Whatever the others say, and whenever, in any nine minutes a minority of them."""
    clock, wall, minute = TerminalClock(build=BUILD), WALL, 0
    set_to(clock, WALL)
    honest: list[bool] = []
    for run in runs:
        # At most four of any nine in a row lie: a run of lies, then honest minutes.
        honest += [False] * min(run, AGREEING - 1) + [True] * (WINDOW - min(run, AGREEING - 1))
    for truth in honest:
        wall, minute = wall + MINUTE_S, minute + 1
        for _ in range(3):
            said = wall if truth else wall + lies[minute % len(lies)]
            clock.observe(date=float(int(said)), sent=wall - 0.1, received=wall)
        clock.note_signed(wall)
        clock.rise(wall)
        assert clock.reading(wall).sure
        assert abs(clock.now(wall) - wall) <= NEAR_S
        assert clock.floor <= wall + NEAR_S


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


@pytest.mark.parametrize(
    ("seconds", "step"), [(60.0, 1.9), (60.0, -1.9), (10.0, 0.9), (60.0, 0.3), (600.0, 2.0)]
)
def test_a_server_that_creeps_is_seen(seconds: float, step: float) -> None:
    """Small steps add up to no more than one, and to what the terminal's crystal may drift."""
    clock, wall, off = TerminalClock(build=BUILD), WALL, 0.0
    set_to(clock, WALL)
    while abs(off) < 60:
        wall, off = wall + seconds, off + step
        told = clock.observe(date=float(int(wall + off)), sent=wall - 0.1, received=wall)
        if told.against_s or told.jump_s:
            break
        drift = (wall - WALL) * DRIFT
        assert abs(clock.now(wall) - wall) <= NEAR_S + drift + 2
    assert told.against_s or told.jump_s


def test_a_server_that_was_set_by_a_little_is_followed_each_day() -> None:
    """A correction a day is no creeping, and is never counted against it."""
    clock, wall, off = TerminalClock(build=BUILD), WALL, 0.0
    set_to(clock, WALL)
    for answer in range(5 * 24 * 60):
        wall += MINUTE_S
        off += 1.5 * (answer % (24 * 60) == 700)
        told = clock.observe(date=float(int(wall + off)), sent=wall - 0.1, received=wall)
        assert told.accepted
    assert abs(clock.now(wall) - (wall + off)) < 1
