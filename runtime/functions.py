"""Function libraries inside Redis: one user loads them, all others only ask for their version.

A library carries the digest of its own code in a function `<name>_version`, so that whoever may
only call functions can tell whether exactly this code is there. Loading is the work of whoever
starts Redis, with a password that no service has: who may load a library may replace any function.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import NoPermissionError, ResponseError

_VERSION: Final = """
redis.register_function{{
  function_name = '{name}_version', callback = function() return '{digest}' end,
  flags = {{ 'no-writes' }},
}}
"""


class FunctionsMissingError(Exception):
    """The store has no functions, or those of another version of this program."""


def versioned(name: str, code: str) -> str:
    """Return a library's code with the function that names its version."""
    digest = hashlib.sha256(code.encode()).hexdigest()
    return code + _VERSION.format(name=name, digest=digest)


async def missing_functions(redis: Redis, libraries: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of the libraries, name to versioned code, that are not there as they are.

    Raises:
        RedisError: the store is away, or this user may not call functions.
    """
    pipeline: Any = redis.pipeline(transaction=False)
    for name in libraries:
        pipeline.execute_command("FCALL_RO", f"{name}_version", 0)
    found: list[Any] = await pipeline.execute(raise_on_error=False)
    missing = []
    for (name, code), answer in zip(libraries.items(), found, strict=True):
        if isinstance(answer, NoPermissionError) or (
            isinstance(answer, Exception) and not isinstance(answer, ResponseError)
        ):
            raise answer
        if isinstance(answer, Exception) or f"'{answer.decode()}'" not in code:
            missing.append(name)
    return tuple(missing)


async def check_functions(redis: Redis, libraries: Mapping[str, str]) -> None:
    """Refuse a store that lacks our functions.

    Raises:
        FunctionsMissingError: it lacks some.
        RedisError: it is away.
    """
    missing = await missing_functions(redis, libraries)
    if missing:
        raise FunctionsMissingError(
            f"Redis lacks the functions {', '.join(missing)} of this version:"
            " whoever starts Redis loads them"
        )


async def load_functions(redis: Redis, libraries: Mapping[str, str]) -> bool:
    """Load the libraries that are not there as they are; return whether any was loaded.

    Raises:
        RedisError: the store is away, or this user may not load functions.
    """
    missing = await missing_functions(redis, libraries)
    for name in missing:
        await redis.function_load(libraries[name], replace=True)
    return bool(missing)
