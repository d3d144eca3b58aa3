"""GET /healthz (the process lives), /readyz (it can do its work), /metrics. Nobody is asked who.

`/readyz` answers 200 or 503 with what is wrong, in the form that the verifier's processes use too:
problems keep the fleet from its work, warnings do not.
"""

import asyncio
from collections.abc import Iterator
from http import HTTPStatus
from typing import Final

from aiohttp import web
from msgspec import Struct
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from fleet.service.app import FLEET, Fleet
from fleet.service.http.problems import answer
from fleet.service.store.connection import is_durable

STORE_S: Final = 1.5
"""Seconds for the store's answer: whoever asks how we are must not wait for it."""


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that is wrong, and what to do."""

    code: str
    detail: str


class Readiness(Struct, frozen=True, kw_only=True):
    """What the fleet says of itself."""

    ready: bool
    problems: tuple[Finding, ...]
    """Why it is not ready."""
    warnings: tuple[Finding, ...]
    """What is wrong and does not stop it."""
    known: dict[str, int]


async def healthz(_request: web.Request) -> web.Response:
    """Answer that the process lives."""
    return answer({"status": "ok"})


async def readyz(request: web.Request) -> web.Response:
    """Answer 200 while the store is durable and every shard's messages flow, else 503."""
    fleet = request.app[FLEET]
    problems = tuple(_problems(fleet, durable=await _durable(fleet)))
    found = Readiness(
        ready=not problems,
        problems=problems,
        warnings=tuple(_warnings(fleet)),
        known={
            "terminals": len(fleet.registry.terminals),
            "operators": len({one.person for one in fleet.operating.operators.by_key.values()}),
        },
    )
    return answer(found, HTTPStatus.OK if found.ready else HTTPStatus.SERVICE_UNAVAILABLE)


async def metrics(request: web.Request) -> web.Response:
    """Answer the counters in the Prometheus text format."""
    body = generate_latest(request.app[FLEET].metrics.registry)
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _durable(fleet: Fleet) -> bool:
    """Ask the store, but not for as long as messages may wait for it."""
    try:
        async with asyncio.timeout(STORE_S):
            return await is_durable(fleet.redis)
    except TimeoutError:
        return False


def _problems(fleet: Fleet, *, durable: bool) -> Iterator[Finding]:
    if not durable:
        yield Finding(
            code="store.unavailable",
            detail="its store does not answer or is not durable (append-only, fsync always)",
        )
    waiting = fleet.waiting()
    if waiting:
        yield Finding(
            code="shards.waiting",
            detail=f"messages of shards {', '.join(waiting)} do not reach it: look at mosquitto",
        )


def _warnings(fleet: Fleet) -> Iterator[Finding]:
    if not fleet.audit.writable:
        yield Finding(
            code="audit.refused",
            detail="the audit log cannot be gone on from; see `kapok audit verify`",
        )
    refused = fleet.refused()
    if refused is not None:
        yield Finding(code="registry.refused", detail=f"{refused}; what was in force stays")
    if not fleet.hears_verifier():
        yield Finding(
            code="verifier.silent",
            detail="the verifier does not answer; terminals ask it by themselves",
        )
