"""Answers of other doors, read whole: a body comes in pieces, and one read is one piece."""

import aiohttp


async def read_whole(answer: aiohttp.ClientResponse, most: int) -> bytes:
    """Read the body of an answer to its end; at most `most` bytes.

    Raises:
        aiohttp.ClientPayloadError: it is longer, or the connection ended before its end.
    """
    body = bytearray()
    while piece := await answer.content.read(most + 1 - len(body)):
        body += piece
        if len(body) > most:
            raise aiohttp.ClientPayloadError(f"an answer of more than {most} bytes")
    return bytes(body)
