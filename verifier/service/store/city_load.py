"""Filling an empty list in bulk: indices that are taken, planes, persons, each in large pieces.

    v:{status}:load:<job>   string: how far a load has come; whoever loads says what stands there

Bytes of a plane and the word of how far it came are one step of load.lua, so that a load that was
cut short goes on where it was and nothing is applied twice. Persons are written once or again with
the same outcome. Everything fills and nothing overwrites.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from redis.asyncio import Redis

from verifier.contract.status import PlaneName
from verifier.issuing.change_seal import ChangeSeal
from verifier.service.store.causes import new_nonce
from verifier.service.store.library import LOAD_PERSONS, LOAD_PLANE
from verifier.service.store.planes import PLANES, PlaneUnknown, changes_key, plane_key

LOAD: Final = "load"
"""How the reason of what a load fills in begins; the job follows."""
PIECE: Final = 1 << 16
"""Bytes of a plane in one step: a millisecond of the store, 20 where some values are there."""
MAX_BUCKET: Final = 3_000
"""Persons of one bucket in one step; Lua hands at most 8,000 words to one command."""


async def read_progress(redis: Redis, job: str) -> str:
    """Return how far a load has come; empty: it has not begun.

    Raises:
        RedisError: the store is away.
    """
    found: Any = await redis.get(_marker(job))
    return "" if found is None else str(found.decode())


async def keep_progress(redis: Redis, job: str, progress: str) -> None:
    """Note how far a load has come.

    Raises:
        RedisError: the store is away.
    """
    await redis.set(_marker(job), progress)


async def take_all(redis: Redis, list_number: int, kind: str, bitmap: bytes) -> bool:
    """Take indices of a list where none was taken; False: some are taken, and not these.

    Raises:
        RedisError: the store is away; a second call finds out whether it was done.
    """
    key = f"v:taken:{list_number}:{kind}"
    if await redis.set(key, bitmap, nx=True):
        return True
    taken: Any = await redis.get(key)
    taken = (taken or b"").ljust(len(bitmap), b"\0")
    wanted = int.from_bytes(bitmap, "big") << 8 * (len(taken) - len(bitmap))
    return int.from_bytes(taken, "big") & wanted == wanted


async def fill_plane(
    redis: Redis, name: PlaneName, first: int, octets: bytes, *, job: str, progress: Sequence[str],
    seal: ChangeSeal,
) -> bool:  # fmt: skip
    """Fill a piece of a plane from byte `first` on; `progress` is (before, after).

    Each piece leaves the publisher a sealed mark: it reads the plane whole, and takes what is new
    where nothing stood. False: the load stands elsewhere, and nothing was done.

    Raises:
        PlaneUnknown: no such plane.
        IndexError: bytes outside the plane.
        RedisError: the store is away; the piece may or may not have been filled.
    """
    before, after = progress
    keys = (PLANES, plane_key(name), changes_key(name), _marker(job))
    why, nonce = f"{LOAD}:{job}", new_nonce()
    words: tuple[Any, ...] = (str(name), first, octets, before, after)
    words += (why, nonce, seal.seal(name, why, nonce, b""))
    answer: Any = await redis.fcall(LOAD_PLANE, len(keys), *keys, *words)
    if answer == b"u":
        raise PlaneUnknown(str(name))
    if answer == b"i":
        raise IndexError("outside the status list")
    return bool(answer)


async def fill_persons(redis: Redis, buckets: Mapping[str, Sequence[bytes]]) -> int:
    """Fill buckets, each with fields and values in turn; return how many had another value.

    Raises:
        RedisError: the store is away; a second call is harmless.
    """
    pipeline = redis.pipeline(transaction=False)
    for key, words in buckets.items():
        for start in range(0, len(words), 2 * MAX_BUCKET):
            part: Any = words[start : start + 2 * MAX_BUCKET]
            pipeline.fcall(LOAD_PERSONS, 1, key, *part)
    return sum(await pipeline.execute())


def _marker(job: str) -> str:
    return f"v:{{status}}:load:{job}"
