"""One client's connection: who it is, the fast lane, and since when it owes something.

aiohttp's own handler does the work; this one puts the fast lane before it (`lane.py`), answers what
is not HTTP with a problem, and knows when a client is overdue. What it is doing is one state
(`connection_states.py`); nothing else says it.
"""

import asyncio
import math
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

from aiohttp import web

from runtime.http.access import Caller, certificate_end, terminal_caller
from runtime.http.bodies import READ_S
from runtime.http.connection_states import (
    MOVES,
    ConnectionEvent,
    ConnectionState,
    after,
)
from runtime.http.fast_handlers import FastHandlers
from runtime.http.heads import fault_of_error
from runtime.http.lane import (
    END,
    MAX_HEAD_BYTES,
    Lane,
    RequestHead,
    problem,
    read_head,
)
from runtime.http.limits import caller_busy
from runtime.http.problems import Problem, problem_response
from runtime.http.sequence import SequentialHandler
from runtime.http.shares import peer_share

KEEPALIVE_S: Final = 75.0
"""Seconds an idle connection is kept; a gate scans more often than that when it is used."""
BARRED_S: Final = 1.0
"""Seconds that a peer who may not be here has to hear why; then its connection is ended."""
BUSY_S: Final = 30.0
"""Seconds without progress of one request; then its connection is ended."""
STORE_HEADER: Final = "Kapok-Store"
"""Names the store; a terminal that sees another name sends its last records again."""

AIOHTTP_PRIVATE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "_close": "aiohttp wants to end the connection: the fast lane takes nothing more",
        "_force_close": "aiohttp has ended the connection: the fast lane takes nothing more",
        "_loop": "the clock, and the future that a shutdown waits for",
        "_messages": "requests that aiohttp has read and not begun: the newest one, or none",
        "_next_keepalive_close_time": "when an idle connection ends; a fast request moves it on",
        "_payload_parser": "reads the frames of a stream: from then on no request comes",
        "_pause_transport_reading": "stops reading from a client that sends too far ahead",
        "_paused": "the client does not read: the fast lane leaves the waiting to aiohttp",
        "_reading_paused": "aiohttp holds a body back: the parser gets no more of it",
        "_request_count": "requests that aiohttp has read: did these bytes hold one?",
        "_request_in_progress": "a handler runs: the client may be overdue",
        "_resume_transport_reading": "reads again once what was sent ahead is taken",
    }
)
"""Private attributes of aiohttp's handler that `Connection` and its base use, and what for.

pyproject.toml caps aiohttp for their sake; a test asks the installed one for each of them.
"""

_READY: Final = ConnectionState.READY
_HALF: Final = ConnectionState.HALF
_ENDED: Final = ConnectionState.ENDED
_BARRED: Final = ConnectionState.BARRED
_FAST: Final = ConnectionState.FAST
_FAST_LAST: Final = ConnectionState.FAST_LAST
_ANSWERING: Final = (_FAST, _FAST_LAST)
# What every scan needs is looked up once.
_FAST_TAKEN: Final = MOVES[ConnectionEvent.FAST_TAKEN]
_FAST_ANSWERED: Final = MOVES[ConnectionEvent.FAST_ANSWERED]


class Connection(SequentialHandler):
    """A client's connection."""

    __slots__ = (
        "_answered",
        "_caller",
        "_ends",
        "_head",
        "_lanes",
        "_language",
        "_made",
        "_seen",
        "_since",
        "_state",
        "caller",
    )

    def __init__(self, *args: Any, lanes: FastHandlers, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.caller: Caller | None = None
        """The terminal of the connection's certificate."""
        self._ends = math.inf
        """When the peer's certificate ends, in Unix seconds."""
        self._state = _READY
        self._lanes = lanes
        self._head: tuple[bytes, RequestHead, Lane[Any]] | None = None
        self._caller: Caller | None = None
        self._language = ""
        self._answered: asyncio.Future[None] | None = None
        """A shutdown waits for it."""
        self._made = 0.0
        self._since = 0.0
        """When the client began to keep us waiting."""
        self._seen = -1
        """The request that `_since` is about."""

    @property
    def state(self) -> ConnectionState:
        """What the connection is doing."""
        return self._state

    def _move(self, event: ConnectionEvent) -> None:
        self._state = after(event, self._state)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note who it is; one for which there is no room is ended at once."""
        super().connection_made(transport)
        self._made = self._loop.time()
        tls = transport.get_extra_info("ssl_object")
        if tls is not None:
            self.caller = terminal_caller(tls)
            self._ends = certificate_end(tls)
        peer = transport.get_extra_info("peername")
        share = peer_share(peer) if self.caller is None else self.caller.share
        if not self._lanes.shares.join(self, share):
            self._lanes.refusals.note()
            self.cut()
        elif self.barred() is not None:
            self._move(ConnectionEvent.BAR)

    def barred(self) -> Problem | None:
        """Return why the peer may not be here, asked anew; None: it may, or has no certificate."""
        return None if self.caller is None else self._lanes.bars(self.caller)

    def leave_if_barred(self) -> None:
        """End the connection of a peer that may be here no longer; a stream says why itself."""
        ends = self._state not in (*_ANSWERING, _BARRED, ConnectionState.STREAMING)
        if ends and self.barred() is not None:
            self.cut()

    def _turn_away(self, *, bodiless: bool) -> None:
        """Say why the peer may not be here, where it may not, and nothing else, and end."""
        if self._state is _ENDED:
            return
        found, transport = self.barred(), self.transport
        if found is None or transport is None or transport.is_closing():
            self.cut()
            return
        found.headers["Connection"] = "close"
        said = problem(self._lanes.failed(found))
        transport.write(said[: said.find(END) + len(END)] if bodiless else said)
        self._move(ConnectionEvent.LOST)
        transport.close()

    def data_received(self, data: bytes) -> None:
        """Take bytes: by the fast lane where they are one plain request, else as aiohttp does."""
        state = self._state
        if state is _READY:
            if data[:5] == b"POST " and self._lane(data):
                return
        elif state in _ANSWERING:
            self.hold(self._held + data)
            return
        elif state is _ENDED or state is _BARRED:
            self._turn_away(bodiless=data[:5] == b"HEAD ")
            return
        # Where aiohttp's parser stands is known only after one whole request without a body.
        if not (data[:4] == b"GET " and data.find(END) == len(data) - len(END)):
            self._move(ConnectionEvent.UNCLEAR)
        read = self._request_count
        self.take(data)
        if self._request_count != read:
            self._move(ConnectionEvent.REQUEST)
        elif data:
            self._move(ConnectionEvent.PART)
            if self._state is _HALF and state is not _HALF:
                self._since = self._loop.time()

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send an answer, and note that the connection owes nothing more."""
        name = self._lanes.store_name()
        if name is not None and not resp.prepared:
            resp.headers[STORE_HEADER] = name
        sent = await super().finish_response(request, resp, start_time)
        if request.content.is_eof():
            if not self._messages:
                self._move(ConnectionEvent.ANSWERED)
        elif resp.status == HTTPStatus.REQUEST_TIMEOUT:
            self.force_close()  # a body that did not come in time is not waited for again
        self.answered(last=not resp.keep_alive)
        return sent

    def _lane(self, data: bytes) -> bool:
        """Answer a plain request; False: it is not one, or the client does not read."""
        if self._paused or self._close or self._force_close:
            return False
        at = data.find(END, 0, MAX_HEAD_BYTES)
        if at < 0:
            return False
        head = data[:at]
        known = self._head
        if known is None or known[0] != head:
            known = self._read_head(head)
            if known is None:
                return False
        _, read, lane = known
        if len(data) - at - len(END) != read.length:
            return False
        self._state = _FAST_TAKEN[self._state]
        try:
            lane.answer(self._who(read), self._language, data[at + len(END) :], self._respond)
        except Exception as error:  # noqa: BLE001 - the last line of defence; counted and logged
            self._respond(problem(self._lanes.failed(error)))
        return True

    def _read_head(self, head: bytes) -> tuple[bytes, RequestHead, Lane[Any]] | None:
        """Read a head that is new on this connection; None: it is not plain, or has no lane."""
        read = read_head(head)
        lane = None if read is None else self._lanes.handlers.get(read.path)
        if read is None or lane is None:
            return None
        self._head = (head, read, lane)
        self._caller = None
        self._language = lane.pick_language(read.accept_language)
        return self._head

    def _who(self, head: RequestHead) -> Caller:
        """Return who calls; a key is looked up once a head, its grant at every request."""
        if self._caller is None:
            named = self._lanes.named
            caller = self.caller if named is None else named(head.authorization)
            if caller is None:
                raise Problem(HTTPStatus.FORBIDDEN, "certificate.unusable")
            self.belong(caller)
            self._caller = caller
        return self._caller

    def belong(self, caller: Caller) -> None:
        """Count the connection for who has authenticated on it.

        Raises:
            Problem: 429 caller.busy, who calls has as many as it may.
        """
        if not self._lanes.shares.move(self, caller.share):
            raise caller_busy()

    def _respond(self, answer: bytes) -> None:
        """Send an answer of the fast lane; one that comes too late or twice is dropped."""
        state = self._state
        if state is not _FAST and state is not _FAST_LAST:
            return
        self._state = _FAST_ANSWERED[state]
        transport, name = self.transport, self._lanes.store_name()
        if name is not None:
            answer = answer.replace(END, f"\r\n{STORE_HEADER}: {name}".encode() + END, 1)
        if transport is not None and not transport.is_closing():
            transport.write(answer)
            self._next_keepalive_close_time = self._loop.time() + KEEPALIVE_S
        if state is _FAST_LAST:
            self._let_go()
        elif self._held:
            held, self._held = self._held, b""
            self._resume_transport_reading()
            self.data_received(held)

    def _let_go(self) -> None:
        """Forget what was sent ahead; no shutdown need wait for this connection."""
        self._held = b""
        if self._answered is not None and not self._answered.done():
            self._answered.set_result(None)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget what was sent ahead; a scan that is being answered is stored all the same."""
        self._move(ConnectionEvent.LOST)
        self._let_go()
        self._lanes.shares.leave(self)
        super().connection_lost(exc)

    def close(self) -> None:
        """Stop taking requests; one of the fast lane is answered first."""
        if self._state not in _ANSWERING:
            super().close()

    async def shutdown(self, timeout: float | None = 15.0) -> None:  # noqa: ASYNC109 - aiohttp's
        """Let a request of the fast lane finish, then end the connection."""
        self._move(ConnectionEvent.LEAVE)
        if self._state is ConnectionState.FAST_LAST:
            self._answered = self._loop.create_future()
            await asyncio.wait((self._answered,), timeout=timeout)
            super().close()  # aiohttp waits for no further request
        await super().shutdown(timeout)

    @property
    def _silent(self) -> bool:
        """Say whether nothing has come yet."""
        return self._state is _READY and self._request_count == 0 and self._head is None

    @property
    def idle(self) -> bool:
        """Whether no request is being answered on it."""
        answering = self._state in _ANSWERING or self._state is ConnectionState.STREAMING
        return not (answering or self._request_in_progress)

    @property
    def streaming(self) -> bool:
        """A handler looks after its own time-outs; the handler says so."""
        return self._state is ConnectionState.STREAMING

    @streaming.setter
    def streaming(self, streams: bool) -> None:
        event = ConnectionEvent.STREAM_BEGAN if streams else ConnectionEvent.STREAM_ENDED
        self._move(event)
        if streams:
            self.release()

    def progressed(self) -> None:
        """Say that the client took a part of a long answer."""
        self._since = self._loop.time()

    def overdue(self, now: float) -> bool:
        """Say whether the client has kept us waiting for too long."""
        if self._state is _HALF:
            return now - self._since > READ_S
        if self._state is _BARRED:
            return now - self._made > BARRED_S
        if self._silent:
            return self.caller is None and now - self._made > READ_S
        if self._state is ConnectionState.STREAMING or not self._request_in_progress:
            return False
        if self._seen != self._request_count:
            self._seen, self._since = self._request_count, now
        return now - self._since > BUSY_S

    def ended(self, wall: float) -> bool:
        """Say whether the peer's certificate has ended by `wall`, in Unix seconds.

        TLS looks at it in the handshake alone; a connection or a stream may live for months.
        """
        return wall >= self._ends

    def cut(self) -> None:
        """End the connection at once."""
        self._move(ConnectionEvent.LOST)
        self._let_go()
        transport = self.transport
        self.force_close()
        if transport is not None:
            transport.abort()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is not HTTP with a problem; aiohttp's text would quote the input."""
        del request, message
        response = problem_response(fault_of_error(exc, HTTPStatus(status)))
        response.force_close()
        return response
