"""Every state with every event: where it leads, or that it cannot happen."""

from typing import Final

import pytest

from runtime.http.connection_states import (
    ConnectionEvent,
    ConnectionState,
    IllegalMoveError,
    after,
)

# A line per state, a column per event; `!` cannot happen. Written apart from the table it is held
# against.
EXPECTED: Final = """
               fast_taken fast_answered unclear        request        part           answered stream_began stream_ended   bar    leave          lost
ready          fast       !             unsure         serving        half           !        !            !              barred ended          ended
fast           !          ready         !              !              !              !        !            !              !      fast_last      ended
fast_last      !          ended         !              !              !              !        !            !              !      fast_last      ended
serving        !          !             serving_unsure serving        serving        ready    streaming    !              !      serving        ended
serving_unsure !          !             serving_unsure serving_unsure serving_unsure unsure   streaming    !              !      serving_unsure ended
streaming      !          !             streaming      streaming      streaming      !        !            serving_unsure !      streaming      ended
unsure         !          !             unsure         serving_unsure half           !        !            !              !      ended          ended
half           !          !             half           serving_unsure half           !        !            !              !      ended          ended
barred         !          !             !              !              !              !        !            !              !      ended          ended
ended          !          !             !              !              !              ended    ended        ended          ended  ended          ended
"""  # noqa: E501 - a grid
HEAD, *ROWS = (line.split() for line in EXPECTED.strip().splitlines())
CELLS: Final = {
    (ConnectionState(state), ConnectionEvent(event)): cell
    for state, *cells in ROWS
    for event, cell in zip(HEAD, cells, strict=True)
}


@pytest.mark.parametrize("event", ConnectionEvent)
@pytest.mark.parametrize("state", ConnectionState)
def test_each_event_in_each_state(state: ConnectionState, event: ConnectionEvent) -> None:
    """The full product; what cannot happen is refused, never taken for something else."""
    expected = CELLS[state, event]
    if expected == "!":
        with pytest.raises(IllegalMoveError, match=f"^{event} in {state}$"):
            after(event, state)
    else:
        assert after(event, state) is ConnectionState(expected)


def test_doubt_about_the_parser_never_ends() -> None:
    """Once bytes were unclear, no chain of events leads back to the fast lane."""
    reached = {ConnectionState.UNSURE}
    while True:
        more = {
            ConnectionState(CELLS[state, event])
            for state in reached
            for event in ConnectionEvent
            if CELLS[state, event] != "!"
        }
        if more <= reached:
            break
        reached |= more
    assert ConnectionState.READY not in reached
    assert ConnectionState.FAST not in reached


def test_nothing_leads_out_of_the_end() -> None:
    """Every event that may still come leaves it ended."""
    ended = {CELLS[ConnectionState.ENDED, event] for event in ConnectionEvent}
    assert ended == {"ended", "!"}
