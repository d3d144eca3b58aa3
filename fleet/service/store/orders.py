"""Commands and promises: strings `f:{sX}:command:<id>` and `f:{sX}:promise:<digest>`, JSON.

A promise is what an Idempotency-Key stands for. Both are forgotten a day after the expiry.
"""

import hashlib
from collections.abc import Iterable
from typing import Final

import msgspec
from redis.asyncio import Redis

from fleet.commands import CommandRecord
from fleet.contract.topics import Shard, TerminalId
from fleet.service.store.leases import tag
from fleet.shard import Promise

_encode: Final = msgspec.json.Encoder().encode
_command: Final = msgspec.json.Decoder(CommandRecord).decode
_promise: Final = msgspec.json.Decoder(Promise).decode


def command_write(shard: Shard, command: CommandRecord) -> tuple[str, str, bytes, str, str]:
    """Return the write of one command."""
    key = f"{tag(shard)}command:{command.id}"
    return "SET", key, _encode(command), "PXAT", str(command.forget_at)


def promise_write(shard: Shard, key: str, promise: Promise) -> tuple[str, str, bytes, str, str]:
    """Return the write of one promise; `key` is from `promise_key`."""
    name = f"{tag(shard)}promise:{key}"
    return "SET", name, _encode(promise), "PXAT", str(promise.forget_at)


def promise_key(caller: str, terminal: TerminalId, idempotency_key: str) -> str:
    """Digest what makes an Idempotency-Key unique: who, for which terminal, and the key."""
    return hashlib.sha256(f"{caller}\0{terminal}\0{idempotency_key}".encode()).hexdigest()


async def read_commands(redis: Redis, shard: Shard, ids: Iterable[str]) -> dict[str, CommandRecord]:
    """Read commands by id; those unknown are left out."""
    keys = [f"{tag(shard)}command:{command_id}" for command_id in ids]
    if not keys:
        return {}
    commands = [_command(row) for row in await redis.mget(keys) if row]
    return {command.id: command for command in commands}


async def read_promises(redis: Redis, shard: Shard, keys: Iterable[str]) -> dict[str, Promise]:
    """Read promises by key; those unknown are left out."""
    wanted = list(keys)
    if not wanted:
        return {}
    rows = await redis.mget([f"{tag(shard)}promise:{key}" for key in wanted])
    return {key: _promise(row) for key, row in zip(wanted, rows, strict=True) if row}
