"""Challenges for holders' keys, each for one person and purpose, used by one request.

v:challenge:<challenge>        string: what it is for (MessagePack), until it expires
v:challenge-used:<challenge>   string: the request that used it, as long as an answer is kept
"""

from typing import Any, Final

import msgspec
from redis.asyncio import Redis

from verifier.contract.holder import Purpose

CHALLENGE_S: Final = 300
"""Seconds a challenge waits for its answer: a person finds the right button within them."""
USED_S: Final = 3600
"""Seconds its use is remembered: longer than it lives, as long as the answer to its request."""


class Challenge(msgspec.Struct, frozen=True, kw_only=True):
    """What a challenge was given out for."""

    purpose: Purpose
    person: int | None
    """None: somebody who has no index yet."""
    by: str
    """Who asked for it; nobody else may use it."""


_ENCODE: Final = msgspec.msgpack.Encoder().encode
_DECODE: Final = msgspec.msgpack.Decoder(Challenge).decode


async def keep_challenge(redis: Redis, challenge: bytes, what: Challenge) -> None:
    """Keep a challenge until it is used or expires."""
    await redis.set(f"v:challenge:{challenge.hex()}", _ENCODE(what), ex=CHALLENGE_S)


async def read_challenge(redis: Redis, challenge: bytes) -> Challenge | None:
    """Return what a challenge is for, None when it never was or has expired."""
    data: Any = await redis.get(f"v:challenge:{challenge.hex()}")
    return None if data is None else _DECODE(data)


async def use_challenge(redis: Redis, challenge: bytes, request: str) -> bool:
    """Use a challenge for a request; False: another one has. The same request may use it again."""
    used: Any = await redis.set(
        f"v:challenge-used:{challenge.hex()}", request, nx=True, get=True, ex=USED_S
    )
    return used is None or bool(used == request.encode())
