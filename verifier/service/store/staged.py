"""Steps of batches that wait for the issuing process, which alone changes planes.

    v:{status}:staged    stream: source, signed manifest, packed lines, and how far they reach

The process of the feeds only appends here; one step of a source at a time. The issuing process
checks the manifest and the lines, applies the step, and takes the entry away.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from redis.asyncio import Redis

STAGED: Final = "v:{status}:staged"
MAX_STAGED: Final = 256
"""Entries kept: each source has one, and there are 64 sources; more is no honest sender's."""
MAX_TAKEN: Final = 16
"""Entries read at once: 14 KB each."""


class StagedStep(NamedTuple):
    """Some lines of a batch; nothing of it is checked."""

    source: str
    manifest: bytes
    """As its source signed it."""
    lines: bytes
    """As `verifier.feeds.prepared` packs them."""
    reached: int
    """Lines of the batch that are in the planes after it."""
    last: bool
    observed: int
    """Of the last step: the newest time of observation in the batch, Unix seconds."""


async def stage(redis: Redis, step: StagedStep) -> str:
    """Append a step; return the entry's id.

    Raises:
        RedisError: the store is away; it may or may not be there.
    """
    fields: Any = {
        "source": step.source,
        "manifest": step.manifest,
        "lines": step.lines,
        "reached": step.reached,
        "last": int(step.last),
        "observed": step.observed,
    }
    entry: Any = await redis.xadd(STAGED, fields)
    return str(entry.decode())


async def is_staged(redis: Redis, entry: str) -> bool:
    """Say whether an entry still waits.

    Raises:
        RedisError: the store is away.
    """
    return bool(await redis.xrange(STAGED, entry, entry))


async def await_staged(redis: Redis, milliseconds: int) -> list[tuple[str, StagedStep | None]]:
    """Wait for steps, but no longer than this; return the oldest by id, None: it is none.

    Raises:
        RedisError: the store is away.
    """
    rows: Any = await redis.xread({STAGED: "0"}, count=MAX_TAKEN, block=milliseconds)
    return [(entry.decode(), _read(fields)) for _, rows in rows for entry, fields in rows]


async def drop_staged(redis: Redis, entries: Sequence[str]) -> None:
    """Take entries away, and all that are past the bound.

    Raises:
        RedisError: the store is away.
    """
    await redis.xdel(STAGED, *entries)
    await redis.xtrim(STAGED, maxlen=MAX_STAGED, approximate=False)


def _read(fields: dict[bytes, bytes]) -> StagedStep | None:
    try:
        return StagedStep(
            source=fields[b"source"].decode("ascii"),
            manifest=fields[b"manifest"],
            lines=fields[b"lines"],
            reached=int(fields[b"reached"]),
            last=fields[b"last"] == b"1",
            observed=int(fields[b"observed"]),
        )
    except (KeyError, ValueError):
        return None
