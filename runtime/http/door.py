"""A door: a listening socket, its bounds, and the way from a request to a handler.

Bounds on everything a client may do slowly or not at all: connections, half a request, an answer it
does not read. The table of routes is ours and small. Whatever a handler raises becomes a problem;
nothing of it reaches the caller.
"""

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web

from runtime import clock
from runtime.http.access import NOBODY, Caller, Keys
from runtime.http.connection import KEEPALIVE_S, Connection
from runtime.http.fast_handlers import FastHandlers
from runtime.http.heads import malformed
from runtime.http.limits import (
    MAX_CALLER_REQUESTS,
    MAX_REQUESTS,
    ConcurrencyLimit,
    DoorCounts,
)
from runtime.http.operations import Operation
from runtime.http.problems import Problem, problem_response
from runtime.http.requests import door_request, refuse_faulty
from runtime.http.routes import Route, Router, admit, refuse_unasked
from runtime.http.sequence import SequentialHandler, expects
from runtime.http.server import Server
from runtime.http.shares import ConnectionShares
from runtime.logs import Log

HANDSHAKE_S: Final = 10.0
"""Seconds for a TLS handshake."""
BACKLOG: Final = 1024
"""Connections that the kernel holds until they are accepted."""
_SWEEP_S: Final = 1.0


class Door:
    """One listening address; with `keys` None, callers are terminals with certificates."""

    def __init__(
        self,
        routes: Sequence[Route],
        keys: Keys | None,
        *,
        log: Log,
        counts: DoorCounts,
        store_name: Callable[[], str | None] = lambda: None,
        shares: ConnectionShares | None = None,
        bars: Callable[[Caller], Problem | None] = lambda _: None,
    ) -> None:
        """Make a door; `bars` says why the peer of a certificate may not be here, or None."""
        self._keys = keys
        self._log = log
        self._counts = counts
        self._router = Router(routes)
        self._places = {
            route.operation.name: ConcurrencyLimit(
                MAX_REQUESTS, counts, a_caller=MAX_CALLER_REQUESTS
            )
            for route in routes
        }
        """By operation; who has its share of one is told so, and takes no place of others."""
        self._lanes = FastHandlers(
            {r.operation.path: r.lane for r in routes if r.lane is not None},
            None if keys is None else keys.named,
            self._failed,
            store_name,
            ConnectionShares() if shares is None else shares,
            bars,
            counts.refusals,
        )
        self._server: Server | None = None
        self._listener: asyncio.Server | None = None
        self._sweeper: asyncio.Task[None] | None = None

    async def open(self, sock: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        """Listen on a bound socket."""
        self._server = Server(
            self._dated,
            lanes=self._lanes,
            request_factory=door_request,
            access_log=None,
            keepalive_timeout=KEEPALIVE_S,
            auto_decompress=False,
        )
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._loop_failed)
        self._sweeper = asyncio.create_task(self._sweep(self._server))
        if sock.family == socket.AF_UNIX:
            self._listener = await loop.create_unix_server(self._server, sock=sock, backlog=BACKLOG)
            return
        self._listener = await loop.create_server(
            self._server,
            sock=sock,
            ssl=tls,
            backlog=BACKLOG,
            ssl_handshake_timeout=None if tls is None else HANDSHAKE_S,
        )

    def _loop_failed(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Count a connection that could not be taken for want of files; else as always."""
        error = context.get("exception")
        if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
            self._counts.refusals.note()
            self._log.error("http.no_files", exc_info=error)
        else:
            loop.default_exception_handler(context)

    async def close(self, seconds: float) -> None:
        """Stop listening, let open requests finish for some seconds, end all connections."""
        if self._listener is not None:
            self._listener.close()
        if self._sweeper is not None:
            self._sweeper.cancel()
        if self._server is not None:
            self._server.pre_shutdown()
            await self._server.shutdown(seconds)

    async def _sweep(self, server: Server) -> None:
        """End connections of clients that are overdue, or that may be here no longer."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_SWEEP_S)
            now, wall = loop.time(), clock.now()
            for connection in server.connections:
                if not isinstance(connection, Connection):
                    continue
                if connection.overdue(now) or connection.ended(wall):
                    connection.cut()
                else:
                    connection.leave_if_barred()

    async def _dated(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer with our own time: the library's is the machine's, which a step makes wrong."""
        response = await self._handle(request)
        if not response.prepared:
            response.headers["Date"] = clock.http_date()
        return response

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            refuse_faulty(request)
            path = request.raw_path.partition("?")[0]
            route, variable = self._router.find(request.method, path)
            caller = NOBODY
            if route.operation.identified:
                caller = self._identify(request)
                admit(route.operation, caller)
            refuse_unasked(route.operation, request)
            if expects(request):
                _invite(route.operation, request)
            if not route.operation.identified:
                return await route.handler(request, caller, variable)
            with self._places[route.operation.name].one(caller.share):
                return await route.handler(request, caller, variable)
        except ConnectionError:
            raise
        except web.RequestPayloadError:
            return problem_response(self._failed(malformed()))
        except Exception as error:  # noqa: BLE001 - the last line of defence
            response = problem_response(self._failed(error))
            if expects(request):
                response.force_close()  # the body that it kept back may come, or may not
            return response

    def _identify(self, request: web.BaseRequest) -> Caller:
        connection = request.protocol
        if self._keys is not None:
            found = self._keys.caller(request)
            if isinstance(connection, Connection):
                connection.belong(found)
            return found
        caller = connection.caller if isinstance(connection, Connection) else None
        if caller is None:
            raise Problem(HTTPStatus.FORBIDDEN, "certificate.unusable")
        return caller

    def _failed(self, error: Exception) -> Problem:
        """Count a problem; what is none is a fault of ours, logged with its trace."""
        problem = error if isinstance(error, Problem) else None
        if problem is None:
            self._log.error("http.failed", exc_info=error)
            problem = Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal")
        self._counts.problem(problem.code)
        return problem


def _invite(operation: Operation, request: web.BaseRequest) -> None:
    """Ask for a body that a client keeps back, unless its length alone will refuse it."""
    body, connection = operation.body, request.protocol
    length = request.content_length or 0
    if body is not None and length <= body.limit and isinstance(connection, SequentialHandler):
        connection.invite()


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
