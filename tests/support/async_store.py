"""The store as the product opens it, for a test's coroutine."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from redis.asyncio import Redis

from runtime.settings import RedisSettings
from runtime.store import open_store
from tests.support.redis_server import RedisServer

Result = TypeVar("Result")


def with_store(
    server: RedisServer, call: Callable[[Redis], Awaitable[Result]], *, user: str = "issuing"
) -> Result:
    """Run a coroutine with a client of one role."""

    async def run() -> Result:
        redis = open_store(
            RedisSettings(
                socket=str(server.socket),
                user=user,
                password_file=str(server.password_file(user)),
            )
        )
        try:
            return await call(redis)
        finally:
            await redis.aclose()

    return asyncio.run(run())
