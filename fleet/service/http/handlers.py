"""What answers each operation of the fleet's table of routes."""

from aiohttp import web
from redis.exceptions import RedisError

from fleet.service.app import Fleet
from fleet.service.http.commands import CommandResource
from fleet.service.http.grants import grants_handler
from fleet.service.http.health import readiness
from fleet.service.http.operators import token_handler
from fleet.service.http.terminals import TerminalResource
from runtime.http.access import Caller
from runtime.http.health import health_handlers
from runtime.http.problems import store_away
from runtime.http.routes import Handler, Handlers


def fleet_handlers(fleet: Fleet) -> Handlers:
    """Return what answers at the fleet's door."""
    terminals, commands = TerminalResource(fleet), CommandResource(fleet)
    stored: Handlers = {
        "listTerminals": terminals.list,
        "readTerminal": terminals.get,
        "giveCommand": commands.post,
        "readCommand": commands.get,
        "followGrants": grants_handler(fleet),
    }
    return {
        **{name: _stored(handler) for name, handler in stored.items()},
        "giveToken": token_handler(fleet),
        **health_handlers(lambda: readiness(fleet), fleet.metrics.text, fleet.metrics.refusals),
    }


def _stored(handler: Handler) -> Handler:
    """Return a handler that says when its store is away."""

    async def handle(request: web.BaseRequest, caller: Caller, variable: str) -> web.StreamResponse:
        try:
            return await handler(request, caller, variable)
        except (RedisError, OSError):
            raise store_away() from None

    return handle
