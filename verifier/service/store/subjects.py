"""All that the store keeps of one person, found and forgotten (docs/privacy.md).

Values are the planes', credentials `v:credentials:…`, whose codes a phone carries `v:family:…`,
cases of correction `v:{corrections}:…`; the reference's digest is `store.persons`'. Who is asked to
forget says so last, so that a call that was cut off is made again.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from redis.asyncio import Redis

from verifier.contract.status import PlaneName
from verifier.contract.vocabulary import Plane
from verifier.feeds.corrections import CorrectionCase
from verifier.issuing.credential_row import CredentialForm, CredentialRow
from verifier.service.store.causes import ChangeCause, HeldValue, read_held_value, read_origin
from verifier.service.store.corrections import forget_person_cases, read_person_cases
from verifier.service.store.credentials import read_held, release
from verifier.service.store.erased import mark_erased
from verifier.service.store.planes import change, read_planes, read_value


class StoredSubject(NamedTuple):
    """What is kept of a person."""

    values: dict[PlaneName, int]
    """Of every person plane of the list."""
    credentials: tuple[CredentialRow, ...]
    revoked: tuple[bool, ...]
    """Of each of `credentials`."""
    carried: tuple[int, ...]
    """Credentials of others on the person's phones."""
    origins: dict[PlaneName, str]
    """Whose each value is; empty: nobody's, or it was filled in with the whole list."""
    holds: dict[PlaneName, HeldValue]
    """Of the values that two people hold against feeds."""
    cases: tuple[CorrectionCase, ...]
    """Of correction, open and closed, oldest first."""


async def read_subject(redis: Redis, list_number: int, person: int, *, now: int) -> StoredSubject:
    """Return what is kept of a person.

    Raises:
        RedisError: the store is away.
    """
    planes = await read_planes(redis)
    values = {
        name: (await read_value(redis, name, [person]))[0]
        for name, size in planes.items()
        if name.list_number == list_number and name.plane is not Plane.REVOCATION and person < size
    }
    credentials = await read_held(redis, list_number, person, now=now)
    flags = await read_value(
        redis, PlaneName(list_number, Plane.REVOCATION), [row.credential for row in credentials]
    )
    carried = await _carried(redis, list_number, person)
    cases = await read_person_cases(redis, list_number, person)
    return StoredSubject(
        values=values,
        credentials=credentials,
        revoked=tuple(map(bool, flags)),
        carried=tuple(carried.values()),
        origins={name: await read_origin(redis, name, person) for name in values},
        holds={
            name: held
            for name in values
            if (held := await read_held_value(redis, name, person)) is not None
        },
        cases=tuple(cases),
    )


async def erase_subject(
    redis: Redis,
    list_number: int,
    person: int,
    kept: StoredSubject,
    *,
    cause: ChangeCause,
    now: int,
) -> tuple[int, ...]:
    """Revoke what a person holds and carries, and forget all of it; values become nothing.

    Returns the credentials that are revoked. The index stays taken: it is nobody's from now on.

    Raises:
        RedisError: the store is away; a second call does the rest.
    """
    revoked = tuple(sorted({*(row.credential for row in kept.credentials), *kept.carried}))
    # First of all: from here on no batch, and nobody by index, brings a value back.
    await mark_erased(redis, list_number, person)
    changes = {name: [(person, 0)] for name in kept.values}
    if revoked:
        changes[PlaneName(list_number, Plane.REVOCATION)] = [(index, 1) for index in revoked]
    if changes:
        await change(redis, changes, cause=cause)
    guardians = {row.guardian for row in kept.credentials if row.form is CredentialForm.PROXY}
    await _forget_carried(redis, list_number, person, (one for one in guardians if one is not None))
    await redis.delete(_family(list_number, person))
    await release(redis, list_number, person, revoked, now=now)
    await forget_person_cases(redis, list_number, person)
    return revoked


async def _carried(redis: Redis, list_number: int, guardian: int) -> dict[str, int]:
    rows: dict[Any, Any] = await redis.hgetall(_family(list_number, guardian))
    return {field.decode(): int(row.partition(b":")[0]) for field, row in rows.items()}


async def _forget_carried(
    redis: Redis, list_number: int, person: int, guardians: Iterable[int]
) -> None:
    """Take a person's codes off the list of those who carried them."""
    for guardian in guardians:
        fields = [
            field
            for field in await _carried(redis, list_number, guardian)
            if field.partition(":")[2] == str(person)
        ]
        if fields:
            await redis.hdel(_family(list_number, guardian), *fields)


def _family(list_number: int, guardian: int) -> str:
    return f"v:family:{list_number}:{guardian}"
