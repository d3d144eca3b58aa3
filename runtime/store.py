"""Opening the store, and refusing one that would forget what it acknowledged."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from redis.asyncio import Redis, UnixDomainSocketConnection
from redis.asyncio.connection import BlockingConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import BusyLoadingError, RedisError

from runtime.functions import FunctionsMissingError, check_functions
from runtime.settings import RedisSettings, SettingsError, read_secret

MAX_CONNECTIONS: Final = 16
"""Followers, record readers and readiness; scans have a connection of their own."""
TIMEOUT_S: Final = 2.0
"""Seconds until a silent Redis counts as away."""
_NEVER_AGAIN: Final = 0
"""How often a command that was not answered is sent again: a store that stood still has it, and
does it when it goes on. Sent twice, a write is done twice."""
START_WAIT_S: Final = 20.0
"""Seconds a process waits at its start for a store that is starting beside it."""
LOADING_LOOK_S: Final = 1.0
"""Seconds between questions to a store that is loading its data."""
MIN_VERSION: Final = 7
"""Functions and EXPIRE NX came with Redis 7.0."""


class NotDurableError(Exception):
    """Redis runs in a way that would lose what was acknowledged; the text says what to set."""


def open_store(
    settings: RedisSettings,
    *,
    most: int = MAX_CONNECTIONS,
    silent_s: float = TIMEOUT_S,
) -> Redis:
    """Return a client; connects on first use, anew after every failure; sends nothing twice.

    A call that fails may have been carried out, or may yet be. Whoever called knows whether it may
    be made again.

    Args:
        settings: where the store is, and as whom to enter.
        most: connections open at once; who finds none free waits for one, `silent_s` at most.
        silent_s: seconds until a silent Redis counts as away.

    Raises:
        SettingsError: the password file cannot be read.
    """
    pool = BlockingConnectionPool(
        connection_class=UnixDomainSocketConnection,
        path=settings.socket,
        username=settings.user,
        password=read_secret(settings.password_file, "redis.password_file"),
        max_connections=most,
        timeout=silent_s,
        socket_timeout=silent_s,
        protocol=2,
        retry=Retry(NoBackoff(), _NEVER_AGAIN),
    )
    return Redis.from_pool(pool)


async def await_store(redis: Redis) -> None:
    """Wait a while for the store, which may be starting beside us, and as long as it is loading.

    Raises:
        SettingsError: it did not come.
    """
    deadline = asyncio.get_running_loop().time() + START_WAIT_S
    while True:
        try:
            await redis.ping()
        except BusyLoadingError:  # it answers; `kapok up` sees to it that it comes forward
            deadline = asyncio.get_running_loop().time() + START_WAIT_S
            await asyncio.sleep(LOADING_LOOK_S)
        except (RedisError, OSError):
            if asyncio.get_running_loop().time() > deadline:
                raise SettingsError("$.redis: the store does not answer") from None
            await asyncio.sleep(0.1)
        else:
            return


async def await_functions(redis: Redis, libraries: Mapping[str, str]) -> None:
    """Wait a while for the functions, which whoever starts the store may be loading beside us.

    Raises:
        SettingsError: they did not come.
    """
    deadline = asyncio.get_running_loop().time() + START_WAIT_S
    while True:
        try:
            await check_functions(redis, libraries)
        except FunctionsMissingError as error:
            if asyncio.get_running_loop().time() > deadline:
                raise SettingsError(f"$.redis: {error}") from None
        except (RedisError, OSError):
            if asyncio.get_running_loop().time() > deadline:
                raise SettingsError("$.redis: the store does not answer") from None
        else:
            return
        await asyncio.sleep(0.1)


async def check_durable(redis: Redis) -> None:
    """Refuse a Redis that is too old or does not write through on every write.

    Raises:
        NotDurableError: it would forget.
        RedisError: it is away.
    """
    config = await redis.config_get("appendonly", "appendfsync")
    persistence = await redis.info("persistence")
    server = await redis.info("server")
    judge_durable(
        {_text(name): _text(value) for name, value in dict(config).items()},
        str(server.get("redis_version", "0")),
        str(persistence.get("aof_last_write_status", "")),
    )


async def check_room(redis: Redis) -> None:
    """Refuse a Redis that takes no more: it would answer every scan with an error.

    Raises:
        NotDurableError: it is full.
        RedisError: it is away.
    """
    judge_room({str(name): value for name, value in (await redis.info("memory")).items()})


async def read_store_name(redis: Redis) -> str | None:
    """Return what tells one store from its successor; None: it has no copy that could succeed it.

    Redis gives a copy that takes over another replication id. What it had not received is lost, so
    whoever sees another name sends its last records again.

    Raises:
        RedisError: it is away.
    """
    replication = await redis.info("replication")
    followed = int(replication.get("connected_slaves", 0)) > 0
    succeeded = str(replication.get("master_replid2", "")).strip("0") != ""
    return str(replication["master_replid"]) if followed or succeeded else None


def judge_room(memory: Mapping[str, Any]) -> None:
    """Judge what a Redis says of its memory.

    Raises:
        NotDurableError: it is full.
    """
    most = int(memory.get("maxmemory", 0))
    used = int(memory.get("used_memory", 0)) - int(memory.get("mem_not_counted_for_evict", 0))
    if most and used >= most:
        raise NotDurableError("Redis is full: raise its `maxmemory`, or give it a larger machine")


def judge_durable(config: Mapping[str, str], version: str, last_write: str) -> None:
    """Judge what a Redis says of itself.

    Raises:
        NotDurableError: it would forget.
    """
    if int(version.split(".", 1)[0]) < MIN_VERSION:
        raise NotDurableError(f"Redis {version} is too old: {MIN_VERSION} or newer is needed")
    for name, wanted in (("appendonly", "yes"), ("appendfsync", "always")):
        if config.get(name) != wanted:
            raise NotDurableError(f"Redis must run with `{name} {wanted}`")
    if last_write != "ok":
        raise NotDurableError("Redis could not write its append-only file: look at its disk")


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
