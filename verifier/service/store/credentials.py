"""Credentials of a person: `v:credentials:<list>:<bucket>`, 128 persons a small hash.

Bucket: person index / 128, in hex; what stands there is written by one function of held.lua, which
leaves out what has expired. Revocation does not stand here: it is the plane's.
"""

from collections.abc import Sequence
from typing import Any, Final

from redis.asyncio import Redis

from verifier.issuing.credential_row import MAX_HELD, CredentialRow, pack_held, unpack_held
from verifier.service.store.library import HELD, HOLD, RELEASE

PERSONS: Final = 128
"""Persons of a bucket: as many as Redis packs (`hash-max-listpack-entries`)."""
_HOUR: Final = 3600


class HeldFullError(Exception):
    """The person holds as many credentials as anybody may."""


def credentials_key(list_number: int, person: int) -> str:
    """Return the key under which a person's credentials lie."""
    return f"v:credentials:{list_number}:{person // PERSONS:x}"


def credentials_field(person: int) -> int:
    """Return the first field of a person within the bucket; a bulk load of new persons sets it."""
    return person % PERSONS


async def hold(
    redis: Redis, list_number: int, person: int, row: CredentialRow, *, now: int
) -> None:
    """Add a credential to a person's; one that stands there already is left as it is.

    Raises:
        HeldFullError: MAX_HELD that have not expired stand there.
        RedisError: the store is away.
    """
    answer: Any = await redis.fcall(
        HOLD, 1, credentials_key(list_number, person),
        credentials_field(person), now // _HOUR, MAX_HELD, pack_held(row),
    )  # fmt: skip
    if not answer:
        raise HeldFullError


async def hold_all(
    redis: Redis, list_number: int, rows: Sequence[tuple[int, CredentialRow]], *, now: int
) -> list[bool]:
    """Add a credential to each of many persons; False for one who holds MAX_HELD already.

    Raises:
        RedisError: the store is away; a second call is harmless.
    """
    pipeline: Any = redis.pipeline(transaction=False)
    for person, row in rows:
        pipeline.fcall(
            HOLD, 1, credentials_key(list_number, person),
            credentials_field(person), now // _HOUR, MAX_HELD, pack_held(row),
        )  # fmt: skip
    return [bool(answer) for answer in await pipeline.execute()]


async def release(
    redis: Redis, list_number: int, person: int, credentials: Sequence[int], *, now: int
) -> None:
    """Drop credentials from a person's: revoked ones need no listing.

    Raises:
        RedisError: the store is away.
    """
    await redis.fcall(
        RELEASE, 1, credentials_key(list_number, person),
        credentials_field(person), now // _HOUR, *credentials,
    )  # fmt: skip


async def read_held(
    redis: Redis, list_number: int, person: int, *, now: int
) -> tuple[CredentialRow, ...]:
    """Return the credentials of a person that have not expired, oldest first.

    Raises:
        RedisError: the store is away.
    """
    key = credentials_key(list_number, person)
    rows: Any = await redis.fcall_ro(HELD, 1, key, credentials_field(person))
    return tuple(row for row in unpack_held(rows) if row.expires > now)
