"""Appointments of a place: `v:appointments:<place>`, a hash by the booking's id.

A row is `<list>:<person>:<from>:<to>`, with `:x` behind it once it is cancelled. The key lives
a day longer than the last appointment, rows go sooner. Only issuing reads and writes it.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from redis.asyncio import Redis

from verifier.contract.bundle import Appointment

KEPT_S: Final = 86_400
"""Seconds after its end in which a row is kept: so long the same booking may come again."""
_CANCELLED: Final = ":x"


class Booked(NamedTuple):
    """A row: an appointment, and whether it still holds."""

    appointment: Appointment
    cancelled: bool = False


async def read_booked(redis: Redis, places: Sequence[str]) -> list[dict[str, Booked]]:
    """Return the rows of each place, by the booking's id.

    Raises:
        RedisError: the store is away.
    """
    pipeline = redis.pipeline(transaction=False)
    for place in places:
        pipeline.hgetall(_key(place))
    found: list[dict[bytes, bytes]] = await pipeline.execute()
    return [{id_.decode(): _read(row.decode()) for id_, row in rows.items()} for rows in found]


async def keep_booked(
    redis: Redis, place: str, rows: Mapping[str, Booked], *, changed: Iterable[str]
) -> None:
    """Keep changed rows of a place, all or none; `rows` are all of them, and say how long.

    Raises:
        RedisError: the store is away; a second call is harmless.
    """
    texts: dict[Any, Any] = {id_: _text(rows[id_]) for id_ in changed}
    if not texts:
        return
    pipeline = redis.pipeline(transaction=True)
    pipeline.hset(_key(place), mapping=texts)
    pipeline.expireat(_key(place), max(row.appointment.ends for row in rows.values()) + KEPT_S)
    await pipeline.execute()


async def drop_booked(redis: Redis, place: str, ids: Sequence[str]) -> None:
    """Drop rows of a place.

    Raises:
        RedisError: the store is away; a second call is harmless.
    """
    if ids:
        await redis.hdel(_key(place), *ids)


def _key(place: str) -> str:
    return f"v:appointments:{place}"


def _text(row: Booked) -> str:
    it = row.appointment
    mark = _CANCELLED if row.cancelled else ""
    return f"{it.list}:{it.person}:{it.begins}:{it.ends}{mark}"


def _read(text: str) -> Booked:
    number, person, begins, ends = text.removesuffix(_CANCELLED).split(":")
    appointment = Appointment(
        list=int(number), person=int(person), begins=int(begins), ends=int(ends)
    )
    return Booked(appointment, text.endswith(_CANCELLED))
