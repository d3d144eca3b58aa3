"""The states of a client's connection, and what each event makes of each state.

Data and functions only; `connection.py` raises the events. An event that has no place in a state
is a fault of ours, and it is refused aloud.
"""

from collections.abc import Mapping
from enum import StrEnum, unique
from typing import Final


@unique
class ConnectionState(StrEnum):
    """What a connection is doing."""

    READY = "ready"
    """Nothing is owed, and aiohttp's parser is empty: the fast lane may take a request."""
    FAST = "fast"
    """A request of the fast lane is being answered; bytes that come meanwhile are held."""
    FAST_LAST = "fast_last"
    """The same, and the connection ends with the answer."""
    SERVING = "serving"
    """aiohttp has a request, and its parser holds nothing more."""
    SERVING_UNSURE = "serving_unsure"
    """aiohttp has a request, and its parser may hold the beginning of another."""
    STREAMING = "streaming"
    """aiohttp has a request whose handler looks after its own time-outs."""
    UNSURE = "unsure"
    """Nothing is owed, but aiohttp's parser may hold the beginning of a request.

    What comes next may not be a request's head: the fast lane never takes it.
    """
    HALF = "half"
    """aiohttp's parser holds a part of a request; the client owes the rest."""
    BARRED = "barred"
    """Whose certificate it is may not be here: whatever comes is answered so, and it ends."""
    ENDED = "ended"
    """Closed, or about to be: nothing more is taken."""


@unique
class ConnectionEvent(StrEnum):
    """What happens to a connection."""

    FAST_TAKEN = "fast_taken"
    """The fast lane takes a request."""
    FAST_ANSWERED = "fast_answered"
    """The fast lane's request is answered."""
    UNCLEAR = "unclear"
    """Bytes go to aiohttp of which we do not know that they end a request."""
    REQUEST = "request"
    """aiohttp read a request from the bytes."""
    PART = "part"
    """aiohttp read no request from the bytes."""
    ANSWERED = "answered"
    """aiohttp's last request is read to its end and answered, and no other waits."""
    STREAM_BEGAN = "stream_began"
    """A handler begins to look after its own time-outs."""
    STREAM_ENDED = "stream_ended"
    """A handler no longer looks after its own time-outs."""
    BAR = "bar"
    """Who it is may not be here."""
    LEAVE = "leave"
    """The server ends: what is being answered is finished, and nothing else is taken."""
    LOST = "lost"
    """The connection is gone, or we cut it."""


class IllegalMoveError(Exception):
    """An event that cannot happen in this state."""


def _stays(*states: ConnectionState) -> dict[ConnectionState, ConnectionState]:
    return {state: state for state in states}


_S: Final = ConnectionState
_E: Final = ConnectionEvent
MOVES: Final[Mapping[ConnectionEvent, Mapping[ConnectionState, ConnectionState]]] = {
    _E.FAST_TAKEN: {_S.READY: _S.FAST},
    _E.FAST_ANSWERED: {_S.FAST: _S.READY, _S.FAST_LAST: _S.ENDED},
    _E.UNCLEAR: {
        _S.READY: _S.UNSURE,
        _S.SERVING: _S.SERVING_UNSURE,
        **_stays(_S.SERVING_UNSURE, _S.STREAMING, _S.UNSURE, _S.HALF),
    },
    _E.REQUEST: {
        _S.READY: _S.SERVING,
        _S.UNSURE: _S.SERVING_UNSURE,
        _S.HALF: _S.SERVING_UNSURE,
        **_stays(_S.SERVING, _S.SERVING_UNSURE, _S.STREAMING),
    },
    _E.PART: {
        _S.READY: _S.HALF,
        _S.UNSURE: _S.HALF,
        **_stays(_S.SERVING, _S.SERVING_UNSURE, _S.STREAMING, _S.HALF),
    },
    _E.ANSWERED: {
        _S.SERVING: _S.READY,
        _S.SERVING_UNSURE: _S.UNSURE,
        **_stays(_S.ENDED),
    },
    _E.STREAM_BEGAN: {
        _S.SERVING: _S.STREAMING,
        _S.SERVING_UNSURE: _S.STREAMING,
        **_stays(_S.ENDED),
    },
    _E.STREAM_ENDED: {_S.STREAMING: _S.SERVING_UNSURE, **_stays(_S.ENDED)},
    _E.BAR: {_S.READY: _S.BARRED, **_stays(_S.ENDED)},
    _E.LEAVE: {
        _S.READY: _S.ENDED,
        _S.BARRED: _S.ENDED,
        _S.UNSURE: _S.ENDED,
        _S.HALF: _S.ENDED,
        _S.FAST: _S.FAST_LAST,
        # aiohttp lets its own requests finish.
        **_stays(_S.FAST_LAST, _S.SERVING, _S.SERVING_UNSURE, _S.STREAMING, _S.ENDED),
    },
    _E.LOST: dict.fromkeys(_S, _S.ENDED),
}
"""The next state, by event and state; a state that is not listed cannot see the event."""


def after(event: ConnectionEvent, state: ConnectionState) -> ConnectionState:
    """Return the state that follows.

    Raises:
        IllegalMoveError: the event cannot happen in this state.
    """
    following = MOVES[event].get(state)
    if following is None:
        raise IllegalMoveError(f"{event} in {state}")
    return following
