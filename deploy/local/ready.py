"""Asks a child whether it is ready; the answer is None or one sentence that says why not.

Only questions through public doors; a child's inside is its own business. One child is given what
it lacks: a Redis without our functions gets them, whenever it is asked (docs/store-verifier.md).
"""

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Any, Final

import aiohttp
import msgspec
import redis.asyncio
import redis.exceptions
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from deploy.local.child import HttpReady, Ready, RedisReady, TcpReady
from deploy.local.outside import harmless
from deploy.local.ports import LOOPBACK
from deploy.words.phrase import Phrase
from runtime.functions import load_functions
from runtime.http.answers import read_answer

PROBE_SECONDS: Final = 3.0
"""One question; a service that takes longer to say that it is ready is not."""
MAX_ANSWER_BYTES: Final = 16_384
"""Read of a readiness answer; ours are a few hundred bytes."""


async def probe(ready: Ready) -> str | None:
    """Return None when ready, else a sentence."""
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            match ready:
                case HttpReady():
                    return await _http(ready)
                case TcpReady():
                    return await _tcp(ready)
                case RedisReady():
                    return await _redis(ready)
    except TimeoutError:
        return Phrase("it did not answer within {seconds:g} s", seconds=PROBE_SECONDS)


async def _http(ready: HttpReady) -> str | None:
    connector = aiohttp.UnixConnector(str(ready.socket)) if ready.socket else None
    try:
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.get(ready.url) as answer,
        ):
            if answer.status == 200:
                return None
            return _sentence(await read_answer(answer, MAX_ANSWER_BYTES), answer.status)
    except (aiohttp.ClientError, OSError) as error:
        return Phrase(
            "its door {door} does not answer ({error})",
            door=ready.socket or ready.url,
            error=type(error).__name__,
        )


def _sentence(body: bytes, status: int) -> str:
    """Take the reason out of a readiness answer: `problems`, or problem+json."""
    found: Any = None
    with contextlib.suppress(msgspec.DecodeError):
        found = harmless(msgspec.json.decode(body))
    if isinstance(found, dict):
        problems = found.get("problems")
        if isinstance(problems, list) and problems:
            return "; ".join(_words(problems))
        for member in ("detail", "code", "title"):
            if isinstance(found.get(member), str) and found[member]:
                return Phrase("not ready: {why}; its log says why", why=found[member])
    return Phrase("answers {status} when asked whether it is ready", status=status)


def _words(problems: Iterable[Any]) -> Iterable[str]:
    for problem in problems:
        if isinstance(problem, dict):
            yield str(problem.get("detail") or problem.get("title") or problem.get("code"))
        else:
            yield str(problem)


async def _tcp(ready: TcpReady) -> str | None:
    for port in ready.ports:
        try:
            _, writer = await asyncio.open_connection(LOOPBACK, port)
        except OSError:
            return Phrase("nothing listens on port {port} yet", port=port)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
    return None


async def _redis(ready: RedisReady) -> str | None:
    try:
        password = ready.password_file.read_text(encoding="ascii").strip()
        client = redis.asyncio.Redis(
            unix_socket_path=str(ready.socket),
            username=ready.user,
            password=password,
            retry=Retry(NoBackoff(), 0),  # whoever asks us asks again
        )
        async with client:
            await client.ping()
            await load_functions(client, ready.libraries)
    except redis.exceptions.BusyLoadingError:
        return Phrase("it is loading its data")
    except (redis.exceptions.RedisError, OSError) as error:
        return Phrase("it does not answer on its socket ({error})", error=type(error).__name__)
    return None
