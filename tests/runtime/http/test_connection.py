"""A connection's states as bytes drive them, and what it uses of aiohttp that is private."""

import ast
import asyncio
import inspect
from collections.abc import Callable
from typing import Any, Final

import pytest
from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from runtime.http import connection as source
from runtime.http.access import Caller
from runtime.http.bodies import READ_S
from runtime.http.connection import AIOHTTP_PRIVATE, Connection
from runtime.http.connection_states import ConnectionState
from runtime.http.fast_handlers import FastHandlers
from runtime.http.lane import Lane, Respond, response
from runtime.http.problems import Problem
from runtime.http.requests import DoorRequest
from runtime.http.sequence import MAX_HELD_BYTES, SequentialHandler
from runtime.http.server import Server
from runtime.http.shares import ConnectionShares

SCAN: Final = (
    b"POST /v1/scans HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    b"Content-Length: 2\r\n\r\n{}"
)
GET: Final = b"GET /v1/health HTTP/1.1\r\nHost: a\r\n\r\n"
CALLER: Final = Caller(name="hall-1", terminal="hall-1")


class Wire(asyncio.Transport):
    """A transport without a socket; keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.reading = True
        self.closing = False

    def write(self, data: Any) -> None:
        """Keep it."""
        self.written += bytes(data)

    def writelines(self, list_of_data: Any) -> None:
        """Keep them."""
        self.write(b"".join(list_of_data))

    def is_closing(self) -> bool:
        """Say whether it was closed."""
        return self.closing

    def close(self) -> None:
        """Close."""
        self.closing = True

    def abort(self) -> None:
        """Close."""
        self.closing = True

    def pause_reading(self) -> None:
        """Take no more."""
        self.reading = False

    def resume_reading(self) -> None:
        """Take more."""
        self.reading = True

    def statuses(self) -> list[int]:
        """Return the status of each answer."""
        return [int(part[2:5]) for part in self.written.split(b"HTTP/1.")[1:]]


class Line:
    """A connection, the wire under it, and the fast requests it has taken."""

    def __init__(self) -> None:
        self.wire = Wire()
        self.taken: list[Respond] = []
        self.finish = asyncio.Event()
        self.finish.set()
        server = Server(
            self._handle,
            lanes=FastHandlers(
                {"/v1/scans": Lane(self._take, str)},
                lambda _: CALLER,
                self._failed,
                lambda: None,
                ConnectionShares(),
            ),
            access_log=None,
        )
        self.connection: Connection = server()
        self.connection.connection_made(self.wire)

    @property
    def state(self) -> ConnectionState:
        """Return what the connection is doing."""
        return self.connection.state

    def _take(self, caller: Caller, language: str, body: bytes, respond: Respond) -> None:
        del caller, language, body
        self.taken.append(respond)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        connection = request.protocol
        assert isinstance(connection, Connection)
        if request.path == "/stream":
            connection.streaming = True
        await self.finish.wait()
        if request.path == "/stream":
            connection.streaming = False
        await request.read()
        return web.Response()

    @staticmethod
    def _failed(error: Exception) -> Problem:
        raise error

    def send(self, data: bytes) -> ConnectionState:
        """Send bytes; return the state they lead to."""
        self.connection.data_received(data)
        return self.state

    def answer(self) -> ConnectionState:
        """Answer the oldest fast request; return the state that follows."""
        self.taken.pop(0)(response(200, b"{}"))
        return self.state

    async def settle(self) -> ConnectionState:
        """Let aiohttp do what it has to do; return the state that follows."""
        for _ in range(20):
            await asyncio.sleep(0)
        return self.state


def on_a_line(walk: Callable[[Line], Any]) -> None:
    """Run a walk on a new connection."""

    async def run() -> None:
        line = Line()
        try:
            await line.settle()
            await walk(line)
        finally:
            line.connection.connection_lost(None)
            await line.settle()

    asyncio.run(run())


def test_fast_lane() -> None:
    """Ready, taken, answered, ready; what comes meanwhile is held and then taken."""

    async def walk(line: Line) -> None:
        assert line.send(SCAN) is ConnectionState.FAST
        assert line.send(SCAN) is ConnectionState.FAST
        assert len(line.taken) == 1
        assert line.answer() is ConnectionState.FAST
        assert line.answer() is ConnectionState.READY
        assert line.wire.statuses() == [200, 200]

    on_a_line(walk)


def test_second_answer_is_dropped() -> None:
    """A handler that answers twice does not write into somebody's next answer."""

    async def walk(line: Line) -> None:
        line.send(SCAN)
        respond = line.taken[0]
        line.answer()
        respond(response(200, b"{}"))
        assert line.wire.statuses() == [200]
        assert line.state is ConnectionState.READY

    on_a_line(walk)


def test_client_that_sends_too_far_ahead_waits_in_the_kernel() -> None:
    """Reading stops past the bound and goes on with the answer."""

    async def walk(line: Line) -> None:
        line.send(SCAN)
        line.send(b"x" * (MAX_HELD_BYTES + 1))
        assert not line.wire.reading
        line.answer()
        assert line.wire.reading

    on_a_line(walk)


def test_whole_get_keeps_the_fast_lane() -> None:
    """It is answered by aiohttp; after that its parser is known to be empty."""

    async def walk(line: Line) -> None:
        line.finish.clear()
        assert line.send(GET) is ConnectionState.SERVING
        assert line.send(GET) is ConnectionState.SERVING
        line.finish.set()
        assert await line.settle() is ConnectionState.READY
        assert line.wire.statuses() == [200, 200]
        assert line.send(SCAN) is ConnectionState.FAST

    on_a_line(walk)


def test_request_in_pieces_loses_the_fast_lane_for_good() -> None:
    """Half, served, and from then on aiohttp's alone."""

    async def walk(line: Line) -> None:
        assert line.send(SCAN[:9]) is ConnectionState.HALF
        assert line.send(SCAN[9:40]) is ConnectionState.HALF
        assert line.send(SCAN[40:]) is ConnectionState.SERVING_UNSURE
        assert await line.settle() is ConnectionState.UNSURE
        assert line.send(SCAN) is ConnectionState.SERVING_UNSURE
        assert await line.settle() is ConnectionState.UNSURE
        assert line.send(b"P") is ConnectionState.HALF
        assert not line.taken

    on_a_line(walk)


def test_half_a_request_is_overdue_from_its_first_byte() -> None:
    """More bytes of the same half buy no time; a client that says nothing has as long."""

    async def walk(line: Line) -> None:
        now = asyncio.get_running_loop().time
        assert not line.connection.overdue(now() + READ_S - 1)
        assert line.connection.overdue(now() + READ_S + 1)
        line.send(b"P")
        began = now()
        await asyncio.sleep(0.05)
        line.send(b"O")
        assert not line.connection.overdue(began + READ_S - 0.02)
        assert line.connection.overdue(began + READ_S + 0.02)

    on_a_line(walk)


def test_request_without_progress_is_overdue() -> None:
    """Counted from when it was first seen; progress begins anew, a stream is never overdue."""

    async def walk(line: Line) -> None:
        line.finish.clear()
        now = asyncio.get_running_loop().time
        line.send(GET)
        await line.settle()
        seen = now()
        assert not line.connection.overdue(seen)
        assert line.connection.overdue(seen + source.BUSY_S + 1)
        line.connection.progressed()
        assert not line.connection.overdue(seen + source.BUSY_S)

    on_a_line(walk)


def test_stream_looks_after_itself() -> None:
    """Its bytes change nothing; those that are no frames are read when it has ended."""

    async def walk(line: Line) -> None:
        line.finish.clear()
        line.send(GET.replace(b"/v1/health", b"/stream"))
        assert await line.settle() is ConnectionState.STREAMING
        assert not line.connection.overdue(asyncio.get_running_loop().time() + 3600)
        assert line.send(b"P") is ConnectionState.STREAMING
        line.finish.set()
        assert await line.settle() is ConnectionState.HALF

    on_a_line(walk)


def test_what_is_no_http_is_answered_with_a_problem() -> None:
    """And the connection ends."""

    async def walk(line: Line) -> None:
        assert line.send(b"\x16\x03\x01 hello\r\n\r\n") is ConnectionState.SERVING_UNSURE
        await line.settle()
        assert line.wire.statuses() == [400]
        assert b'"code":"request.malformed"' in line.wire.written
        assert line.wire.closing

    on_a_line(walk)


def test_shutdown_lets_a_fast_request_finish() -> None:
    """It is answered; what was sent ahead, or comes after, is not taken."""

    async def walk(line: Line) -> None:
        line.send(SCAN)
        line.send(SCAN)
        line.connection.close()
        ending = asyncio.create_task(line.connection.shutdown(5))
        assert await line.settle() is ConnectionState.FAST_LAST
        assert line.answer() is ConnectionState.ENDED
        assert line.send(SCAN) is ConnectionState.ENDED
        await asyncio.wait_for(ending, 5)
        assert not line.taken
        assert line.wire.statuses() == [200]
        assert line.wire.closing

    on_a_line(walk)


def test_lost_client_keeps_nobody_waiting() -> None:
    """The answer that comes after is dropped, and a shutdown goes on."""

    async def walk(line: Line) -> None:
        line.send(SCAN)
        ending = asyncio.create_task(line.connection.shutdown(5))
        await line.settle()
        line.connection.connection_lost(None)
        assert line.state is ConnectionState.ENDED
        await asyncio.wait_for(ending, 1)
        assert line.answer() is ConnectionState.ENDED
        assert not line.wire.written

    on_a_line(walk)


@pytest.mark.parametrize("name", AIOHTTP_PRIVATE)
def test_the_installed_aiohttp_has_what_is_used(name: str) -> None:
    """Each private attribute, by name."""
    assert hasattr(RequestHandler, name), (
        f"aiohttp's RequestHandler has no {name} any more; Connection needs it:"
        f" {AIOHTTP_PRIVATE[name]}. Adapt connection.py before aiohttp's cap is raised."
    )


def test_the_installed_aiohttp_asks_before_an_answer_goes_out() -> None:
    """There our answers get the name of their server."""
    assert DoorRequest._prepare_hook is not web.BaseRequest._prepare_hook


def test_no_other_private_attribute_is_used() -> None:
    """Whatever private name `Connection` reads is its own or stands in the list."""
    ours = (Connection, SequentialHandler)
    own = {name for each in ours for name in (*each.__slots__, *vars(each))}
    used = {
        node.attr
        for each in ours
        for node in ast.walk(ast.parse(inspect.getsource(each)))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
        and node.attr.startswith("_")
    }
    assert used - own == set(AIOHTTP_PRIVATE)
