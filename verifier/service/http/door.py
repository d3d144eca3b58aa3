"""A door: a listening socket, its bounds, and the way from a request to a handler.

Bounds on everything a client may do slowly or not at all: connections, half a request, an answer it
does not read. aiohttp's low-level server is used; the table of routes is ours and small. Whatever a
handler raises becomes a problem; nothing of it reaches the caller.
"""

import asyncio
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from verifier.service.http.access import Caller, terminal_caller
from verifier.service.http.bodies import READ_S
from verifier.service.http.problems import Problem, problem_response
from verifier.service.logs import Log
from verifier.service.metrics import Metrics

KEEPALIVE_S: Final = 75.0
"""Seconds an idle connection is kept; a gate scans more often than that when it is used."""
BUSY_S: Final = 30.0
"""Seconds without progress of one request; then its connection is ended."""
HANDSHAKE_S: Final = 10.0
"""Seconds for a TLS handshake."""
MAX_CONNECTIONS: Final = 4096
"""Open connections of one door of one worker; about 20 KB each."""
MAX_BODY_BYTES: Final = 2 * 1024 * 1024
"""Octets of any body; handlers have tighter bounds."""
BACKLOG: Final = 1024
"""Connections that the kernel holds until they are accepted."""
_SWEEP_S: Final = 1.0

Handler = Callable[[web.BaseRequest, Caller | None, str], Awaitable[web.StreamResponse]]
"""Takes the request, who calls (None: nobody was asked), and the variable part of the path."""
Identify = Callable[[web.BaseRequest], Caller]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A method and path; `{}` in the path stands for one variable segment."""

    method: str
    path: str
    handler: Handler
    public: bool = False
    """Nobody is asked who they are: health and metrics."""


class Connection(RequestHandler):
    """A client's connection; knows its terminal, and since when it owes something."""

    __slots__ = ("caller", "half_since", "request_since", "requests_seen")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.caller: Caller | None = None
        self.half_since: float | None = None
        self.request_since = 0.0
        self.requests_seen = -1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note who it is; one too many is ended at once."""
        super().connection_made(transport)
        server = self._manager
        if server is not None and len(server.connections) > MAX_CONNECTIONS:
            self.force_close()
            return
        tls = transport.get_extra_info("ssl_object")
        if tls is not None:
            self.caller = terminal_caller(tls)

    def data_received(self, data: bytes) -> None:
        """Take bytes, and note when a request stays half."""
        super().data_received(data)
        if self._messages or self._request_in_progress:
            self.half_since = None
        elif self.half_since is None:
            self.half_since = self._loop.time()

    def progressed(self) -> None:
        """Say that the client took a part of a long answer."""
        self.request_since = self._loop.time()

    def overdue(self, now: float) -> bool:
        """Say whether the client has kept us waiting for too long."""
        if self._request_in_progress:
            if self.requests_seen != self._request_count:
                self.requests_seen, self.request_since = self._request_count, now
            return now - self.request_since > BUSY_S
        waiting = self._waiter is not None and not self._waiter.done()
        return waiting and self.half_since is not None and now - self.half_since > READ_S

    def cut(self) -> None:
        """End the connection at once."""
        transport = self.transport
        self.force_close()
        if isinstance(transport, asyncio.Transport):
            transport.abort()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is not HTTP with a problem; aiohttp's text would quote the input."""
        del request, exc, message
        response = problem_response(Problem(HTTPStatus(status), "request.malformed"))
        response.force_close()
        return response


class _Server(web.Server):
    def __call__(self) -> Connection:
        """Make the protocol of a new connection."""
        return Connection(self, loop=self._loop, **self._kwargs)


class Door:
    """One listening address."""

    def __init__(
        self, routes: Sequence[Route], identify: Identify, *, log: Log, metrics: Metrics
    ) -> None:
        self._identify = identify
        self._log = log
        self._metrics = metrics
        self._exact = {(r.method, r.path): r for r in routes if "{}" not in r.path}
        self._patterns = [
            (re.compile(re.escape(r.path).replace(r"\{\}", "([A-Za-z0-9_.-]{1,64})")), r)
            for r in routes
            if "{}" in r.path
        ]
        self._server: _Server | None = None
        self._listener: asyncio.Server | None = None
        self._sweeper: asyncio.Task[None] | None = None

    async def open(self, sock: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        """Listen on a bound socket."""
        self._server = _Server(
            self._handle,
            request_factory=_request,
            access_log=None,
            keepalive_timeout=KEEPALIVE_S,
            auto_decompress=False,
        )
        self._listener = await asyncio.get_running_loop().create_server(
            self._server,
            sock=sock,
            ssl=tls,
            backlog=BACKLOG,
            ssl_handshake_timeout=None if tls is None else HANDSHAKE_S,
        )
        self._sweeper = asyncio.create_task(self._sweep(self._server))

    async def close(self, seconds: float) -> None:
        """Stop listening, let open requests finish for some seconds, end all connections."""
        if self._listener is not None:
            self._listener.close()
        if self._sweeper is not None:
            self._sweeper.cancel()
        if self._server is not None:
            self._server.pre_shutdown()
            await self._server.shutdown(seconds)

    async def _sweep(self, server: _Server) -> None:
        """End connections of clients that stopped reading or never finish a request."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_SWEEP_S)
            now = loop.time()
            for connection in server.connections:
                if isinstance(connection, Connection) and connection.overdue(now):
                    connection.cut()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            path = request.raw_path.partition("?")[0]
            route = self._exact.get((request.method, path))
            variable = ""
            if route is None:
                route, variable = self._find(request.method, path)
            caller = None if route.public else self._identify(request)
            return await route.handler(request, caller, variable)
        except Problem as problem:
            self._metrics.count(self._metrics.problems, problem.code)
            return problem_response(problem)
        except ConnectionError:
            raise
        except Exception:  # noqa: BLE001 - the last line of defence; logged with its trace
            self._log.exception("http.failed", method=request.method)
            self._metrics.count(self._metrics.problems, "internal")
            return problem_response(Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal"))

    def _find(self, method: str, path: str) -> tuple[Route, str]:
        allowed = {known for known, exact in self._exact if exact == path}
        for pattern, route in self._patterns:
            found = pattern.fullmatch(path)
            if found is not None:
                if route.method == method:
                    return route, found[1]
                allowed.add(route.method)
        if allowed:
            headers = {"Allow": ", ".join(sorted(allowed))}
            raise Problem(HTTPStatus.METHOD_NOT_ALLOWED, "method.unknown", headers=headers)
        raise Problem(HTTPStatus.NOT_FOUND, "path.unknown")


def connection_caller(request: web.BaseRequest) -> Caller:
    """Return the terminal of the request's connection.

    Raises:
        Problem: 403 certificate.unusable.
    """
    connection = request.protocol
    caller = connection.caller if isinstance(connection, Connection) else None
    if caller is None:
        raise Problem(HTTPStatus.FORBIDDEN, "certificate.unusable")
    return caller


def bound_socket(host: str, port: int) -> socket.socket:
    """Bind a TCP socket that other workers may share.

    Raises:
        OSError: the address is taken by somebody else.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind((host, port))
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock


def _request(
    message: Any, payload: Any, protocol: Any, writer: Any, task: "asyncio.Task[None]"
) -> web.BaseRequest:
    return web.BaseRequest(
        message,
        payload,
        protocol,
        writer,
        task,
        asyncio.get_running_loop(),
        client_max_size=MAX_BODY_BYTES,
    )
