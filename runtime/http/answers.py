"""The client's side of HTTP: an answer is read whole, within a bound."""

import aiohttp


async def read_answer(answer: aiohttp.ClientResponse, limit: int) -> bytes:
    """Read a body of at most `limit` bytes; one read of a stream returns what has come so far.

    Raises:
        aiohttp.ClientPayloadError: it is longer, or ended before it was whole.
    """
    parts, size = [], 0
    async for part in answer.content.iter_any():
        size += len(part)
        if size > limit:
            raise aiohttp.ClientPayloadError(f"the answer has over {limit} bytes")
        parts.append(part)
    return b"".join(parts)
