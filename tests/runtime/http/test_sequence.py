"""Requests sent ahead: each is read when the one before is answered, wherever bytes are cut."""

import asyncio
from typing import Final

import pytest

from tests.runtime.http.test_door import KEYS, Connect, at_a_door

GOOD: Final = f"Host: x\r\nAuthorization: Bearer {KEYS['a']}\r\nContent-Type: application/json\r\n"
LENGTH: Final = f"POST /long HTTP/1.1\r\n{GOOD}Content-Length: 8\r\n\r\n\r\n\r\n\r\n{{}}".encode()
CHUNKS: Final = (
    f"POST /long HTTP/1.1\r\n{GOOD}Transfer-Encoding: chunked\r\n\r\n"
    "1\r\n{\r\n4;a=b\r\n\r\n\r\n\r\n1\r\n}\r\n0\r\nTrailer: x\r\n\r\n"
).encode()
BAD: Final = b"\x16\x03\x01\r\n\r\n"
SENT: Final = LENGTH + CHUNKS + LENGTH + BAD
STATUSES: Final = [200, 200, 200, 400]


async def statuses(connect: Connect, pieces: tuple[bytes, ...]) -> list[int]:
    """Send pieces one after the other; returns the statuses of all answers until the end."""
    reader, writer = await connect()
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0)
    data = await asyncio.wait_for(reader.read(), 5)
    return [int(part[2:5]) for part in data.split(b"HTTP/1.")[1:]]


def test_a_bad_request_spoils_itself_alone_in_one_piece() -> None:
    """And what is behind it."""

    async def scene(connect: Connect) -> None:
        assert await statuses(connect, (SENT + LENGTH,)) == STATUSES

    at_a_door(scene)


@pytest.mark.parametrize("first", range(40))
def test_it_does_so_wherever_the_network_cuts(first: int) -> None:
    """In two pieces, at each place."""

    async def scene(connect: Connect) -> None:
        for at in range(first, len(SENT), 40):
            assert await statuses(connect, (SENT[:at], SENT[at:])) == STATUSES

    at_a_door(scene)


def test_it_does_so_byte_by_byte() -> None:
    """As a slow line sends it."""

    async def scene(connect: Connect) -> None:
        sent = SENT.removesuffix(BAD) + BAD[:1]
        assert await statuses(connect, tuple(bytes((byte,)) for byte in sent)) == STATUSES

    at_a_door(scene)
