from typing import Any

import msgspec
import pytest

from firmware_stubs.commands import NOTHING, CommandPlan, Ring, RingEntry, Unreadable, read_command
from fleet.contract.commands import (
    KEEP_AFTER_EXPIRY_S,
    MAX_EXPIRY_S,
    RING_SIZE,
    CommandType,
    ResultCode,
    ResultState,
)
from fleet.contract.messages import MAX_MESSAGE_BYTES, Command, encode

NOW = 1_790_000_000_000


def command(number: int = 1, **changes: Any) -> Command:
    """Make an open_gate that expires in a minute."""
    made = Command(
        id=f"{number:032x}",
        type=CommandType.OPEN_GATE,
        issued_at=NOW - 1000,
        expires_at=NOW + 59_000,
    )
    return msgspec.structs.replace(made, **changes)


def receive(ring: Ring, told: Command | Unreadable, **changes: Any) -> CommandPlan:
    """Receive a command on an ordinary day."""
    day: dict[str, Any] = {"now": NOW, "clock_sure": True, "suspended": False, "retained": False}
    return ring.receive(told, **(day | changes))


def said(plan: CommandPlan) -> tuple[ResultState, ResultCode]:
    """Return the word of a plan."""
    assert plan.word is not None
    return plan.word.state, plan.word.code


@pytest.mark.parametrize(
    ("told", "day", "word"),
    [
        (command(), {}, (ResultState.RUNNING, ResultCode.OK)),
        (command(expires_at=NOW), {}, (ResultState.EXPIRED, ResultCode.TOO_LATE)),
        (command(), {"suspended": True}, (ResultState.REJECTED, ResultCode.SUSPENDED)),
        (command(), {"clock_sure": False}, (ResultState.REJECTED, ResultCode.CLOCK_UNSURE)),
        (command(arguments={"far": 1}), {}, (ResultState.REJECTED, ResultCode.ARGUMENTS_BAD)),
        (command(expires_at=NOW - 2000), {}, (ResultState.REJECTED, ResultCode.ARGUMENTS_BAD)),
        (
            command(expires_at=NOW + MAX_EXPIRY_S * 1000),
            {},
            (ResultState.REJECTED, ResultCode.ARGUMENTS_BAD),
        ),
        (
            Unreadable(id="0" * 32, code=ResultCode.TYPE_UNKNOWN),
            {},
            (ResultState.REJECTED, ResultCode.TYPE_UNKNOWN),
        ),
    ],
)
def test_first_arrival(
    told: Command | Unreadable, day: dict[str, Any], word: tuple[ResultState, ResultCode]
) -> None:
    """Only what may be done is started, and it is written down before."""
    plan = receive(Ring(), told, **day)
    assert said(plan) == word
    assert plan.entry is not None
    assert (plan.act is CommandType.OPEN_GATE) == (word[0] is ResultState.RUNNING)


def test_retained_is_dropped() -> None:
    """It was said at another time; nothing is said of it."""
    assert receive(Ring(), command(), retained=True) == NOTHING


@pytest.mark.parametrize("done", [True, False])
def test_replay_is_answered_from_the_ring(*, done: bool) -> None:
    """Before and after the result, and never done again."""
    ring = Ring()
    receive(ring, command())
    assert said(receive(ring, command())) == (ResultState.RUNNING, ResultCode.OK)
    result = said(ring.finish(command().id, done=done))
    again = receive(ring, command(), now=NOW + 3_600_000)
    assert again.act is None
    assert again.entry is None
    assert said(again) == result


def test_rejection_is_final() -> None:
    """The fleet has taken it as such: a redelivery on a better day does nothing."""
    ring = Ring()
    word = said(receive(ring, command(), suspended=True))
    again = receive(ring, command())
    assert again.act is None
    assert said(again) == word


def test_finishing_a_stranger_says_nothing() -> None:
    """Nor finishing twice."""
    ring = Ring()
    assert ring.finish("f" * 32, done=True) == NOTHING
    receive(ring, command())
    ring.finish(command().id, done=True)
    assert ring.finish(command().id, done=False) == NOTHING


def test_restart_makes_started_unknown() -> None:
    """Finished ones stay what they were."""
    running = RingEntry(id="a" * 32, forget_at=NOW, state=ResultState.RUNNING, code=ResultCode.OK)
    ended = RingEntry(id="b" * 32, forget_at=NOW, state=ResultState.SUCCEEDED, code=ResultCode.OK)
    ring = Ring((running, ended))
    (plan,) = ring.restarted()
    assert said(plan) == (ResultState.UNKNOWN, ResultCode.RESTARTED)
    assert plan.word is not None
    assert plan.word.command == running.id
    assert ring.restarted() == ()


def test_full_ring_rejects_and_remembers_nothing() -> None:
    """Room comes back a day after the expiry of what fills it."""
    ring = Ring()
    for number in range(RING_SIZE):
        receive(ring, command(number))
    plan = receive(ring, command(RING_SIZE))
    assert said(plan) == (ResultState.REJECTED, ResultCode.RING_FULL)
    assert plan.entry is None
    for number in range(RING_SIZE):
        ring.finish(command(number).id, done=True)
    later = NOW + (KEEP_AFTER_EXPIRY_S + 60) * 1000
    fresh = command(RING_SIZE, issued_at=later, expires_at=later + 1000)
    assert receive(ring, fresh, now=later).act is CommandType.OPEN_GATE


def test_running_command_is_never_forgotten() -> None:
    """Not even past its time: it would be done again."""
    ring = Ring()
    receive(ring, command())
    later = NOW + 2 * KEEP_AFTER_EXPIRY_S * 1000
    receive(ring, command(2, issued_at=later, expires_at=later + 1000), now=later)
    assert receive(ring, command(), now=later).act is None


@pytest.mark.parametrize(
    ("payload", "found"),
    [
        (encode(command()), command()),
        (b'{"id": "%s", "type": "dance"}' % (b"1" * 32), ResultCode.TYPE_UNKNOWN),
        (b'{"id": "%s", "type": "open_gate"}' % (b"1" * 32), ResultCode.ARGUMENTS_BAD),
        (b'{"id": "1", "type": "open_gate"}', None),
        (b'{"type": "open_gate"}', None),
        (b"", None),
        (b"[" * 5000, None),
        (b" " * (MAX_MESSAGE_BYTES + 1), None),
    ],
)
def test_reading(payload: bytes, found: Command | ResultCode | None) -> None:
    """What has an id can be answered, whatever else is wrong with it."""
    read = read_command(payload)
    assert (read.code if isinstance(read, Unreadable) else read) == found


def test_newer_members_are_ignored() -> None:
    """Messages to terminals may gain fields."""
    payload = encode(command())[:-1] + b',"colour":"blue"}'
    assert read_command(payload) == command()
