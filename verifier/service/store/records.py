"""Reading records: one cursor in milliseconds over the 64 tags' streams, hour by hour.

Only whole milliseconds that are over are read (the store's own clock says which), so that nothing
that is written later can stand before a cursor. A page ends at a whole millisecond and may be a
little longer than asked for that reason.
"""

from typing import Any, Final, NamedTuple

from redis.asyncio import Redis

from verifier.contract.amendment import Amendment
from verifier.contract.record import ScanRecord
from verifier.contract.vocabulary import Answer
from verifier.service.store.moments import store_ms
from verifier.service.store.packed_record import unpack_record
from verifier.service.store.scans import HOUR_MS, read_amendment, read_answer
from verifier.steps.use import HASH_TAGS

KEPT_MS: Final = 26 * HOUR_MS
"""Milliseconds that a record is kept: nothing older is looked for."""
_AT_LEAST: Final = 200
"""Entries asked of a stream: more than Redis can store in one millisecond."""
_BOUNDARY_MS: Final = 5_000
"""Just after an hour, the stream before may still hold what belongs here."""


class StoredRecord(NamedTuple):
    """A record as it is kept."""

    at: int
    """Milliseconds of the store's clock when it was stored."""
    record: ScanRecord
    answer: Answer
    amendment: Amendment | None
    """What this entry says of an earlier one of the same scan."""


async def read_records(redis: Redis, after: int, limit: int) -> tuple[int, list[StoredRecord]]:
    """Return where the next page starts and the records from `after` on, oldest first."""
    now = await store_ms(redis)
    start = max(after, now - KEPT_MS)
    while start < now:
        end = min(now, (start // HOUR_MS + 1) * HOUR_MS)
        end, rows = await _read_hour(redis, start, end, limit)
        if rows:
            return end, rows
        start = end
    return max(start, after), []


async def _read_hour(
    redis: Redis, start: int, end: int, limit: int
) -> tuple[int, list[StoredRecord]]:
    """Read from `start` up to, not including, `end`; returns how far it came."""
    hour = start // HOUR_MS
    hours = [hour - 1, hour] if start - hour * HOUR_MS < _BOUNDARY_MS else [hour]
    count = max(limit, _AT_LEAST)
    pipeline = redis.pipeline(transaction=False)
    for tag in range(HASH_TAGS):
        for of in hours:
            key = f"v:{{{tag:02x}}}:r:{of}"
            pipeline.xrange(key, min=str(start), max=str(end - 1), count=count)
    found: list[list[tuple[bytes, dict[bytes, bytes]]]] = await pipeline.execute()
    for rows in found:
        if len(rows) >= count:  # more may stand behind the last: leave its millisecond out
            end = min(end, max(_ms(rows[-1]), start + 1))
    merged = sorted((row for rows in found for row in rows if _ms(row) < end), key=_ms)
    if len(merged) > limit:
        end = max(_ms(merged[limit - 1]), start + 1)
        merged = [row for row in merged if _ms(row) < end]
    return end, [_kept(row) for row in merged]


def _ms(row: tuple[bytes, Any]) -> int:
    return int(row[0].partition(b"-")[0])


def _kept(row: tuple[bytes, dict[bytes, bytes]]) -> StoredRecord:
    fields = row[1]
    amendment = fields.get(b"m")
    return StoredRecord(
        _ms(row),
        unpack_record(fields[b"r"]),
        read_answer(fields[b"a"]),
        None if amendment is None else read_amendment(amendment),
    )
