"""GET /v1/terminals and /v1/terminals/ID: the fleet as it is known. Scope `fleet.read`."""

import re
from collections import defaultdict
from http import HTTPStatus
from typing import Any, Final

import msgspec
from aiohttp import web
from msgspec import Struct
from redis.asyncio import Redis

from fleet.books.incidents import INCIDENTS
from fleet.books.presence import PRESENCE
from fleet.contract.messages import Epoch
from fleet.contract.topics import Shard, TerminalId, shard_of
from fleet.incidents import Incident
from fleet.presence import NEVER, Presence
from fleet.registry import Registry
from fleet.service.app import Fleet
from fleet.service.store.shards import read_fields, read_hash
from runtime.http.access import Caller, reaches, require_place
from runtime.http.bodies import json_response
from runtime.http.problems import Problem
from runtime.http.queries import numbers_and_words
from verifier.contract.vocabulary import Direction, GrantState

PAGE: Final = 500
"""Terminals in an answer, unless asked for fewer or more."""
MAX_PAGE: Final = 2000
BOUNDS: Final = {"limit": (PAGE, 1, MAX_PAGE)}
AFTER: Final = "[a-z0-9-]{0,32}"
"""Id of a terminal, or nothing."""
_SHOWN: Final = (PRESENCE.name, "birth", "beat", "reported")
"""Hashes of which a terminal's row is shown."""

Rows = dict[str, bytes | None]
"""A terminal's rows, by the hash they are in."""


class TerminalState(Struct, frozen=True, kw_only=True):
    """A terminal as it is known."""

    terminal: str
    place: str
    gate: str
    direction: Direction
    district: str
    state: GrantState
    presence: Presence
    last_seen: int | None
    """Newest sign of life, Unix milliseconds."""
    epoch: Epoch | None
    boot: str | None
    birth: dict[str, Any] | None
    """Its last birth message; this and the next two as docs/terminal-contract.md has them."""
    beat: dict[str, Any] | None
    """Its last heartbeat."""
    reported: dict[str, Any] | None
    """The state that it last reported."""
    incidents: tuple[Incident, ...]


class TerminalList(Struct, frozen=True, kw_only=True):
    """A page of terminals, by id."""

    terminals: tuple[TerminalState, ...]
    next: str | None
    """`after` of the next page; null: this is the last one."""


class TerminalResource:
    """The terminals that the registry knows."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    async def list(self, request: web.BaseRequest, caller: Caller, _: str) -> web.Response:
        """Answer terminals by id; `after` and `limit` page.

        An operator of a district or a place sees its terminals only.

        Raises:
            Problem: 400 `query.bad`.
        """
        counts, words = numbers_and_words(request, BOUNDS, {"after": re.compile(AFTER)})
        limit, after, registry = counts["limit"], words.get("after", ""), self._fleet.registry
        names = sorted(
            name
            for name, terminal in registry.terminals.items()
            if name > after
            and reaches(caller, terminal.place, registry.places[terminal.place].district)
        )
        page = names[:limit]
        shown = await _show(self._fleet.redis, registry, page)
        following = page[-1] if len(names) > limit else None
        return json_response(TerminalList(terminals=shown, next=following))

    async def get(self, _: web.BaseRequest, caller: Caller, text: str) -> web.Response:
        """Answer one terminal.

        Raises:
            Problem: 403 `operator.area`, 404 `terminal.unknown`.
        """
        registry = self._fleet.registry
        name = TerminalId(text)
        if name not in registry.terminals:
            raise Problem(HTTPStatus.NOT_FOUND, "terminal.unknown")
        place = registry.places[registry.terminals[name].place]
        require_place(caller, place.id, place.district)
        return json_response((await _show(self._fleet.redis, registry, [name]))[0])


async def _show(
    redis: Redis, registry: Registry, names: list[TerminalId]
) -> tuple[TerminalState, ...]:
    by_shard: dict[Shard, list[TerminalId]] = defaultdict(list)
    for name in names:
        by_shard[shard_of(name)].append(name)
    rows: dict[str, Rows] = {}
    incidents: dict[str, list[Incident]] = defaultdict(list)
    for shard, some in by_shard.items():
        rows |= await read_fields(redis, shard, _SHOWN, some)
        for row in (await read_hash(redis, shard, INCIDENTS.name)).values():
            incident = INCIDENTS.decode(row)
            incidents[incident.terminal].append(incident)
    return tuple(_row(registry, name, rows[name], incidents[name]) for name in names)


def _row(
    registry: Registry, name: TerminalId, rows: Rows, incidents: list[Incident]
) -> TerminalState:
    terminal = registry.terminals[name]
    stored = rows[PRESENCE.name]
    seen = PRESENCE.decode(stored) if stored else NEVER
    return TerminalState(
        terminal=name,
        place=terminal.place,
        gate=terminal.gate,
        direction=registry.gate_of(terminal).direction,
        district=registry.places[terminal.place].district,
        state=terminal.state,
        presence=seen.presence,
        last_seen=seen.last_seen or None,
        epoch=seen.epoch,
        boot=seen.boot,
        birth=_sent(rows["birth"]),
        beat=_sent(rows["beat"]),
        reported=_sent(rows["reported"]),
        incidents=tuple(incidents),
    )


def _sent(row: bytes | None) -> Any:
    """Return a message as the terminal sent it."""
    return msgspec.json.decode(row) if row else None
