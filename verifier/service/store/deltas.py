"""The published versions of planes: written by the issuing process, followed by every worker.

    v:{status}:heads                    hash: "<list>:<plane>" to "<version>:<chain>:<iat>"
    v:{status}:deltas:<list>:<plane>    stream: entry <version>-0, field d = signed delta; trimmed

A delta, its head and the end of the changes it holds are written in one step, so that a publisher
that dies anywhere loses no change and publishes none twice. Versions are entry ids: the store takes
no second delta of one version.
"""

import hashlib
from typing import Any, Final, NamedTuple

from redis.asyncio import Redis

from verifier.contract.status import PlaneName
from verifier.issuing.change_seal import SealedChange
from verifier.service.store.bundles import BYTES, VERSIONS
from verifier.service.store.library import LAY, PUBLISH, START_OVER
from verifier.service.store.planes import PLANES, PlaneUnknown, changes_key, named, plane_key

HEADS: Final = "v:{status}:heads"
MAX_READ: Final = 16_384
"""Entries of changes read at once: all there can be, with 2,000,000 changes at most."""
MAX_DELTAS_READ: Final = 256
"""Deltas read at once."""


class Superseded(Exception):  # noqa: N818 - it is an answer
    """Another publisher has continued from the same head, or the plane is gone."""


class PlaneHead(NamedTuple):
    """The newest version of a plane."""

    version: int
    chain: bytes
    iat: int
    """Unix seconds."""

    def __str__(self) -> str:
        """Write it as the store keeps it."""
        return f"{self.version}:{self.chain.hex()}:{self.iat}"


class PendingEntry(NamedTuple):
    """A change that is not published yet, as one call has made it; nothing of it is checked."""

    id: str
    packed: bytes
    """The records that changed."""
    whole: bool
    """A load filled in a piece: only the whole plane has its values."""
    sealed: SealedChange


class PendingChanges(NamedTuple):
    """Changes that are not published yet, oldest first."""

    entries: tuple[PendingEntry, ...]
    last: str
    """Id of the last entry; empty: there is none."""
    whole: bool
    """Only the whole plane has all their values."""
    crowded: bool = False
    """More wait than were read."""

    @property
    def packed(self) -> tuple[bytes, ...]:
        """Return the records of each entry."""
        return tuple(entry.packed for entry in self.entries if not entry.whole)


class DeltaRow(NamedTuple):
    """A delta as it stands in the stream; nothing of it is verified."""

    version: int
    data: bytes


class Stand(NamedTuple):
    """A plane at one moment of the store."""

    data: bytes
    pending: PendingChanges
    head: PlaneHead | None
    newest: int
    """Version of the newest delta; 0: there is none."""


def deltas_key(name: PlaneName) -> str:
    """Return where a plane's deltas stand."""
    return f"v:{{status}}:deltas:{name}"


async def read_stand(redis: Redis, name: PlaneName) -> Stand:
    """Read a plane, its head and what waits, all of one moment.

    Raises:
        PlaneUnknown: no such plane.
    """
    pipeline = redis.pipeline(transaction=True)
    pipeline.get(plane_key(name))
    pipeline.xrange(changes_key(name), count=MAX_READ)
    pipeline.xrevrange(changes_key(name), count=1)
    pipeline.hget(HEADS, str(name))
    pipeline.xrevrange(deltas_key(name), count=1)
    data, entries, newest, head, deltas = await pipeline.execute()
    if data is None:
        raise PlaneUnknown(str(name))
    pending = _pending(entries)
    if newest and newest[0][0].decode() != pending.last:
        # More waits than was read: what is not judged is not taken away.
        pending = pending._replace(crowded=True)
    rows = _rows(deltas)
    return Stand(
        data, pending, None if head is None else read_head(head), rows[0].version if rows else 0
    )


async def read_pending(redis: Redis, name: PlaneName) -> PendingChanges:
    """Read the oldest changes that wait."""
    entries: Any = await redis.xrange(changes_key(name), count=MAX_READ)
    return _pending(entries)


async def await_changes(redis: Redis, name: PlaneName, milliseconds: int) -> bool:
    """Wait until a change waits to be published, but no longer than this; say whether one does."""
    found: Any = await redis.xread({changes_key(name): "0"}, count=1, block=milliseconds)
    return bool(found)


async def publish_delta(
    redis: Redis,
    name: PlaneName,
    delta: bytes,
    *,
    before: PlaneHead,
    after: PlaneHead,
    last: str,
    keep_from: int,
) -> None:
    """Publish a delta, drop the changes up to entry `last` and deltas below version `keep_from`.

    Raises:
        Superseded: the head is another than `before`, there is a delta of this version already, or
            the plane is gone; nothing was done.
    """
    done: Any = await redis.fcall(
        PUBLISH, 4, PLANES, HEADS, deltas_key(name), changes_key(name),
        str(name), str(before), str(after), after.version, delta, last, keep_from,
    )  # fmt: skip
    if done != 1:
        raise Superseded


async def start_over(
    redis: Redis, name: PlaneName, *, before: PlaneHead | None, after: PlaneHead, last: str
) -> None:
    """Let the plane as it was read be a new head, to which no delta leads.

    Raises:
        Superseded: the head is another than `before`, or the plane is gone; nothing was done.
    """
    done: Any = await redis.fcall(
        START_OVER, 4, PLANES, HEADS, deltas_key(name), changes_key(name),
        str(name), "" if before is None else str(before), str(after), last,
    )  # fmt: skip
    if done != 1:
        raise Superseded


async def lay_snapshot(
    redis: Redis, name: PlaneName, bundle: str, version: int, data: bytes
) -> None:
    """Publish a snapshot under a bundle's name.

    Raises:
        Superseded: something newer lies there, or the plane is gone; nothing was done.
    """
    digest = hashlib.sha256(data).hexdigest()
    done: Any = await redis.fcall(
        LAY, 3, PLANES, VERSIONS, BYTES + bundle, str(name), bundle, version, digest, data
    )
    if done != 1:
        raise Superseded


async def read_heads(redis: Redis) -> dict[PlaneName, int]:
    """Return the newest version of every plane that was published."""
    rows: dict[Any, Any] = await redis.hgetall(HEADS)
    return {named(field): read_head(value).version for field, value in rows.items()}


async def read_deltas(redis: Redis, name: PlaneName, after: int) -> list[DeltaRow]:
    """Return the signed deltas to versions above `after`, ascending, MAX_DELTAS_READ at most."""
    rows: Any = await redis.xrange(deltas_key(name), min=f"{after + 1}-0", count=MAX_DELTAS_READ)
    return _rows(rows)


async def await_deltas(
    redis: Redis, after: dict[PlaneName, int], milliseconds: int
) -> dict[PlaneName, list[DeltaRow]]:
    """Wait for deltas to versions above those given, but no longer than this; return them."""
    streams: Any = {deltas_key(name): f"{version}-0" for name, version in after.items()}
    rows: Any = await redis.xread(streams, count=MAX_DELTAS_READ, block=milliseconds)
    names = {deltas_key(name).encode(): name for name in after}
    return {names[key]: _rows(entries) for key, entries in rows}


def _rows(entries: Any) -> list[DeltaRow]:
    return [
        DeltaRow(int(entry.partition(b"-")[0]), fields.get(b"d", b"")) for entry, fields in entries
    ]


def _pending(entries: Any) -> PendingChanges:
    found = tuple(_entry(entry.decode(), fields) for entry, fields in entries)
    return PendingChanges(
        entries=found,
        last=found[-1].id if found else "",
        whole=any(entry.whole for entry in found),
    )


def _entry(entry: str, fields: dict[bytes, bytes]) -> PendingEntry:
    packed = fields.get(b"c", b"")
    sealed = SealedChange(
        why=fields.get(b"w", b"").decode("ascii", "replace"),
        nonce=fields.get(b"n", b""),
        seal=fields.get(b"s", b""),
        asked=fields.get(b"g") or packed,
    )
    return PendingEntry(entry, packed, b"all" in fields, sealed)


def read_head(value: bytes) -> PlaneHead:
    """Read a head as the store keeps it."""
    version, chain, iat = value.decode().split(":")
    return PlaneHead(int(version), bytes.fromhex(chain), int(iat))
