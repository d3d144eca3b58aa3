"""Presence: the table over its full product, and the rules of epochs, grace, flapping, rivals."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet import presence
from fleet.contract.messages import Epoch
from fleet.incidents import IncidentKind
from fleet.presence import (
    FLAP_COUNT,
    FLAP_WINDOW_MS,
    GRACE_MS,
    LATE_MS,
    NEVER,
    SILENT_MS,
    TABLE,
    Link,
    Presence,
    PresenceSignal,
    TerminalPresence,
    born,
    broker_lost,
    heard,
    lost,
    tick,
)

A, B, C = "a" * 32, "b" * 32, "c" * 32
T0 = 1_000_000_000


def epoch(counter: int, generation: int = 1) -> Epoch:
    """Return an epoch."""
    return Epoch(generation, counter)


def up(now: int = T0, counter: int = 1, boot: str = A) -> TerminalPresence:
    """Return a terminal that was just born."""
    return born(NEVER, epoch(counter), boot, now).seen


@pytest.mark.parametrize(("link", "signal"), list(product(Link, PresenceSignal)))
def test_table_is_complete_and_sane(link: Link, signal: PresenceSignal) -> None:
    """Every link meets every signal; births and heartbeats bring up, silence brings down."""
    after = TABLE[link, signal]
    if signal in (PresenceSignal.BORN, PresenceSignal.HEARTBEAT):
        assert after is Link.UP
    if signal is PresenceSignal.SILENT:
        assert after is Link.DOWN
    if signal is PresenceSignal.LOST:
        assert after is (Link.DOWN if link is Link.DOWN else Link.GRACE)
    if link is Link.DOWN and signal in (PresenceSignal.LATE, PresenceSignal.GRACE_OVER):
        assert after is Link.DOWN


def test_shown_states() -> None:
    """The words shown follow the link; flapping hides online, not offline."""
    shown = {link: TerminalPresence(link=link).presence for link in Link}
    assert shown == {
        Link.DOWN: Presence.OFFLINE,
        Link.UP: Presence.ONLINE,
        Link.LATE: Presence.DEGRADED,
        Link.GRACE: Presence.DEGRADED,
    }
    assert TerminalPresence(link=Link.UP, flapping=True).presence is Presence.FLAPPING
    assert TerminalPresence(link=Link.DOWN, flapping=True).presence is Presence.OFFLINE


def test_grace_runs_out() -> None:
    """After a will the terminal is degraded for 45 s, then offline."""
    seen = lost(up(), epoch(1), A, T0 + 1).seen
    assert seen.presence is Presence.DEGRADED
    assert tick(seen, T0 + GRACE_MS).seen.presence is Presence.DEGRADED
    assert tick(seen, T0 + 1 + GRACE_MS).seen.presence is Presence.OFFLINE


def test_traffic_in_the_grace_time_saves() -> None:
    """Newer traffic of the same or a newer epoch ends the grace time."""
    seen = lost(up(), epoch(1), A, T0 + 1).seen
    assert born(seen, epoch(2), A, T0 + 10).seen.presence is Presence.ONLINE
    assert heard(seen, epoch(1), A, T0 + 10, beat=False).seen.presence is Presence.ONLINE
    assert heard(seen, epoch(2), A, T0 + 10, beat=True).seen.presence is Presence.ONLINE


def test_silence_is_the_backstop() -> None:
    """Late after 45 s without heartbeat, offline after 90 s without any sign of life."""
    assert tick(up(), T0 + LATE_MS - 1).seen.presence is Presence.ONLINE
    late = tick(up(), T0 + LATE_MS).seen
    assert late.presence is Presence.DEGRADED
    assert tick(late, T0 + SILENT_MS).seen.presence is Presence.OFFLINE
    assert heard(late, epoch(1), A, T0 + LATE_MS + 1, beat=True).seen.presence is Presence.ONLINE
    alive = heard(late, epoch(1), A, T0 + SILENT_MS - 1, beat=False).seen
    assert tick(alive, T0 + SILENT_MS).seen.presence is Presence.DEGRADED


def test_silence_while_nobody_listened_is_none() -> None:
    """After a restart of the fleet the clocks of silence and grace start anew."""
    since = T0 + 10 * SILENT_MS
    assert tick(up(), since + 1, since).seen.presence is Presence.ONLINE
    assert tick(up(), since + SILENT_MS, since).seen.presence is Presence.OFFLINE
    degraded = lost(up(), epoch(1), A, T0 + 1).seen
    assert tick(degraded, since + GRACE_MS - 1, since).seen.presence is Presence.DEGRADED


@pytest.mark.parametrize("old", [epoch(4), epoch(9, 0 + 1)])
def test_old_wills_are_ignored(old: Epoch) -> None:
    """A will counts only with the present epoch and boot."""
    seen = up(counter=5) if old < epoch(5) else born(NEVER, epoch(1, 2), A, T0).seen
    step = lost(seen, old, A, T0 + 1)
    assert step.ignored
    assert step.seen is seen
    assert lost(up(counter=5), epoch(5), B, T0 + 1).ignored


def test_old_traffic_is_ignored() -> None:
    """A heartbeat from a connection already replaced is no sign of life."""
    seen = up(counter=5)
    step = heard(seen, epoch(4), A, T0 + 1000, beat=True)
    assert step.ignored
    assert step.seen is seen


def test_redelivery_changes_nothing() -> None:
    """A birth delivered twice, also after a newer one, is no incident."""
    first = up()
    assert born(first, epoch(1), A, T0 + 5).incidents == ()
    second = born(first, epoch(2), B, T0 + 10).seen
    step = born(second, epoch(1), A, T0 + 11)
    assert (step.seen, step.incidents, step.ignored) == (second, (), True)


def test_flapping_begins_and_ends() -> None:
    """Five lost connections in ten minutes flap; ten stable minutes end it."""
    seen, now = up(), T0
    for counter in range(2, FLAP_COUNT + 2):
        now += 60_000
        step = lost(seen, epoch(counter - 1), A, now)
        assert (IncidentKind.FLAPPING in step.incidents) == (counter == FLAP_COUNT + 1)
        now += 1000
        seen = born(step.seen, epoch(counter), A, now).seen
    assert seen.presence is Presence.FLAPPING
    stable = now + FLAP_WINDOW_MS
    beating = heard(seen, epoch(FLAP_COUNT + 1), A, stable - 1, beat=True).seen
    assert tick(beating, stable - 1).seen.presence is Presence.FLAPPING
    assert tick(beating, stable).seen.presence is Presence.ONLINE
    assert tick(beating, stable).seen.losses == ()


def test_slow_losses_do_not_flap() -> None:
    """Losses spread wider than the window are forgotten."""
    seen, now = up(), T0
    for counter in range(2, 20):
        now += FLAP_WINDOW_MS // (FLAP_COUNT - 1)
        seen = lost(seen, epoch(counter - 1), A, now).seen
        seen = born(seen, epoch(counter), A, now + 1).seen
    assert not seen.flapping


def test_births_without_wills_count_as_losses() -> None:
    """A new connection over one that nobody reported lost counts once, with or without its will."""
    seen = up()
    for counter in range(2, FLAP_COUNT + 2):
        seen = born(seen, epoch(counter), A, T0 + counter).seen
        seen = lost(seen, epoch(counter - 1), A, T0 + counter).seen
    assert len(seen.losses) == FLAP_COUNT
    assert seen.presence is Presence.FLAPPING


def test_broker_restarts_are_nobodys_flapping() -> None:
    """When the broker was gone everybody is in the grace time, and nothing is counted."""
    seen = up()
    for counter in range(2, 10):
        seen = broker_lost(seen, T0 + counter).seen
        assert seen.presence is Presence.DEGRADED
        seen = born(seen, epoch(counter), A, T0 + counter).seen
    assert seen.losses == ()
    assert broker_lost(NEVER, T0).seen is NEVER


def test_copied_counters_collide() -> None:
    """Two machines from one copy: the same epoch with two boots is an incident."""
    step = born(up(counter=8, boot=A), epoch(8), B, T0 + 1)
    assert step.incidents == (IncidentKind.TWO_MACHINES,)
    assert step.ignored
    beat = heard(up(counter=8, boot=A), epoch(8), B, T0 + 1, beat=True)
    assert (beat.incidents, beat.ignored) == ((IncidentKind.TWO_MACHINES,), True)


def test_alternating_machines_are_seen_whatever_their_counters() -> None:
    """Machines that throw each other off are seen by the second exchange."""
    for ahead in (-50, -1, 0, 1, 50):
        seen, found = NEVER, set()
        mine, other = 100, 100 + ahead
        for turn in range(3):
            for boot, counter in ((A, mine + turn), (B, other + turn)):
                step = born(seen, epoch(counter), boot, T0 + turn)
                seen = step.seen
                found |= set(step.incidents)
        assert IncidentKind.TWO_MACHINES in found, ahead


def test_one_machine_is_never_two() -> None:
    """Restarts of one machine, each with a new boot and the next epoch, are no incident."""
    seen = NEVER
    for counter in range(1, 30):
        step = born(seen, epoch(counter), f"{counter:032x}", T0 + counter * 3_600_000)
        assert step.incidents == ()
        seen = tick(step.seen, T0 + counter * 3_600_000 + SILENT_MS).seen
    assert seen.presence is Presence.OFFLINE


def test_memory_set_back_is_told_from_a_second_machine() -> None:
    """A new boot with an old epoch means lost memory or a copy; it is not taken for present."""
    step = born(up(counter=8), epoch(3), C, T0 + 1)
    assert step.incidents == (IncidentKind.EPOCH_ROLLBACK,)
    assert step.ignored


def test_a_new_enrolment_starts_over() -> None:
    """A higher generation wins with any counter and any boot."""
    step = born(up(counter=800), epoch(1, 2), C, T0 + 1)
    assert (step.incidents, step.ignored) == ((), False)
    assert step.seen.epoch == epoch(1, 2)


EVENTS = st.one_of(
    st.tuples(st.just("born"), st.integers(1, 6), st.sampled_from((A, B))),
    st.tuples(st.just("beat"), st.integers(1, 6), st.sampled_from((A, B))),
    st.tuples(st.just("traffic"), st.integers(1, 6), st.sampled_from((A, B))),
    st.tuples(st.just("will"), st.integers(1, 6), st.sampled_from((A, B))),
    st.tuples(st.just("broker"), st.just(1), st.just(A)),
    st.tuples(st.just("tick"), st.just(1), st.just(A)),
)


@given(st.lists(st.tuples(EVENTS, st.integers(0, 100_000)), max_size=40))
def test_any_history_keeps_its_bounds(history: list[tuple[tuple[str, int, str], int]]) -> None:
    """Epochs never go back, memory stays bounded, silence always ends offline."""
    seen, now = NEVER, T0
    for (what, counter, boot), later in history:
        now += later
        before = seen.epoch
        match what:
            case "born":
                seen = born(seen, epoch(counter), boot, now).seen
            case "beat":
                seen = heard(seen, epoch(counter), boot, now, beat=True).seen
            case "traffic":
                seen = heard(seen, epoch(counter), boot, now, beat=False).seen
            case "will":
                seen = lost(seen, epoch(counter), boot, now).seen
            case "broker":
                seen = broker_lost(seen, now).seen
            case _:
                seen = tick(seen, now).seen
        assert before is None or (seen.epoch is not None and seen.epoch >= before)
        assert len(seen.losses) <= FLAP_COUNT
        assert len(seen.earlier) <= presence.BOOTS_KEPT
    assert tick(seen, now + SILENT_MS).seen.presence is Presence.OFFLINE
