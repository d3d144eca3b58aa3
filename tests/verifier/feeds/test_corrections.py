"""Cases of correction over every state and event."""

import itertools

import msgspec
import pytest

from verifier.contract.errors import MalformedError
from verifier.contract.vocabulary import Plane
from verifier.feeds.corrections import (
    MAX_TEXT,
    MOVES,
    OVERDUE_S,
    CorrectionCase,
    CorrectionEvent,
    CorrectionReason,
    CorrectionState,
    Opening,
    is_overdue,
    move,
)

CASE = CorrectionCase(
    id="c",
    list=1,
    person=5,
    plane=Plane.HEALTH,
    value="red",
    reason=CorrectionReason.NEVER_THERE,
    opened=1000,
    opened_by="desk",
)


@pytest.mark.parametrize(
    ("state", "event"), list(itertools.product(CorrectionState, CorrectionEvent))
)
def test_every_state_and_event(state: CorrectionState, event: CorrectionEvent) -> None:
    """An open case is closed once; a closed one stays as it was closed."""
    case = msgspec.structs.replace(CASE, state=state)
    if state is not CorrectionState.OPEN:
        assert (state, event) not in MOVES
        with pytest.raises(MalformedError):
            move(case, event, 2000)
        return
    closed = move(case, event, 2000, "p-1")
    assert closed.state is not CorrectionState.OPEN
    assert (closed.closed, closed.proposal) == (2000, "p-1")


def test_an_open_case_becomes_overdue() -> None:
    """A closed one never does."""
    assert not is_overdue(CASE, 1000 + OVERDUE_S)
    assert is_overdue(CASE, 1001 + OVERDUE_S)
    closed = move(CASE, CorrectionEvent.REFUSE, 1001 + OVERDUE_S)
    assert not is_overdue(closed, 2 * OVERDUE_S)


RIGHT = {"plane": "health", "reason": "wrong_value", "person": 5}


@pytest.mark.parametrize(
    "changes",
    [
        {"reference": "R-0001"},
        {"person": None},
        {"plane": "revocation"},
        {"reason": "because"},
        {"text": "x" * (MAX_TEXT + 1)},
        {"name": "Li"},
    ],
)
def test_what_does_not_open_a_case(changes: dict[str, object]) -> None:
    """One person, one plane of persons, a reason of the list, a paragraph."""
    msgspec.convert(RIGHT, Opening)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(RIGHT | changes, Opening)
