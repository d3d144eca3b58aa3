"""What the fleet says of itself at /readyz: problems keep it from its work, warnings do not."""

import asyncio
from collections.abc import Iterator
from typing import Final

from redis.exceptions import RedisError

from fleet.service.app import Fleet
from runtime.http.audited import no_audit
from runtime.http.health import Finding, Readiness
from runtime.store import NotDurableError, check_durable

STORE_S: Final = 1.5
"""Seconds for the store's answer: whoever asks how we are must not wait for it."""


async def readiness(fleet: Fleet) -> Readiness:
    """Return ready while the store is durable and every shard's messages flow."""
    problems = tuple(_problems(fleet, durable=await _durable(fleet)))
    return Readiness(
        ready=not problems,
        problems=problems,
        warnings=tuple(_warnings(fleet)),
        known={
            "terminals": len(fleet.registry.terminals),
            "operators": len({one.person for one in fleet.operating.operators.by_key.values()}),
        },
    )


async def _durable(fleet: Fleet) -> bool:
    """Ask the store, but not for as long as messages may wait for it."""
    try:
        async with asyncio.timeout(STORE_S):
            await check_durable(fleet.redis)
    except (RedisError, NotDurableError, OSError, TimeoutError):
        return False
    return True


def _problems(fleet: Fleet, *, durable: bool) -> Iterator[Finding]:
    if not durable:
        yield Finding(
            code="store.unavailable",
            detail="Redis does not answer, or lacks appendonly and appendfsync always: repair it",
        )
    waiting = fleet.waiting()
    if waiting:
        yield Finding(
            code="shards.waiting",
            detail=f"messages of shards {', '.join(waiting)} do not arrive:"
            " start mosquitto or read its log",
        )


def _warnings(fleet: Fleet) -> Iterator[Finding]:
    if not fleet.audit.writable:
        yield no_audit()
    refused = fleet.refused()
    if refused is not None:
        yield Finding(
            code="registry.refused",
            detail=f"{refused}: correct the file; the registry before stays in force",
        )
    if not fleet.hears_verifier():
        yield Finding(
            code="verifier.silent",
            detail="the verifier does not answer: make a worker ready",
        )
