"""Arrivals: what is part of the contract, and why the rest is not."""

import pytest

from fleet.arrivals import Arrival, Dead, ReadMessage, read_arrival
from fleet.contract import topics
from fleet.contract.errors import Breach
from fleet.contract.topics import TerminalId
from tests.support.shard_messages import NAME, SHARD, birth, registry
from verifier.contract.vocabulary import GrantState


def _topic(name: str, shard: str = SHARD, terminal: str = NAME, generation: int = 1) -> str:
    return f"kapok/up/{shard}/{terminal}.{generation}/{name}"


GOOD = birth().payload


@pytest.mark.parametrize(
    ("came", "state", "breach"),
    [
        (Arrival("kapok/what", b"{}"), "active", Breach.TOPIC_UNKNOWN),
        (Arrival(f"kapok/down/{NAME}.1/ack", b"{}"), "active", Breach.TOPIC_DIRECTION),
        (Arrival("kapok/all/bundle", b"{}"), "active", Breach.TOPIC_DIRECTION),
        (
            Arrival(_topic("birth", "0" if SHARD != "0" else "1"), GOOD),
            "active",
            Breach.TOPIC_SHARD,
        ),
        (Arrival(_topic("birth"), GOOD, retained=True), "active", Breach.RETAINED),
        (Arrival(_topic("birth"), b"{"), "active", Breach.PAYLOAD_MALFORMED),
        (Arrival(_topic("birth"), b" " * 9000), "active", Breach.PAYLOAD_LONG),
        (Arrival(_topic("birth"), GOOD), "revoked", Breach.TERMINAL_REVOKED),
        (
            Arrival(_topic("birth"), GOOD.replace(b"[1,1]", b"[2,1]")),
            "active",
            Breach.GENERATION_WRONG,
        ),
    ],
)
def test_strays_have_a_reason(came: Arrival, state: str, breach: Breach) -> None:
    """Everything that is not part of the contract is dead, with its reason."""
    read = read_arrival(came, SHARD, registry(GrantState(state)), 1)
    assert isinstance(read, Dead)
    assert read.breach is breach


def test_unknown_terminals_are_dead() -> None:
    """Who is not in the registry is not heard."""
    stranger = next(
        name
        for name in (TerminalId(f"gate-{number}") for number in range(1000))
        if topics.shard_of(name) == SHARD
    )
    read = read_arrival(Arrival(_topic("birth", terminal=stranger), GOOD), SHARD, registry(), 1)
    assert isinstance(read, Dead)
    assert read.breach is Breach.TERMINAL_UNKNOWN


def test_suspended_terminals_are_still_heard() -> None:
    """Suspension closes the gate, not the line."""
    read = read_arrival(birth(), SHARD, registry(GrantState.SUSPENDED), 1)
    assert isinstance(read, ReadMessage)
