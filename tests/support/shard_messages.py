"""Messages of one terminal as they would arrive, and a registry that knows it."""

from fleet.arrivals import Arrival
from fleet.contract import messages, topics
from fleet.contract.commands import ResultCode, ResultState
from fleet.contract.messages import ClockState, Epoch
from fleet.contract.topics import TerminalId, TopicName
from fleet.registry import District, Gate, Place, RegisteredTerminal, Registry
from verifier.contract.vocabulary import Direction, GrantState

NAME = TerminalId("gate-a")
SHARD = topics.shard_of(NAME)
BOOT = "0" * 32


def registry(state: GrantState = GrantState.ACTIVE) -> Registry:
    """Return a registry with one terminal."""
    terminal = RegisteredTerminal(
        id=NAME, place="hall", gate="g1", fingerprint="0" * 64, state=state
    )
    gate = Gate(id="g1", direction=Direction.IN)
    place = Place(id="hall", name="大厅", district="d1", gate=(gate,))
    return Registry(
        districts={"d1": District(id="d1", name="区")},
        places={"hall": place},
        terminals={NAME: terminal},
    )


def arrival(name: TopicName, message: messages.Message) -> Arrival:
    """Return a message as it would arrive."""
    return Arrival(str(topics.topic(name, NAME)), messages.encode(message))


def birth(counter: int = 1, result_from: int = 1) -> Arrival:
    """Return a birth."""
    message = messages.Birth(
        epoch=Epoch(1, counter),
        boot=BOOT,
        at=1,
        clock=ClockState.OK,
        software=messages.Software(name="t", version="1"),
        bundles={},
        capabilities=(),
        reported_from=1,
        result_from=result_from,
    )
    return arrival(TopicName.BIRTH, message)


def result(
    command: str, sequence: int, state: ResultState = ResultState.SUCCEEDED, counter: int = 1
) -> Arrival:
    """Return a result."""
    message = messages.Result(
        epoch=Epoch(1, counter),
        boot=BOOT,
        sequence=sequence,
        at=1,
        command=command,
        state=state,
        code=ResultCode.OK,
    )
    return arrival(TopicName.RESULT, message)


def beat(temperature_c: float | None = None, counter: int = 1, **counters: int) -> Arrival:
    """Return a heartbeat."""
    message = messages.Beat(
        epoch=Epoch(1, counter),
        boot=BOOT,
        at=1,
        clock=ClockState.OK,
        uptime_s=1,
        outbox=0,
        verifier_online=True,
        counters={name.replace("_", "."): value for name, value in counters.items()},
        temperature_c=temperature_c,
    )
    return arrival(TopicName.BEAT, message)
