"""Looking records up from now backwards: those of one terminal, or of one code at one terminal.

Streams are read in spans that get longer while little stands in them, so that a quiet night costs
little and a rush hour is not read at once. A code is found by the digest that its scan_id is bound
to: the store holds no text, and the digest holds the terminal too, so a code can only be looked for
at a terminal that is named.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from redis.asyncio import Redis

from verifier.service.store.moments import store_ms
from verifier.service.store.records import KEPT_MS, StoredRecord, read_span
from verifier.service.store.scans import DIGEST_BYTES, HOUR_MS, index_key

MAX_LOOKED: Final = 100_000
"""Records that one search reads, and one span more: two seconds of a worker."""
_FIRST_SPAN_MS: Final = 1_000
_PAGE: Final = 1_000
_FEW: Final = 2_000
"""Records in a span, below which the next one is twice as long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """What a search found."""

    rows: tuple[StoredRecord, ...]
    """Newest first."""
    searched_from: int
    """Milliseconds of the store's clock."""
    whole: bool
    """Nothing older is kept."""


async def search_records(
    redis: Redis, *, terminal: str, digest: bytes | None, before: int | None, last: int
) -> SearchResult:
    """Return the newest records of a terminal before a moment, at most `last` and one span's."""
    now = await store_ms(redis)
    oldest = now - KEPT_MS
    end = now if before is None else max(oldest, min(before, now))
    span, looked = _FIRST_SPAN_MS, 0
    found: list[StoredRecord] = []
    while end > oldest and len(found) < last and looked < MAX_LOOKED:
        start = max(oldest, end - span, (end - 1) // HOUR_MS * HOUR_MS)
        read, rows = await _of_terminal(redis, start, end, terminal)
        looked += read
        if digest is not None:
            rows = await _bound_to(redis, rows, digest)
        found += reversed(rows)
        end = start
        span = min(span * 2, HOUR_MS) if read < _FEW else max(span // 2, _FIRST_SPAN_MS)
    return SearchResult(rows=tuple(found[:last]), searched_from=end, whole=end <= oldest)


async def _of_terminal(
    redis: Redis, start: int, end: int, terminal: str
) -> tuple[int, list[StoredRecord]]:
    """Read a span to its end; return how many records stand there, and the terminal's."""
    read, rows = 0, []
    while start < end:
        page = await read_span(redis, start, end, _PAGE)
        start = page.cursor
        read += len(page.records) + len(page.unread)
        rows += [row for row in page.records if row.record.terminal == terminal]
    return read, rows


async def _bound_to(
    redis: Redis, rows: Sequence[StoredRecord], digest: bytes
) -> list[StoredRecord]:
    """Return the records whose scan_id is bound to a text's digest."""
    if not rows:
        return []
    pipeline = redis.pipeline(transaction=False)
    for row in rows:
        scan_id = row.record.scan_id
        pipeline.hget(index_key(row.tag, scan_id), scan_id)
    values: list[bytes | None] = await pipeline.execute()
    return [
        row
        for row, value in zip(rows, values, strict=True)
        if value is not None and value[:DIGEST_BYTES] == digest
    ]
