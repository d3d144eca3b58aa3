"""GET /healthz (the process lives), /readyz (it can do its work), /metrics."""

from http import HTTPStatus

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from fleet.service.app import FLEET
from fleet.service.http.problems import ProblemError, answer
from fleet.service.store.connection import is_durable


async def healthz(_request: web.Request) -> web.Response:
    """Answer that the process lives."""
    return answer({"status": "ok"})


async def readyz(request: web.Request) -> web.Response:
    """Answer that the store is durable and every shard's messages flow.

    Raises:
        ProblemError: 503 `store.unavailable` or `shards.waiting`.
    """
    fleet = request.app[FLEET]
    if not await is_durable(fleet.redis):
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, "store.unavailable")
    if not fleet.serving():
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, "shards.waiting")
    return answer({"status": "ready"})


async def metrics(request: web.Request) -> web.Response:
    """Answer the counters in the Prometheus text format."""
    body = generate_latest(request.app[FLEET].metrics.registry)
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})
