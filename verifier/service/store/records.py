"""Reading records: one cursor in milliseconds over the 64 tags' streams, hour by hour.

Only whole milliseconds that are over are read (the store's own clock says which), so that nothing
that is written later can stand before a cursor. A page ends at a whole millisecond and may be a
little longer than asked for that reason. Every worker may append what it likes: an entry that is no
record is left out and named, and keeps nobody from the others.
"""

from typing import Final, NamedTuple

from redis.asyncio import Redis

from verifier.contract.amendment import Amendment
from verifier.contract.record import ScanRecord
from verifier.contract.vocabulary import Answer
from verifier.errors import Outage
from verifier.service.store.moments import store_ms
from verifier.service.store.packed_record import unpack_record
from verifier.service.store.scans import HOUR_MS, read_amendment, read_answer
from verifier.steps.use import HASH_TAGS

KEPT_MS: Final = 26 * HOUR_MS
"""Milliseconds that a record is kept: nothing older is looked for."""
_AT_LEAST: Final = 200
"""Entries asked of a stream: more than Redis can store in one millisecond."""
_UNREAD_READS: Final = 8
"""Reads of which nothing was a record before a page is given out empty: a flood holds nobody up."""
_TAG: Final = slice(3, 5)
"""Of a stream's key: its hash tag."""
_BOUNDARY_MS: Final = 5_000
"""Just after an hour, the stream before may still hold what belongs here."""


_Row = tuple[bytes, dict[bytes, bytes]]


class StoredRecord(NamedTuple):
    """A record as it is kept."""

    at: int
    """Milliseconds of the store's clock when it was stored."""
    record: ScanRecord
    answer: Answer
    amendment: Amendment | None
    """What this entry says of an earlier one of the same scan."""
    tag: str
    """Hash tag of the keys that it stands among."""


class RecordsRead(NamedTuple):
    """A page."""

    cursor: int
    """Where the next one starts."""
    records: list[StoredRecord]
    """Oldest first."""
    unread: list[str]
    """Entries that are no records: key and id of each."""


async def read_records(redis: Redis, after: int, limit: int) -> RecordsRead:
    """Read the records from `after` on.

    Raises:
        RedisError: the store is away.
    """
    now = await store_ms(redis)
    start = max(after, now - KEPT_MS)
    unread: list[str] = []
    in_vain = 0
    while start < now and in_vain < _UNREAD_READS:
        end = min(now, (start // HOUR_MS + 1) * HOUR_MS)
        page = await read_span(redis, start, end, limit)
        unread += page.unread
        if page.records:
            return page._replace(unread=unread)
        in_vain += bool(page.unread)
        start = page.cursor
    return RecordsRead(max(start, after), [], unread)


async def read_span(redis: Redis, start: int, end: int, limit: int) -> RecordsRead:
    """Read a part of one hour, from `start` up to, not including, `end`.

    Milliseconds of the store's clock; the cursor is how far it came, a whole one.
    """
    hour = start // HOUR_MS
    hours = [hour - 1, hour] if start - hour * HOUR_MS < _BOUNDARY_MS else [hour]
    count = max(limit, _AT_LEAST)
    keys = [f"v:{{{tag:02x}}}:r:{of}" for tag in range(HASH_TAGS) for of in hours]
    pipeline = redis.pipeline(transaction=False)
    for key in keys:
        pipeline.xrange(key, min=str(start), max=str(end - 1), count=count)
    found: list[list[_Row]] = await pipeline.execute()
    for rows in found:
        if len(rows) >= count:  # more may stand behind the last: leave its millisecond out
            end = min(end, max(_ms(rows[-1]), start + 1))
    placed = ((key, row) for key, rows in zip(keys, found, strict=True) for row in rows)
    merged = sorted((it for it in placed if _ms(it[1]) < end), key=lambda it: _ms(it[1]))
    if len(merged) > limit:
        end = max(_ms(merged[limit - 1][1]), start + 1)
        merged = [it for it in merged if _ms(it[1]) < end]
    records: list[StoredRecord] = []
    unread: list[str] = []
    for key, row in merged:
        try:
            records.append(_kept(row, key[_TAG]))
        except (Outage, KeyError):  # what it lacks is a field, or the letter of an answer
            unread.append(f"{key} {row[0].decode()}")
    return RecordsRead(end, records, unread)


def _ms(row: _Row) -> int:
    return int(row[0].partition(b"-")[0])


def _kept(row: _Row, tag: str) -> StoredRecord:
    """Read an entry.

    Raises:
        Outage, KeyError: it is no record, or a newer program's.
    """
    fields = row[1]
    amendment = fields.get(b"m")
    return StoredRecord(
        _ms(row),
        unpack_record(fields[b"r"]),
        read_answer(fields[b"a"]),
        None if amendment is None else read_amendment(amendment),
        tag,
    )
