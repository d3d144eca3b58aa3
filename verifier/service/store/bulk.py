"""Bulk issue in the store: what a batch was decided to give, before anything of it is given.

    v:{bulk}:plan:<job>    string: plan of the job's newest batch, MessagePack
    v:{bulk}:given:<job>   string: bitmap of the persons to whom the job gave, by person index
    v:{status}:bulk:<job>  string: how many batches of the job are done; a marker of `change`

A plan and its bits are written in one transaction. A batch that is sent again finds its plan and
gives what stands there; so whoever retries gets the same, and nobody gets two.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
from redis.asyncio import Redis

from verifier.errors import Outage
from verifier.service.store.planes import Marker

KEPT_S: Final = 7 * 86_400
"""Seconds after its last batch in which a job can go on."""
_ENCODE: Final = msgspec.msgpack.Encoder().encode


class PlannedLine(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What a line gets: a person and perhaps a credential, or a code that says why not."""

    code: str | None = None
    field: str | None = None
    person: int = 0
    new: bool = False
    credential: int | None = None


class BatchPlan(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What a batch gives."""

    batch: int
    digest: bytes
    """SHA-256 of the batch as it was sent."""
    issued_at: int
    lines: tuple[PlannedLine, ...]


_DECODE: Final = msgspec.msgpack.Decoder(BatchPlan).decode


async def read_plan(redis: Redis, job: str) -> BatchPlan | None:
    """Return the plan of a job's newest batch.

    Raises:
        RedisError: the store is away.
        Outage: it is of another version of this program.
    """
    found: Any = await redis.get(_plan(job))
    try:
        return None if found is None else _DECODE(found)
    except msgspec.DecodeError as error:
        raise Outage("a plan that cannot be read") from error


async def keep_plan(redis: Redis, job: str, plan: BatchPlan) -> None:
    """Keep a plan, and that its persons were given to.

    Raises:
        RedisError: the store is away; the plan may or may not be kept.
    """
    persons = [line.person for line in plan.lines if line.code is None]
    pipeline: Any = redis.pipeline(transaction=True)
    pipeline.set(_plan(job), _ENCODE(plan), ex=KEPT_S)
    if persons:
        words = [word for person in persons for word in ("SET", "u1", person, 1)]
        pipeline.execute_command("BITFIELD", _given(job), *words)
        pipeline.expire(_given(job), KEPT_S)
    await pipeline.execute()


async def were_given(redis: Redis, job: str, persons: Sequence[int]) -> list[bool]:
    """Say of each person whether the job gave to them already.

    Raises:
        RedisError: the store is away.
    """
    if not persons:
        return []
    words = [word for person in persons for word in ("GET", "u1", person)]
    ask: Any = redis.execute_command
    return [bool(bit) for bit in await ask("BITFIELD_RO", _given(job), *words)]


async def read_done(redis: Redis, job: str) -> int:
    """Return how many batches of a job are done.

    Raises:
        RedisError: the store is away.
    """
    found: Any = await redis.get(_done(job))
    return 0 if found is None else int(found)


async def keep_job(redis: Redis, job: str, persons: Iterable[int]) -> None:
    """Keep a job's keys for another week; `persons` turned out to have another index than planned.

    Raises:
        RedisError: the store is away.
    """
    pipeline = redis.pipeline(transaction=False)
    for person in persons:
        pipeline.setbit(_given(job), person, 1)
    for key in (_plan(job), _given(job), _done(job)):
        pipeline.expire(key, KEPT_S)
    await pipeline.execute()


def done_marker(job: str, batch: int) -> Marker:
    """Return the marker that a batch, counted from 0, sets when it is done."""
    before = None if batch == 0 else str(batch).encode()
    return Marker(_done(job), before, str(batch + 1).encode())


def _plan(job: str) -> str:
    return f"v:{{bulk}}:plan:{job}"


def _given(job: str) -> str:
    return f"v:{{bulk}}:given:{job}"


def _done(job: str) -> str:
    return f"v:{{status}}:bulk:{job}"
