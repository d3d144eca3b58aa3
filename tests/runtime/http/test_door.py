"""A door in this process, with few connections, so that its bounds are reached at once."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from enum import StrEnum
from http import HTTPStatus

from aiohttp import web

from runtime.http.access import Caller, Keys, ShownToken, TokenReader
from runtime.http.bodies import json_response, read_json
from runtime.http.door import Door, bound_socket
from runtime.http.lane import Lane, Respond, response
from runtime.http.operations import Operation, OperationArea, Reply, RequestBody, service
from runtime.http.problems import Problem
from runtime.http.routes import bind
from runtime.http.shares import ConnectionShares
from runtime.logs import open_log
from runtime.settings import ApiKey
from tests.support.door_counts import DoorTally

ALL = 6
A_CALLER = 3
KEYS = {name: f"key_{name}_" + "s" * 40 for name in ("a", "b")}


class Right(StrEnum):
    """Scopes of nobody."""

    READ = "read"

    @property
    def only_operators(self) -> bool:
        """A key may have it."""
        return False


def no_token(_: str) -> ShownToken:
    """Refuse every token."""
    raise Problem(HTTPStatus.UNAUTHORIZED, "token.bad")


def lane(caller: Caller, _: str, body: bytes, respond: Respond) -> None:
    """Answer who calls."""
    del body
    respond(response(200, caller.name.encode()))


async def long_way(request: web.BaseRequest, caller: Caller, _: str) -> web.Response:
    """Answer who calls."""
    await read_json(request, 100)
    return json_response(caller.name)


ROWS = tuple(
    Operation(
        method="POST",
        path=f"/{name}",
        name=name,
        says="Say who calls.",
        area=OperationArea.CITY,
        callers=(service(Right.READ),),
        body=RequestBody(type=dict, limit=100),
        replies={200: Reply("Who.", str)},
    )
    for name in ("lane", "long")
)

Connected = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[[], Awaitable[Connected]]


def at_a_door(scene: Callable[[Connect], Awaitable[None]]) -> None:
    """Play a scene at a door with few connections."""

    async def play() -> None:
        keys = (
            ApiKey(
                name=name, sha256=hashlib.sha256(text.encode()).hexdigest(), scopes=(Right.READ,)
            )
            for name, text in KEYS.items()
        )
        door = Door(
            bind(ROWS, {"lane": long_way, "long": long_way}, {"lane": Lane(lane, str)}),
            Keys(keys, TokenReader(prefix="tok.", read=no_token)),
            log=open_log("test"),
            counts=DoorTally(),
            shares=ConnectionShares(ALL, A_CALLER),
        )
        listening = bound_socket("127.0.0.1", 0)
        port = listening.getsockname()[1]
        await door.open(listening)
        opened: list[Connected] = []

        async def connect() -> Connected:
            opened.append(await asyncio.open_connection("127.0.0.1", port))
            await asyncio.sleep(0.01)  # the door's side of it
            return opened[-1]

        try:
            await scene(connect)
        finally:
            for _, writer in opened:
                writer.close()
            await door.close(0.1)

    asyncio.run(play())


async def ask(connected: Connected, path: str, name: str = "a") -> int:
    """Make a request; returns the status of its answer."""
    reader, writer = connected
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEYS[name]}\r\n"
    writer.write(f"{head}Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}".encode())
    answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    length = int(answer.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    await reader.readexactly(length)
    return int(answer.split()[1])


async def ended(connected: Connected) -> bool:
    """Say whether a connection ends at once."""
    try:
        return await asyncio.wait_for(connected[0].read(1), 0.3) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


def test_a_caller_s_busy_connections_are_bounded() -> None:
    """One too many is told so, by the lane and the long way; another caller is served."""

    async def scene(connect: Connect) -> None:
        head = f"POST /long HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEYS['a']}\r\n"
        head += "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n"
        for _ in range(A_CALLER):
            _, writer = await connect()
            writer.write(head.encode())  # its body does not come yet
        more = await connect()
        assert [await ask(more, path) for path in ("/lane", "/long")] == [429, 429]
        assert await ask(more, "/lane", "b") == 200
        assert await ask(more, "/long", "b") == 200

    at_a_door(scene)


def test_a_caller_s_idle_connection_makes_room_for_its_newest() -> None:
    """The oldest is ended."""

    async def scene(connect: Connect) -> None:
        old = [await connect() for _ in range(A_CALLER)]
        assert [await ask(one, "/lane") for one in old] == [200] * A_CALLER
        newest = await connect()
        assert await ask(newest, "/lane") == 200
        assert [await ended(one) for one in old] == [True, False, False]

    at_a_door(scene)


def test_an_address_s_silent_connections_are_bounded() -> None:
    """The oldest is ended for the newest; who has authenticated stays."""

    async def scene(connect: Connect) -> None:
        known = await connect()
        assert await ask(known, "/long") == 200
        silent = [await connect() for _ in range(A_CALLER)]
        newest = await connect()
        assert [await ended(one) for one in silent] == [True, False, False]
        assert await ask(newest, "/lane", "b") == 200
        assert await ask(known, "/lane") == 200

    at_a_door(scene)


def test_a_caller_that_leaves_gives_its_connections_back() -> None:
    """They count while they are open."""

    async def scene(connect: Connect) -> None:
        for _ in range(3 * A_CALLER):
            each = await connect()
            assert await ask(each, "/lane") == 200
            each[1].close()
            await each[1].wait_closed()
            await asyncio.sleep(0.01)

    at_a_door(scene)
