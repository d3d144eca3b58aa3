"""GET /v1/terminals and /v1/terminals/ID: the fleet as it is known. Scope `fleet.read`."""

from collections import defaultdict
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web
from redis.asyncio import Redis

from fleet.contract.topics import Shard, TerminalId, shard_of
from fleet.incidents import Incident
from fleet.registry import Registry
from fleet.service.app import FLEET
from fleet.service.http.access import require, require_place
from fleet.service.http.numbers import number
from fleet.service.http.problems import ProblemError, answer
from fleet.service.store.shards import TerminalRows, read_incidents, read_terminals
from verifier.contract.vocabulary import ApiScope

PAGE: Final = 500
"""Terminals in an answer, unless asked for fewer or more."""
MAX_PAGE: Final = 2000


async def list_terminals(request: web.Request) -> web.Response:
    """Answer {"terminals": [...], "next": ID or null}, by id; `after` and `limit` page.

    An operator of a district or a place sees its terminals only.
    """
    caller = require(request, ApiScope.FLEET_READ)
    fleet = request.app[FLEET]
    limit = number(request, "limit", default=PAGE, lowest=1, highest=MAX_PAGE)
    after = request.query.get("after", "")
    registry = fleet.registry
    names = sorted(
        name
        for name, terminal in registry.terminals.items()
        if name > after and caller.reaches(registry.places[terminal.place])
    )
    page = names[:limit]
    shown = await _show(fleet.redis, registry, page)
    return answer({"terminals": shown, "next": page[-1] if len(names) > limit else None})


async def get_terminal(request: web.Request) -> web.Response:
    """Answer one terminal.

    Raises:
        ProblemError: 403 `operator.area`, 404 `terminal.unknown`.
    """
    caller = require(request, ApiScope.FLEET_READ)
    fleet = request.app[FLEET]
    name = TerminalId(request.match_info["terminal"])
    if name not in fleet.registry.terminals:
        raise ProblemError(HTTPStatus.NOT_FOUND, "terminal.unknown")
    require_place(caller, fleet.registry.places[fleet.registry.terminals[name].place])
    return answer((await _show(fleet.redis, fleet.registry, [name]))[0])


async def _show(redis: Redis, registry: Registry, names: list[TerminalId]) -> list[dict[str, Any]]:
    by_shard: dict[Shard, list[TerminalId]] = defaultdict(list)
    for name in names:
        by_shard[shard_of(name)].append(name)
    rows: dict[TerminalId, TerminalRows] = {}
    incidents: dict[str, list[Incident]] = defaultdict(list)
    for shard, some in by_shard.items():
        rows |= await read_terminals(redis, shard, some)
        for incident in await read_incidents(redis, shard):
            incidents[incident.terminal].append(incident)
    return [_row(registry, name, rows[name], incidents[name]) for name in names]


def _row(
    registry: Registry, name: TerminalId, rows: TerminalRows, incidents: list[Incident]
) -> dict[str, Any]:
    terminal = registry.terminals[name]
    return {
        "terminal": name,
        "place": terminal.place,
        "gate": terminal.gate,
        "direction": registry.gate_of(terminal).direction,
        "district": registry.places[terminal.place].district,
        "state": terminal.state,
        "presence": rows.seen.presence,
        "last_seen": rows.seen.last_seen or None,
        "epoch": rows.seen.epoch,
        "boot": rows.seen.boot,
        "birth": rows.birth,
        "beat": rows.beat,
        "reported": rows.reported,
        "incidents": incidents,
    }
