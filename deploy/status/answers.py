"""Asks the doors of a house all at once; a door that does not answer is an answer too.

Reads only. Each question has a short time-out, so that one frozen process hides nothing else.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import BusyLoadingError, RedisError

from deploy.local import pidfile
from deploy.local.house import API_KEY, Endpoints
from deploy.local.outside import harmless
from deploy.local.passwords import read_secret
from deploy.local.ready import loading, probe
from deploy.local.store_users import STATUS
from deploy.local.table import broker_ready
from deploy.words.phrase import Phrase
from runtime.http.answers import read_whole
from runtime.http.health import files_scarce
from runtime.open_files import open_files
from verifier.service.store.budgets import SpentRow, read_spent

ASK_S: Final = 3.0
"""Seconds for one answer: a process that takes longer to say how it is, is not well."""
MAX_ANSWER_BYTES: Final = 4 * 2**20
"""Bytes read of one answer."""
MAX_PAGES: Final = 40
"""Pages of 500 terminals: more than a city has gates."""

_WITHOUT_HEALTH: Final = ("redis", "mosquitto")
"""Processes that have no door of health."""

Answer = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What a door said."""

    status: int = 0
    """0: it does not answer."""
    body: Answer = field(default_factory=dict)
    why: str = ""
    """Why there is no answer."""
    at: float | None = None
    """Unix seconds by the door's clock, which follows no step of the machine's; of our services."""

    @property
    def good(self) -> bool:
        """Whether it answered as asked."""
        return self.status == HTTPStatus.OK


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What all doors said."""

    processes: Mapping[str, Heard]
    """Readiness, by the child's name; a terminal's is its state."""
    sources: Heard
    terminals: Heard
    heads: Heard
    """The verifier's index of bundles."""
    store: Heard
    """What Redis says of itself, and its configuration."""
    spent: tuple[SpentRow, ...] = ()
    """What operators and keys did by hand in the last hour."""

    @property
    def at(self) -> float | None:
        """The time by which the house goes, Unix seconds; None: no service answers."""
        said = (heard.at for heard in self.processes.values())
        return next((moment for moment in said if moment is not None), None)

    @property
    def any(self) -> bool:
        """Whether any process answered."""
        return any(heard.status for heard in self.processes.values())


async def ask_all(data: Path, endpoints: Endpoints) -> Answers:
    """Ask every door of the house once."""
    key = read_secret(Path(endpoints.api_keys[API_KEY]))
    timeout = aiohttp.ClientTimeout(total=ASK_S)
    async with aiohttp.ClientSession(
        headers={"Authorization": f"Bearer {key}"}, timeout=timeout
    ) as session:
        services = {
            "issuing": endpoints.issuing_url,
            **endpoints.workers,
            "feeds": endpoints.feeds_url,
            "archive": endpoints.archive_url,
            "fleet": endpoints.fleet_url,
        }
        asked = {
            "redis": ask_store(data, endpoints),
            "mosquitto": _broker(data, endpoints),
            **{name: _get(session, f"{url}/readyz") for name, url in services.items()},
            **{name: _terminal(path) for name, path in endpoints.terminals.items()},
        }
        others = (
            _get(session, f"{endpoints.feeds_url}/v1/feeds"),
            _terminals(session, endpoints.fleet_url),
            _get(session, f"{endpoints.verifier_url}/v1/bundles"),
        )
        found = await asyncio.gather(*asked.values(), *others)
    processes = dict(zip(asked, found, strict=False))
    processes |= {
        name: _files(data, name, heard)
        for name, heard in processes.items()
        if name in _WITHOUT_HEALTH or not heard.status
    }
    sources, terminals, heads = found[len(asked) :]
    return Answers(
        processes=processes,
        sources=sources,
        terminals=terminals,
        heads=heads,
        store=processes["redis"],
        spent=processes["redis"].body.get("spent", ()),
    )


def _moment(date: str) -> float | None:
    """Read a Date header as Unix seconds; None: there is none."""
    try:
        return parsedate_to_datetime(date).timestamp()
    except ValueError:
        return None


async def _get(session: aiohttp.ClientSession, url: str) -> Heard:
    try:
        async with session.get(url) as answer:
            content = await read_whole(answer, MAX_ANSWER_BYTES)
            return Heard(
                status=answer.status,
                body=harmless(msgspec.json.decode(content, type=dict)),
                at=_moment(answer.headers.get("Date", "")),
            )
    except TimeoutError:
        return Heard(why=Phrase("no answer within {seconds:g} s", seconds=ASK_S))
    except (aiohttp.ClientError, OSError) as error:
        return Heard(why=Phrase("no answer ({error})", error=type(error).__name__))
    except msgspec.DecodeError:
        return Heard(why=Phrase("the answer is not JSON"))


async def _terminal(socket: str) -> Heard:
    connector = aiohttp.UnixConnector(socket)
    timeout = aiohttp.ClientTimeout(total=ASK_S)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        return await _get(session, "http://terminal/state")


async def _terminals(session: aiohttp.ClientSession, fleet: str) -> Heard:
    rows: list[Any] = []
    after = ""
    for _ in range(MAX_PAGES):
        page = await _get(session, f"{fleet}/v1/terminals?after={after}")
        if not page.good:
            return page
        rows += page.body.get("terminals", ())
        after = page.body.get("next") or ""
        if not after:
            break
    return Heard(status=HTTPStatus.OK, body={"terminals": rows})


def _files(data: Path, name: str, heard: Heard) -> Heard:
    """Add what a process does not say itself: that it has nearly all files open that it may."""
    process = pidfile.find(data / "run" / "children.json", name)
    files = None if process is None else open_files(process.pid)
    if files is None or not files.scarce:
        return heard
    found = msgspec.to_builtins(files_scarce(files))
    return replace(heard, body={**heard.body, "warnings": (found,)})


async def _broker(data: Path, endpoints: Endpoints) -> Heard:
    why = await probe(broker_ready(data, endpoints))
    return Heard(status=HTTPStatus.OK) if why is None else Heard(why=why)


async def ask_store(data: Path, endpoints: Endpoints) -> Heard:
    """Ask the store about itself, with the rights that status has."""
    client = Redis(
        unix_socket_path=endpoints.redis_socket,
        username=STATUS,
        password=read_secret(data / "keys" / "redis" / f"{STATUS}.key"),
        socket_timeout=ASK_S,
        retry=Retry(NoBackoff(), 0),
        decode_responses=True,
    )
    try:
        async with asyncio.timeout(ASK_S), client:
            said = await client.info()
            config = await client.config_get("appendonly", "appendfsync", "maxmemory-policy")
            keys = await client.dbsize()
            return Heard(
                status=HTTPStatus.OK,
                body={**said, **{str(k): v for k, v in config.items()}, "keys": keys}
                | {"spent": tuple(await read_spent(client))},
            )
    except BusyLoadingError:
        return await _loading(client)
    except TimeoutError:
        return Heard(why=Phrase("no answer within {seconds:g} s", seconds=ASK_S))
    except (RedisError, OSError) as error:
        return Heard(why=Phrase("no answer ({error})", error=type(error).__name__))


async def _loading(client: Redis) -> Heard:
    """Ask a store that is loading its data how far it is; it answers that, and nothing else."""
    try:
        async with asyncio.timeout(ASK_S), client:
            detail = loading(await client.info("persistence")).problem
    except (RedisError, OSError, TimeoutError) as error:
        return Heard(why=Phrase("no answer ({error})", error=type(error).__name__))
    finding = {"code": "store.loading", "detail": detail}
    return Heard(status=HTTPStatus.SERVICE_UNAVAILABLE, body={"problems": [finding]})
