"""Persons by the digest of their reference: `v:person:<list>:<bucket>`, small hashes.

Bucket: the first 18 bits of the digest, five hex digits; field: its bytes 3 to 10; value: the
person index in decimal, which Redis packs into at most six bytes. 71 of 18.7 million persons share
a bucket, below the 128 entries up to which Redis packs a hash: plain keys would take 2 GB. Who was
erased by index alone may still stand here: nobody is found by it, and a new person takes its place.
"""

from collections.abc import Sequence
from typing import Any, Final

from redis.asyncio import Redis

from verifier.service.store.erased import were_erased
from verifier.service.store.library import TAKE_OVER

BUCKET_BITS: Final = 18
_FIELD: Final = slice(3, 11)
"""Bytes of the digest that follow the bucket's."""
MAX_ASKED: Final = 10_000
"""Digests of one call; more are several calls, so that Redis answers others in between."""


def person_key(list_number: int, digest: bytes) -> str:
    """Return the key under which a digest of list `list_number` lies."""
    return bucket_key(list_number, int.from_bytes(digest[:3], "big") >> (24 - BUCKET_BITS))


def bucket_key(list_number: int, bucket: int) -> str:
    """Return the key of a bucket of list `list_number`."""
    return f"v:person:{list_number}:{bucket:05x}"


def person_field(digest: bytes) -> bytes:
    """Return the field of a digest within its bucket."""
    return digest[_FIELD]


async def find_persons(
    redis: Redis, list_number: int, digests: Sequence[bytes]
) -> list[int | None]:
    """Return the person index of each digest of list `list_number`, None where there is nobody.

    Raises:
        ValueError: more than MAX_ASKED.
        RedisError: the store is away.
    """
    found = await find_indices(redis, list_number, digests)
    there = [person for person in found if person is not None]
    flags = await were_erased(redis, list_number, there)
    gone = {person for person, erased in zip(there, flags, strict=True) if erased}
    return [None if person in gone else person for person in found]


async def find_indices(
    redis: Redis, list_number: int, digests: Sequence[bytes]
) -> list[int | None]:
    """Return the person index of each digest, that of somebody who was erased too.

    Raises:
        ValueError: more than MAX_ASKED.
        RedisError: the store is away.
    """
    if len(digests) > MAX_ASKED:
        raise ValueError("more persons than one call may ask for")
    if not digests:
        return []
    pipeline = redis.pipeline(transaction=False)
    for digest in digests:
        pipeline.hget(person_key(list_number, digest), _text(person_field(digest)))
    found: list[Any] = await pipeline.execute()
    return [None if value is None else int(value) for value in found]


async def keep_person(redis: Redis, list_number: int, digest: bytes, person: int) -> int:
    """Keep a person index under a digest; return the index that stands: an earlier one wins.

    Raises:
        RedisError: the store is away.
    """
    return (await keep_persons(redis, list_number, [(digest, person)]))[0]


async def keep_persons(
    redis: Redis, list_number: int, persons: Sequence[tuple[bytes, int]]
) -> list[int]:
    """Keep many (digest, person index); return the index that stands for each.

    Raises:
        RedisError: the store is away; a second call is harmless.
    """
    pipeline = redis.pipeline(transaction=False)
    for digest, person in persons:
        key, field = person_key(list_number, digest), _text(person_field(digest))
        pipeline.hsetnx(key, field, str(person))
        pipeline.hget(key, field)
    answers: list[Any] = await pipeline.execute()
    stands = [int(index) for index in answers[1::2]]
    gone = await were_erased(redis, list_number, stands)
    for place, ((digest, person), index) in enumerate(zip(persons, stands, strict=True)):
        if gone[place]:
            now: Any = await redis.fcall(
                TAKE_OVER, 1, person_key(list_number, digest),
                _text(person_field(digest)), index, person,
            )  # fmt: skip
            stands[place] = int(now)
    return stands


async def forget_person(redis: Redis, list_number: int, digest: bytes) -> bool:
    """Forget whose person index a digest is; False: it was nobody's.

    The index stays taken, so that nobody else is given it while credentials may still name it.
    """
    return bool(await redis.hdel(person_key(list_number, digest), _text(person_field(digest))))


def _text(field: bytes) -> Any:
    """Return a field as the client sends it: bytes, which its signatures call text."""
    return field
