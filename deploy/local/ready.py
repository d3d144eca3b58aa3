"""Asks a child whether it is ready; the answer is None or one sentence that says why not.

Only questions through public doors; a child's inside is its own business. One child is given what
it lacks: a Redis without our functions gets them, whenever it is asked (docs/store-verifier.md).
"""

import asyncio
import contextlib
import ssl
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec
import redis.asyncio
import redis.exceptions
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from deploy.local.broker_probe import broker_context, exchange
from deploy.local.child import ChildAnswer, HttpReady, MqttReady, Ready, RedisReady, TcpReady
from deploy.local.outside import harmless
from deploy.local.ports import LOOPBACK
from deploy.words.phrase import Phrase
from runtime.functions import load_functions
from runtime.http.answers import read_whole

PROBE_SECONDS: Final = 3.0
"""One question; a service that takes longer to say that it is ready is not."""
MAX_ANSWER_BYTES: Final = 16_384
"""Read of a readiness answer; ours are a few hundred bytes."""


async def probe(ready: Ready) -> str | None:
    """Return None when ready, else a sentence."""
    return (await ask(ready)).problem


async def ask(ready: Ready) -> ChildAnswer:
    """Ask once; return what came of it."""
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            match ready:
                case HttpReady():
                    return await _http(ready)
                case TcpReady():
                    return await _tcp((LOOPBACK, port) for port in ready.ports)
                case MqttReady():
                    return await _mqtt(ready)
                case RedisReady():
                    return await _redis(ready)
    except TimeoutError:
        return _silent(Phrase("it did not answer within {seconds:g} s", seconds=PROBE_SECONDS))


def _silent(problem: str) -> ChildAnswer:
    return ChildAnswer(problem=problem, answered=False)


def _unasked(error: OSError, path: Path) -> ChildAnswer:
    """Say that a file of ours is missing or closed: of the child that says nothing."""
    return ChildAnswer(
        problem=Phrase(
            "`kapok up` cannot ask it: {path}: {why}",
            path=error.filename or path,
            why=error.strerror or type(error).__name__,
        )
    )


READY: Final = ChildAnswer(problem=None)
"""Nothing is wrong."""


async def _http(ready: HttpReady) -> ChildAnswer:
    connector = aiohttp.UnixConnector(str(ready.socket)) if ready.socket else None
    try:
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.get(ready.url) as answer,
        ):
            if answer.status == 200:
                return READY
            body = await read_whole(answer, MAX_ANSWER_BYTES)
            return ChildAnswer(problem=_sentence(body, answer.status))
    except (aiohttp.ClientError, OSError) as error:
        return _silent(
            Phrase(
                "its door {door} does not answer ({error})",
                door=ready.socket or ready.url,
                error=type(error).__name__,
            )
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


async def _tcp(doors: Iterable[tuple[str, int]]) -> ChildAnswer:
    for host, port in doors:
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError:
            return _silent(Phrase("nothing listens on port {port} yet", port=port))
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
    return READY


async def _mqtt(ready: MqttReady) -> ChildAnswer:
    try:
        context = broker_context(ready)
    except OSError as error:
        return _unasked(error, ready.key)
    try:
        refused = await exchange(ready.port, context)
    except ssl.SSLError as error:
        # It has a word to say: a certificate that has ended, ours or its own.
        return ChildAnswer(
            problem=Phrase(
                "the broker and `kapok up` do not take each other's certificates ({why})",
                why=getattr(error, "verify_message", "") or error.reason or type(error).__name__,
            )
        )
    except ConnectionRefusedError:
        return _silent(Phrase("nothing listens on port {port} yet", port=ready.port))
    except (OSError, EOFError) as error:
        return _silent(
            Phrase(
                "the broker does not answer on port {port} ({error})",
                port=ready.port,
                error=type(error).__name__,
            )
        )
    if refused:
        return ChildAnswer(
            problem=Phrase("the broker refuses `kapok up` (code {code})", code=refused)
        )
    return await _tcp(ready.doors)


async def _redis(ready: RedisReady) -> ChildAnswer:
    try:
        password = ready.password_file.read_text(encoding="ascii", errors="replace").strip()
    except OSError as error:
        return _unasked(error, ready.password_file)
    try:
        client = redis.asyncio.Redis(
            unix_socket_path=str(ready.socket),
            username=ready.user,
            password=password,
            retry=Retry(NoBackoff(), 0),  # whoever asks us asks again
        )
        async with client:
            try:
                await client.ping()
            except redis.exceptions.BusyLoadingError:
                return loading(await client.info("persistence"))
            await load_functions(client, ready.libraries)
    except redis.exceptions.BusyLoadingError:
        return ChildAnswer(problem=Phrase("it is loading its data"))
    except (redis.exceptions.AuthenticationError, redis.exceptions.ResponseError) as error:
        return ChildAnswer(
            problem=Phrase("it refuses `kapok up` on its socket ({error})", error=error.args[0])
        )
    except (redis.exceptions.RedisError, OSError) as error:
        return _silent(
            Phrase("it does not answer on its socket ({error})", error=type(error).__name__)
        )
    return READY


def loading(said: Mapping[str, Any]) -> ChildAnswer:
    """Say how far a store has loaded its data, by its INFO."""
    percent = said.get("loading_loaded_perc")
    if percent is None:  # it has just finished
        return ChildAnswer(problem=Phrase("it is loading its data"))
    return ChildAnswer(
        problem=Phrase("it is loading its data: {percent:.0f} %", percent=float(percent)),
        loaded_percent=float(percent),
    )
