"""The table of routes."""

from aiohttp import web
from redis.exceptions import RedisError

from fleet.service.app import Fleet
from fleet.service.http.commands import CommandResource
from fleet.service.http.grants import grants_handler
from fleet.service.http.health import readiness
from fleet.service.http.operators import token_handler
from fleet.service.http.terminals import TerminalResource
from runtime.http.access import Caller
from runtime.http.health import health_routes
from runtime.http.problems import store_away
from runtime.http.routes import Handler, Route


def fleet_routes(fleet: Fleet) -> tuple[Route, ...]:
    """Return the routes of the fleet's door."""
    terminals, commands = TerminalResource(fleet), CommandResource(fleet)
    table: tuple[tuple[str, str, Handler], ...] = (
        ("GET", "/v1/terminals", terminals.list),
        ("GET", "/v1/terminals/{}", terminals.get),
        ("POST", "/v1/terminals/{}/commands", commands.post),
        ("GET", "/v1/commands/{}", commands.get),
        ("GET", "/v1/grants", grants_handler(fleet)),
    )
    return (
        *(Route(method=method, path=path, handler=_stored(do)) for method, path, do in table),
        Route(method="POST", path="/v1/operator-tokens", handler=token_handler(fleet), public=True),
        *health_routes(lambda: readiness(fleet), fleet.metrics.text),
    )


def _stored(handler: Handler) -> Handler:
    """Return a handler that says when its store is away."""

    async def handle(
        request: web.BaseRequest, caller: Caller | None, variable: str
    ) -> web.StreamResponse:
        try:
            return await handler(request, caller, variable)
        except (RedisError, OSError):
            raise store_away() from None

    return handle
