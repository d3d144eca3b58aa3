"""The table of routes."""

from aiohttp import web
from structlog.typing import FilteringBoundLogger

from fleet.service.app import FLEET, LOG, Fleet
from fleet.service.http import commands, grants, health, operators, terminals
from fleet.service.http.problems import problems


def build(fleet: Fleet, log: FilteringBoundLogger) -> web.Application:
    """Build the application of the service door."""
    app = web.Application(middlewares=[problems], client_max_size=commands.MAX_BODY_BYTES)
    app[FLEET] = fleet
    app[LOG] = log
    app.router.add_get("/v1/terminals", terminals.list_terminals)
    app.router.add_get("/v1/terminals/{terminal}", terminals.get_terminal)
    app.router.add_post("/v1/terminals/{terminal}/commands", commands.give_command)
    app.router.add_get("/v1/commands/{command}", commands.get_command)
    app.router.add_get("/v1/grants", grants.follow_grants)
    app.router.add_post("/v1/operator-tokens", operators.issue_token)
    app.router.add_get("/healthz", health.healthz)
    app.router.add_get("/readyz", health.readyz)
    app.router.add_get("/metrics", health.metrics)
    return app
