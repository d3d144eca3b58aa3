"""What the store holds of a shard's terminals: loading it, and writing a batch of changes.

Keys `f:{sX}:presence|sequences|birth|beat|reported` (hashes by terminal), `:incidents` (hash by
kind and terminal), `:open` (hash of open command ids); commands and promises: orders.py; dead
letters: dead.py.
"""

from dataclasses import dataclass
from typing import Any, Final

import msgspec
from redis.asyncio import Redis

from fleet.contract.topics import Shard as ShardName
from fleet.contract.topics import TerminalId
from fleet.incidents import Incident
from fleet.presence import TerminalPresence
from fleet.sequences import Sequences
from fleet.service.store import dead, orders
from fleet.service.store.functions import WRITE
from fleet.service.store.leases import Fence, fence_key, tag
from fleet.shard import Shard, Work

_encode: Final = msgspec.json.Encoder().encode
_seen: Final = msgspec.json.Decoder(TerminalPresence).decode
_sequences: Final = msgspec.json.Decoder(Sequences).decode
_incident: Final = msgspec.json.Decoder(Incident).decode

Argument = str | bytes
ROWS_IN_ONE: Final = 1000
"""Rows of one HSET: Lua hands on fewer than 8,000 arguments at once."""


@dataclass(slots=True)
class FencedWrite:
    """Redis commands that are done together, or not at all when the fence is old."""

    shard: ShardName
    fence: Fence
    _keys: dict[str, None]
    _arguments: list[Argument]

    @classmethod
    def under(cls, shard: ShardName, fence: Fence) -> "FencedWrite":
        """Begin one."""
        return cls(shard, fence, {}, [])

    def __bool__(self) -> bool:
        return bool(self._arguments)

    def add(self, command: str, key: str, *arguments: Argument) -> None:
        """Add HSET, HDEL, SET or XADD on a key of the shard."""
        self._keys[key] = None
        self._arguments += (str(len(arguments) + 2), command, key, *arguments)

    def call(self) -> tuple[Argument | int, ...]:
        """Return the one FCALL that does it; it answers 1, or 0 when the fence is old."""
        return (
            "FCALL",
            WRITE,
            len(self._keys) + 1,
            fence_key(self.shard),
            *self._keys,
            str(self.fence),
            *self._arguments,
        )


def write_of(work: Work, fence: Fence) -> FencedWrite:
    """Turn changes into one fenced write."""
    shard = work.base.name
    prefix = tag(shard)
    write = FencedWrite.under(shard, fence)
    _rows(write, prefix + "presence", {name: _encode(row) for name, row in work.seen.items()})
    _rows(write, prefix + "sequences", {name: _encode(row) for name, row in work.sequences.items()})
    _rows(write, prefix + "birth", work.births)
    _rows(write, prefix + "beat", work.beats)
    _rows(write, prefix + "reported", work.reported)
    for (kind, terminal), incident in work.incidents.items():
        write.add("HSET", prefix + "incidents", f"{kind} {terminal}", _encode(incident))
    for command in work.commands.values():
        write.add(*orders.command_write(shard, command))
        if command.finished:
            write.add("HDEL", prefix + "open", command.id)
        else:
            write.add("HSET", prefix + "open", command.id, command.terminal)
    for key, promise in work.promises.items():
        write.add(*orders.promise_write(shard, key, promise))
    for letter in work.dead:
        write.add("XADD", prefix + "dead", *dead.letter_fields(letter, work.now))
    return write


def _rows(write: FencedWrite, key: str, rows: dict[TerminalId, bytes]) -> None:
    """Add HSETs for all rows of a hash."""
    flat = [part for row in rows.items() for part in row]
    for start in range(0, len(flat), 2 * ROWS_IN_ONE):
        write.add("HSET", key, *flat[start : start + 2 * ROWS_IN_ONE])


async def write_all(redis: Redis, writes: list[FencedWrite]) -> list[bool]:
    """Do every write in one pipeline; tells of each whether its fence held."""
    pipeline = redis.pipeline(transaction=False)
    for write in writes:
        pipeline.execute_command(*write.call())
    return [bool(answer) for answer in await pipeline.execute()]


async def load_shard(redis: Redis, name: ShardName, now: int) -> Shard:
    """Read what is known of a shard; `now` in ms is when listening to it begins."""
    prefix = tag(name)
    pipeline = redis.pipeline(transaction=True)
    for family in ("presence", "sequences", "incidents", "open"):
        pipeline.hgetall(prefix + family)
    seen, sequences, incidents, opened = await pipeline.execute()
    shard = Shard(
        name=name,
        listening_since=now,
        seen={TerminalId(key.decode()): _seen(row) for key, row in seen.items()},
        sequences={TerminalId(key.decode()): _sequences(row) for key, row in sequences.items()},
    )
    for row in incidents.values():
        incident = _incident(row)
        shard.incidents[incident.kind, TerminalId(incident.terminal)] = incident
    ids = [command_id.decode() for command_id in opened]
    for command in (await orders.read_commands(redis, name, ids)).values():
        shard.remember(command)
    return shard


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalRows:
    """What the store knows of one terminal, for showing it."""

    seen: TerminalPresence
    birth: Any
    beat: Any
    reported: Any


async def read_terminals(
    redis: Redis, shard: ShardName, names: list[TerminalId]
) -> dict[TerminalId, TerminalRows]:
    """Read the rows of some terminals of one shard."""
    prefix = tag(shard)
    pipeline = redis.pipeline(transaction=False)
    for family in ("presence", "birth", "beat", "reported"):
        pipeline.hmget(prefix + family, names)
    columns = await pipeline.execute()
    return {
        name: TerminalRows(
            seen=_seen(seen) if seen else TerminalPresence(),
            birth=_json(birth),
            beat=_json(beat),
            reported=_json(reported),
        )
        for name, seen, birth, beat, reported in zip(names, *columns, strict=True)
    }


async def read_incidents(redis: Redis, shard: ShardName) -> list[Incident]:
    """Read the incidents of one shard."""
    return [_incident(row) for row in (await redis.hgetall(tag(shard) + "incidents")).values()]


def _json(row: bytes | None) -> Any:
    return msgspec.json.decode(row) if row else None
