"""A closed hour's record streams, `v:{tt}:r:<hour>`: read whole in the order of time, removed.

The 64 streams are merged in pages, so that an hour of any size takes the same memory, and read a
few at a time, so that no scan waits for it.
"""

from collections import deque
from collections.abc import AsyncGenerator, Iterable, Mapping
from typing import Any, Final

from redis.asyncio import Redis

from verifier.archive.manifest import EntryId, entry_id
from verifier.archive.row import StreamEntry
from verifier.errors import Outage
from verifier.service.store.packed_record import unpack_record
from verifier.service.store.scans import read_amendment, read_answer
from verifier.steps.use import HASH_TAGS

PAGE: Final = 250
"""Entries of a stream asked for at once."""
STREAMS_AT_ONCE: Final = 8
"""Streams a call to the store: 2,000 entries hold it for some 2 ms."""


async def read_hour(
    redis: Redis, hour: int, after: Mapping[int, EntryId]
) -> AsyncGenerator[list[StreamEntry], None]:
    """Yield the entries of an hour behind those of `after` (hash tag to id), oldest first.

    Raises:
        RedisError: the store is away.
    """
    cursors = dict(after)
    unfinished, held = (
        set(range(HASH_TAGS)),
        {tag: deque[StreamEntry]() for tag in range(HASH_TAGS)},
    )
    while unfinished:
        empty = [tag for tag in sorted(unfinished) if not held[tag]]
        for tag, entries in await _pages(redis, hour, empty, cursors):
            held[tag].extend(entries)
            if entries:
                cursors[tag] = entries[-1].id
            if len(entries) < PAGE:
                unfinished.discard(tag)
        # What stands before the end of every unfinished page can have nothing before it any more.
        front = min((held[tag][-1].id for tag in unfinished), default=None)
        ready = [entry for waiting in held.values() for entry in _up_to(waiting, front)]
        if ready:
            yield sorted(ready, key=lambda entry: (entry.id, entry.tag))


async def is_empty(redis: Redis, hour: int) -> bool:
    """Say whether the store has nothing of an hour.

    Raises:
        RedisError: the store is away.
    """
    pipeline = redis.pipeline(transaction=False)
    for tag in range(HASH_TAGS):
        pipeline.xrange(f"v:{{{tag:02x}}}:r:{hour}", count=1)
    return not any(await pipeline.execute())


async def remove_hour(redis: Redis, hour: int) -> None:
    """Take an hour's streams out of the store, a few at a time.

    Raises:
        RedisError: the store is away.
    """
    for start in range(0, HASH_TAGS, STREAMS_AT_ONCE):
        pipeline = redis.pipeline(transaction=False)
        for tag in range(start, min(HASH_TAGS, start + STREAMS_AT_ONCE)):
            pipeline.unlink(f"v:{{{tag:02x}}}:r:{hour}")
        await pipeline.execute()


def _up_to(waiting: deque[StreamEntry], front: EntryId | None) -> Iterable[StreamEntry]:
    while waiting and (front is None or waiting[0].id <= front):
        yield waiting.popleft()


async def _pages(
    redis: Redis, hour: int, tags: list[int], cursors: Mapping[int, EntryId]
) -> list[tuple[int, list[StreamEntry]]]:
    pages = []
    for start in range(0, len(tags), STREAMS_AT_ONCE):
        some = tags[start : start + STREAMS_AT_ONCE]
        pipeline = redis.pipeline(transaction=False)
        for tag in some:
            least = f"({cursors[tag]}" if tag in cursors else "-"
            pipeline.xrange(f"v:{{{tag:02x}}}:r:{hour}", min=least, count=PAGE)
        found: list[list[Any]] = await pipeline.execute()
        pages += [
            (tag, [_entry(tag, row) for row in rows]) for tag, rows in zip(some, found, strict=True)
        ]
    return pages


def _entry(tag: int, row: tuple[bytes, dict[bytes, bytes]]) -> StreamEntry:
    stands, octets = entry_id(row[0].decode()), row[1].get(b"r", b"")
    amendment = row[1].get(b"m")
    try:
        return StreamEntry(
            tag,
            stands,
            octets,
            unpack_record(octets),
            read_answer(row[1][b"a"]),
            None if amendment is None else read_amendment(amendment),
        )
    except (Outage, KeyError):  # of a newer program: what it says must not be lost
        return StreamEntry(tag, stands, octets)
