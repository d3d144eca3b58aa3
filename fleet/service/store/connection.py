"""Opening the store, and refusing one that would forget what it acknowledged."""

from pathlib import Path
from typing import Any, Final

from redis.asyncio import Redis, UnixDomainSocketConnection
from redis.asyncio.connection import ConnectionPool
from redis.exceptions import RedisError

from fleet.service.settings import RedisSettings, SettingsError

MAX_CONNECTIONS: Final = 64
"""One writer, leases and HTTP readers; more would only queue inside Redis."""
TIMEOUT_S: Final = 5.0
"""Seconds until a silent Redis counts as away."""


class NotDurableError(Exception):
    """Redis runs without an append-only file that is written through on every write."""


def open_store(settings: RedisSettings) -> Redis:
    """Return a client; connects on first use.

    Raises:
        SettingsError: the password file cannot be read.
    """
    try:
        password = Path(settings.password_file).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SettingsError(f"$.redis.password_file: {error.strerror}") from error
    pool = ConnectionPool(
        connection_class=UnixDomainSocketConnection,
        path=settings.socket,
        username=settings.user,
        password=password,
        max_connections=MAX_CONNECTIONS,
        socket_timeout=TIMEOUT_S,
    )
    return Redis.from_pool(pool)


async def check_durable(redis: Redis) -> None:
    """Refuse a Redis without AOF and `appendfsync always`.

    Raises:
        NotDurableError: it would forget.
        RedisError: it is away.
    """
    config = await redis.config_get("appendonly", "appendfsync")
    found = {_text(name): _text(value) for name, value in dict(config).items() if value}
    if found.get("appendonly") != "yes" or found.get("appendfsync") != "always":
        raise NotDurableError("Redis needs appendonly yes and appendfsync always")


async def is_durable(redis: Redis) -> bool:
    """Return whether the store answers and is durable."""
    try:
        await check_durable(redis)
    except (RedisError, NotDurableError, OSError):
        return False
    return True


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
