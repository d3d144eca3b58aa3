"""A door whose answers come in pieces, as those of a busy process do over a real network."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec

PAUSE_S: Final = 0.02
"""Seconds between two pieces: who takes one for the whole has gone on by then."""
PIECES: Final = 3


@asynccontextmanager
async def piecemeal_door(answers: Mapping[str, Any], *, status: int = 200) -> AsyncIterator[str]:
    """Serve JSON by path (with its query) on a port; yields the door's URL."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode()
        body = msgspec.json.encode(answers.get(path, {}))
        head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode())
        for first in range(0, len(body), step := len(body) // PIECES + 1):
            writer.write(body[first : first + step])
            await writer.drain()
            await asyncio.sleep(PAUSE_S)
        writer.close()
        await writer.wait_closed()

    serving: set[asyncio.Task[None]] = set()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.ensure_future(serve(reader, writer)))

    server = await asyncio.start_server(begin, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
        for ended in await asyncio.gather(*serving, return_exceptions=True):
            assert ended is None or isinstance(ended, ConnectionError), ended  # it had enough
