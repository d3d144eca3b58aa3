"""What is remembered of holders who ask: nonces, how many credentials a day, whom they carry.

v:holder:<epoch>:<kid>        hash by nonce: the requests of a key, by the five minutes they name
v:made:<list>:<day>:<bucket>  hash by person: credentials made that day; 128 persons in a hash
v:family:<list>:<person>      hash by "<mark>:<person>", "<credential>:<expires>": whose codes the
                              phones of a guardian carry; a phone by the mark of its key
"""

from collections.abc import Sequence
from enum import Enum, auto
from typing import Any, Final, NamedTuple

from redis.asyncio import Redis

from verifier.issuing.credential_row import mark_of
from verifier.service.store.credentials import PERSONS
from verifier.service.store.library import CARRY

EPOCH_S: Final = 300
"""Seconds; a nonce belongs to those that its request's own time names."""
MAX_REQUESTS: Final = 30
"""Of a key in an epoch: a phone renews and lists, and asks again; it does not poll."""
NONCES_S: Final = 900
"""Seconds a nonce is kept: an epoch, and twice the clock's tolerance, with room."""
MAX_A_DAY: Final = 20
"""Credentials that a person's own phones may have made in a day: each takes an index for good."""
DAY_S: Final = 86_400
MAX_FAMILY: Final = 8
"""Persons whose codes one phone carries."""


class NonceUse(Enum):
    """What is known of a request's nonce."""

    FRESH = auto()
    REPLAYED = auto()
    TOO_MANY = auto()


async def see_nonce(redis: Redis, kid: bytes, nonce: bytes, iat: int) -> NonceUse:
    """Remember a nonce, whose request was signed at `iat`; say whether it is new."""
    key = f"v:holder:{iat // EPOCH_S}:{kid.hex()}"
    field: Any = nonce
    pipeline = redis.pipeline(transaction=True)
    pipeline.hsetnx(key, field, "")
    pipeline.hlen(key)
    pipeline.expire(key, NONCES_S)
    new, requests, _ = await pipeline.execute()
    if not new:
        return NonceUse.REPLAYED
    if requests <= MAX_REQUESTS:
        return NonceUse.FRESH
    # Past the bound it need not be remembered: until the epoch is forgotten, nothing is let in.
    await redis.hdel(key, field)
    return NonceUse.TOO_MANY


async def count_made(redis: Redis, list_number: int, person: int, day: int) -> bool:
    """Count a credential that a person's phone asks for; False: there were too many that day."""
    key = f"v:made:{list_number}:{day}:{person // PERSONS:x}"
    pipeline = redis.pipeline(transaction=True)
    pipeline.hincrby(key, str(person % PERSONS), 1)
    pipeline.expire(key, 2 * DAY_S)
    made, _ = await pipeline.execute()
    return int(made) <= MAX_A_DAY


class Carried(NamedTuple):
    """A proxy on a phone of a guardian."""

    person: int
    """Whose code it is."""
    credential: int


async def carry(
    redis: Redis,
    list_number: int,
    guardian: int,
    kid: bytes,
    row: Carried,
    *,
    expires: int,
    now: int,
) -> bool:
    """Note whose code a phone carries; False: it carries those of MAX_FAMILY others already."""
    answer: Any = await redis.fcall(
        CARRY, 1, _family(list_number, guardian),
        mark_of(kid).hex(), row.person, row.credential, expires, now, MAX_FAMILY,
    )  # fmt: skip
    return bool(answer)


async def read_family(
    redis: Redis, list_number: int, guardian: int, mark: bytes, *, now: int
) -> tuple[Carried, ...]:
    """Return whose codes a phone of a guardian carries."""
    rows: dict[Any, Any] = await redis.hgetall(_family(list_number, guardian))
    found = []
    for field, row in rows.items():
        phone, _, person = field.decode().partition(":")
        credential, _, expires = row.decode().partition(":")
        if phone == mark.hex() and int(expires) > now:
            found.append(Carried(int(person), int(credential)))
    return tuple(found)


async def drop_family(
    redis: Redis, list_number: int, guardian: int, mark: bytes, persons: Sequence[int]
) -> None:
    """Forget whose codes a phone carried."""
    if persons:
        fields = [f"{mark.hex()}:{person}" for person in persons]
        await redis.hdel(_family(list_number, guardian), *fields)


def _family(list_number: int, guardian: int) -> str:
    return f"v:family:{list_number}:{guardian}"
