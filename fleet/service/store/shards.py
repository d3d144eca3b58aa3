"""A shard's keys in the store: reading them, and writing a batch of changes.

Which keys there are, and what is in them, is the books' to say (`fleet.books`): this file only puts
the shard's prefix before them. Table of keys: docs/store-fleet.md.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from redis.asyncio import Redis

from fleet.books.rows import Append, DropRow, SetRows, SetString, Stored, Write
from fleet.contract.topics import Shard as ShardName
from fleet.service.store.functions import WRITE
from fleet.service.store.leases import Fence, fence_key, tag
from fleet.shard import BOOKS, Books, Shard, Work

Argument = str | bytes
ROWS_IN_ONE: Final = 1000
"""Rows of one HSET: Lua hands on fewer than 8,000 arguments at once."""


NO_TURN: Final = ""
"""Before the first write of a shard."""


class Written(IntEnum):
    """What became of a write."""

    LOST = 0
    """The fence is old: another process has the shard."""
    DONE = 1
    OVERTAKEN = 2
    """Another write came first, such as this one's own first try."""


@dataclass(slots=True)
class FencedWrite:
    """Redis commands that are done together, or not at all when the fence is old.

    A write takes the shard's turn, which names it. When it is not answered, whoever computes it
    anew names the same turn before: so only one of the two is done, and the turn says which.
    """

    shard: ShardName
    fence: Fence
    before: str
    """The turn of the write before."""
    turn: str
    _keys: dict[str, None]
    _arguments: list[Argument]

    @classmethod
    def under(cls, shard: ShardName, fence: Fence, *, before: str, turn: str) -> "FencedWrite":
        """Begin one."""
        return cls(shard, fence, before, turn, {}, [])

    def __bool__(self) -> bool:
        return bool(self._arguments)

    def add(self, command: str, key: str, *arguments: Argument) -> None:
        """Add HSET, HDEL, SET or XADD on a key of the shard."""
        self._keys[key] = None
        self._arguments += (str(len(arguments) + 2), command, key, *arguments)

    def call(self) -> tuple[Argument | int, ...]:
        """Return the one FCALL that does it; it answers a `Written`."""
        return (
            "FCALL",
            WRITE,
            len(self._keys) + 2,
            fence_key(self.shard),
            turn_key(self.shard),
            *self._keys,
            str(self.fence),
            self.before,
            self.turn,
            *self._arguments,
        )


def turn_key(shard: ShardName) -> str:
    """Return the key of the name of the shard's newest write."""
    return tag(shard) + "turn"


def write_of(work: Work, fence: Fence, *, before: str, turn: str) -> FencedWrite:
    """Turn changes into one fenced write."""
    shard = work.base.name
    prefix = tag(shard)
    write = FencedWrite.under(shard, fence, before=before, turn=turn)
    for each in work.writes():
        _add(write, prefix, each)
    return write


def _add(write: FencedWrite, prefix: str, each: Write) -> None:
    match each:
        case SetRows(name, rows):
            flat = [part for row in rows.items() for part in row]
            for start in range(0, len(flat), 2 * ROWS_IN_ONE):
                write.add("HSET", prefix + name, *flat[start : start + 2 * ROWS_IN_ONE])
        case DropRow(name, field):
            write.add("HDEL", prefix + name, field)
        case SetString(key, value, forget_at):
            write.add("SET", prefix + key, value, "PXAT", str(forget_at))
        case Append(stream, fields, kept):
            flat = [part for entry in fields.items() for part in entry]
            write.add("XADD", prefix + stream, "MAXLEN", "~", str(kept), "*", *flat)


async def write_all(redis: Redis, writes: list[FencedWrite]) -> list[Written]:
    """Do every write in one pipeline; tells of each what became of it."""
    pipeline = redis.pipeline(transaction=False)
    for write in writes:
        pipeline.execute_command(*write.call())
    return [Written(answer) for answer in await pipeline.execute()]


async def read_turn(redis: Redis, shard: ShardName) -> str:
    """Return the name of the shard's newest write."""
    turn: Any = await redis.get(turn_key(shard))
    return NO_TURN if turn is None else str(turn.decode())


async def load_shard(redis: Redis, name: ShardName, now: int, books: Books = BOOKS) -> Shard:
    """Read what is known of a shard; `now` in ms is when listening to it begins."""
    shard = Shard(name, books)
    pipeline = redis.pipeline(transaction=True)
    for family in shard.hashes:
        pipeline.hgetall(tag(name) + family)
    found: list[dict[bytes, bytes]] = await pipeline.execute()
    hashes = {
        family: {field.decode(): row for field, row in rows.items()}
        for family, rows in zip(shard.hashes, found, strict=True)
    }
    strings = await read_strings(redis, name, shard.strings(Stored(hashes=hashes)))
    shard.load(Stored(hashes=hashes, strings=strings), now)
    return shard


async def read_strings(redis: Redis, shard: ShardName, keys: Iterable[str]) -> dict[str, bytes]:
    """Read strings by their keys; those that are not there are left out."""
    wanted = tuple(keys)
    if not wanted:
        return {}
    rows: list[Any] = await redis.mget([tag(shard) + key for key in wanted])
    return {key: row for key, row in zip(wanted, rows, strict=True) if row}


async def read_hash(redis: Redis, shard: ShardName, name: str) -> dict[str, bytes]:
    """Read a whole hash of one shard."""
    rows: Any = await redis.hgetall(tag(shard) + name)
    return {field.decode(): row for field, row in rows.items()}


async def read_fields(
    redis: Redis, shard: ShardName, names: Sequence[str], fields: Sequence[str]
) -> dict[str, dict[str, bytes | None]]:
    """Read fields of several hashes; returns field -> name of the hash -> row."""
    pipeline = redis.pipeline(transaction=False)
    for name in names:
        pipeline.hmget(tag(shard) + name, list(fields))
    columns: list[Any] = await pipeline.execute()
    return {
        field: dict(zip(names, rows, strict=True))
        for field, *rows in zip(fields, *columns, strict=True)
    }
