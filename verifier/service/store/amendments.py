"""Amendments of stored scans: rare, so each is a call of its own; the step is the library's.

What was looked at may change before it is amended: a resolution names the entry it is about, and
an annulment is decided in the store.
"""

from typing import Any, NamedTuple

import msgspec
from redis.asyncio import Redis

from verifier.contract.amendment import Amendment
from verifier.contract.record import ScanRecord
from verifier.contract.vocabulary import Answer, Outcome
from verifier.service.store.library import ANNUL, LOOK, RESOLVE
from verifier.service.store.packed_record import unpack_record
from verifier.service.store.scans import (
    ANNULLED,
    hour_of,
    index_key,
    read_amendment,
    read_answer,
)

_ENCODE = msgspec.msgpack.Encoder().encode


class Looked(NamedTuple):
    """A stored scan as it is now."""

    answer: Answer
    annulled: bool
    entry: str
    """Id of its newest record."""
    now: int
    """Milliseconds of the store's clock."""
    record: ScanRecord
    amendment: Amendment | None
    since: int
    """Milliseconds from which the time of annulling counts: the scan's own, or, where a terminal's
    upload amends it, those in which the centre had answered, if they are earlier."""


async def look(redis: Redis, tag: str, scan_id: bytes) -> Looked | None:
    """Return a scan; None: it is not known, or its record is no longer kept.

    Raises:
        RedisError: the store is away.
        Outage: the record is of another version of this program.
    """
    found: Any = await redis.fcall(LOOK, 1, index_key(tag, scan_id), scan_id)
    if not isinstance(found, list) or not found[4]:
        return None
    answer, state, entry, now, packed, amendment, answered = found
    record = unpack_record(packed)
    return Looked(
        answer=read_answer(answer),
        annulled=state == ANNULLED,
        entry=entry.decode(),
        now=now,
        record=record,
        amendment=read_amendment(amendment) if amendment else None,
        since=min(record.at, int(answered)) if answered else record.at,
    )


async def annul(redis: Redis, tag: str, scan_id: bytes, amendment: Amendment) -> bool:
    """Give back what a scan claimed and mark it; False: it was annulled before.

    Raises:
        RedisError: the store is away.
    """
    words: tuple[Any, ...] = (scan_id, hour_of(scan_id), _ENCODE(amendment))
    done: Any = await redis.fcall(ANNUL, 1, index_key(tag, scan_id), *words)
    return bool(done)


async def resolve(redis: Redis, tag: str, scan_id: bytes, entry: str, amendment: Amendment) -> bool:
    """Put an amendment beside a record; False: the scan is no longer as it was looked at.

    Raises:
        RedisError: the store is away.
    """
    nobody = "d" if amendment.decision is Outcome.DENY else ""
    words: tuple[Any, ...] = (scan_id, hour_of(scan_id), entry, _ENCODE(amendment), nobody)
    done: Any = await redis.fcall(RESOLVE, 1, index_key(tag, scan_id), *words)
    return bool(done)
