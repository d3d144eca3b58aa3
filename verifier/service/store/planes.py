"""Planes in the store: every change of a colour or a revocation is made here, in one step.

    v:{status}:planes                   hash: "<list>:<plane>" to "<bits>:<size>", or "destroyed"
    v:{status}:plane:<list>:<plane>     string: packed values, of full length from the beginning
    v:{status}:changes:<list>:<plane>   stream: changes that are not published yet, each with why

The store holds the truth. Bytes and the note of the change are written by one function of
status.lua, so that two writers in one byte undo nothing, and no change stays unpublished. Who has
to know whether a change was made (a batch, an approval) hands in a marker, which is compared and
set in the same step. Every change has a cause: the publisher signs what its seal explains.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from redis.asyncio import Redis
from redis.exceptions import RedisError

from verifier.contract.status import PlaneName
from verifier.contract.vocabulary import Plane
from verifier.service.store.causes import (
    HOLD_ENDS,
    ORIGINS,
    ChangeCause,
    HeldValue,
    holds_key,
    new_nonce,
    origin_key,
    said_key,
)
from verifier.service.store.erased import erased_key
from verifier.service.store.library import CHANGE, END_HOLD, MAKE_PLANE
from verifier.status.changes import pack_changes
from verifier.status.plane import BITS, MAX_PLANE_BYTES

MAX_CHANGES: Final = 10_000
"""Changes a call: the store does nothing else meanwhile, for about 10 ms."""
MARKERS: Final = "v:{status}:"
"""How every marker's key begins."""
DESTROYED: Final = "destroyed"
"""In place of a plane's width and size: it is never made again."""
PLANES: Final = "v:{status}:planes"


class ChangesCrowdedError(RedisError):
    """As many changes wait to be published as may: ask again later, as when the store is away."""


class PlaneUnknown(KeyError):  # noqa: N818 - it is an answer
    """There is no such plane: it was never made, or it was destroyed."""


class Marker(NamedTuple):
    """A string that is compared and set in the step of a change."""

    key: str
    """Begins with `v:{status}:`."""
    expected: bytes | None
    """None: there is no such key yet."""
    value: bytes


def plane_key(name: PlaneName) -> str:
    """Return where a plane's bytes stand."""
    return f"v:{{status}}:plane:{name}"


def changes_key(name: PlaneName) -> str:
    """Return where a plane's unpublished changes stand."""
    return f"v:{{status}}:changes:{name}"


def octets(plane: Plane, size: int) -> int:
    """Return how many bytes a plane of `size` values takes."""
    return (size * BITS[plane] + 7) // 8


async def make_plane(redis: Redis, name: PlaneName, size: int) -> None:
    """Make a plane of `size` zeros; one that is there is kept as it is.

    Raises:
        ValueError: no possible size, or another size than the plane has.
        PlaneUnknown: it was destroyed.
    """
    if size < 1 or octets(name.plane, size) > MAX_PLANE_BYTES:
        raise ValueError("no size of a plane")
    made = await redis.fcall(
        MAKE_PLANE, 2, PLANES, plane_key(name),
        str(name), BITS[name.plane], size, octets(name.plane, size),
    )  # fmt: skip
    if made != 1:
        found = await redis.hget(PLANES, str(name))
        if found == DESTROYED.encode():
            raise PlaneUnknown(str(name))
        raise ValueError(f"plane {name} has another size than {size}")


async def read_planes(redis: Redis) -> dict[PlaneName, int]:
    """Return the planes there are, each with its size in values."""
    rows: dict[Any, Any] = await redis.hgetall(PLANES)
    return {
        named(field): int(value.decode().partition(":")[2])
        for field, value in rows.items()
        if value.decode() != DESTROYED
    }


async def read_destroyed(redis: Redis) -> frozenset[PlaneName]:
    """Return the planes that were destroyed."""
    rows: dict[Any, Any] = await redis.hgetall(PLANES)
    return frozenset(named(field) for field, value in rows.items() if value.decode() == DESTROYED)


def named(field: bytes) -> PlaneName:
    """Read a plane's name as the store keeps it."""
    number, _, plane = field.decode().partition(":")
    return PlaneName(int(number), Plane(plane))


async def change(
    redis: Redis,
    changes: Mapping[PlaneName, Sequence[tuple[int, int]]],
    *,
    cause: ChangeCause | None = None,
    marker: Marker | None = None,
    expected: Mapping[PlaneName, Sequence[tuple[int, int]]] | None = None,
) -> bool:
    """Set values, (index, value) each, all or none of them, in one step of the store.

    Of two changes of one index the last counts; a value that is there already is no change.
    A value for a person who was erased is left out, and one that two people hold, unless the cause
    is their decision. To move a marker alone there need be no cause. False: the marker, or a value
    of `expected` in a plane that is changed, is another, or its person was erased; then nothing was
    changed.

    Raises:
        IndexError: outside a plane.
        ValueError: no value of its plane, more than MAX_CHANGES, or changes without a cause.
        PlaneUnknown: no such plane.
        ChangesCrowdedError: too many wait to be published; nothing was changed.
        RedisError: the store is away; the change may or may not have been made.
    """
    if changes and cause is None:
        raise ValueError("changes of a plane need a cause")
    keys = [PLANES, PLANES if marker is None else marker.key, ORIGINS, HOLD_ENDS]
    nonce = new_nonce()
    words: list[str | bytes | int] = list(_asked(marker))
    words += ("", "", "s", nonce, "", 0) if cause is None else cause.words(nonce)
    if sum(map(len, changes.values())) > MAX_CHANGES:
        raise ValueError(f"more than {MAX_CHANGES} changes at once")
    for name, pairs in changes.items():
        credentials = name.plane is Plane.REVOCATION
        erased = plane_key(name) if credentials else erased_key(name.list_number)
        keys += [plane_key(name), changes_key(name), erased]
        keys += [holds_key(name), said_key(name), origin_key(name)]
        before = () if expected is None else expected.get(name, ())
        bits = BITS[name.plane]
        packed = pack_changes(pairs, bits=bits)
        seal = b"" if cause is None else cause.seal.seal(name, cause.why, nonce, packed)
        words += [str(name), packed, pack_changes(before, bits=bits), seal]
    answer: Any = await redis.fcall(CHANGE, len(keys), *keys, *words)
    if answer == b"u":
        raise PlaneUnknown(", ".join(map(str, changes)))
    if answer == b"i":
        raise IndexError("outside the status list")
    if answer == b"b":
        raise ChangesCrowdedError("too many changes wait to be published")
    return bool(answer)


async def end_hold(
    redis: Redis, name: PlaneName, index: int, held: HeldValue, cause: ChangeCause
) -> bool:
    """End a hold whose term is over; what a feed said meanwhile comes into force, under `cause`.

    False: another hold or value stands there by now, and nothing was done.

    Raises:
        RedisError: the store is away; it may or may not have been done.
    """
    packed = b""
    if held.said:
        packed = pack_changes([(index, held.said[0])], bits=BITS[name.plane])
    nonce = new_nonce()
    keys = (
        HOLD_ENDS, holds_key(name), said_key(name), plane_key(name), changes_key(name),
        erased_key(name.list_number), ORIGINS, origin_key(name), PLANES,
    )  # fmt: skip
    answer: Any = await redis.fcall(
        END_HOLD, len(keys), *keys, str(name), str(index), held.stored, held.said,
        cause.why, nonce, cause.seal.seal(name, cause.why, nonce, packed), packed, cause.origin,
    )  # fmt: skip
    return bool(answer == 1)


def _asked(marker: Marker | None) -> tuple[str | bytes, ...]:
    if marker is None:
        return "n", b"", b""
    if not marker.key.startswith(MARKERS):
        raise ValueError(f"a marker's key begins with {MARKERS}")
    if marker.expected is None:
        return "a", b"", marker.value
    return "v", marker.expected, marker.value


async def read_value(redis: Redis, name: PlaneName, indices: Sequence[int]) -> list[int]:
    """Return the values at indices, as the store has them now.

    Raises:
        IndexError: one of them is outside the plane.
        PlaneUnknown: no such plane.
    """
    size = (await read_planes(redis)).get(name)
    if size is None:
        raise PlaneUnknown(str(name))
    if not indices:
        return []
    if min(indices) < 0 or max(indices) >= size:
        raise IndexError("outside the status list")
    width = f"u{BITS[name.plane]}"
    asked = [("GET", width, _place(index, BITS[name.plane])) for index in indices]
    words = [word for each in asked for word in each]
    ask: Any = redis.execute_command
    found: list[Any] = await ask("BITFIELD_RO", plane_key(name), *words)
    return [int(value) for value in found]


def _place(index: int, bits: int) -> int:
    """Return where BITFIELD finds a value: it counts each byte from its highest bit."""
    bit = index * bits
    return bit + 8 - bits - 2 * (bit % 8)
