"""Why a plane is changed, and who says so: goes with every change, in the step that makes it.

    v:{status}:origins                  hash: origin to its number, 1 to 254
    v:{status}:origin:<list>:<plane>    string: a byte per person: the number of the value's origin
    v:{status}:holds:<list>:<plane>     hash: index to JSON of the hold
    v:{status}:said:<list>:<plane>      hash: index to a feed's value meanwhile (1 byte), and why
    v:{status}:hold-ends                sorted set: "<list>:<plane>:<index>" by Unix seconds

The origin of a value is kept as long as the value. A hold is what two people decided: no feed
changes the value until two people end it, or its term does.
"""

import secrets
from enum import StrEnum
from typing import Any, Final, NamedTuple

import msgspec
from redis.asyncio import Redis

from runtime.clock import now
from verifier.contract.status import PlaneName
from verifier.contract.vocabulary import Plane
from verifier.issuing.change_seal import ChangeSeal, nonce_of

ORIGINS: Final = "v:{status}:origins"
HOLD_ENDS: Final = "v:{status}:hold-ends"
PEOPLE: Final = "people"
"""The origin of what two people decided."""
ISSUE: Final = "issue"
"""The origin of a new person's colour."""
OTHER: Final = 255
"""Number of all origins past the 254th."""


class ChangeMode(StrEnum):
    """What a change means for what is held."""

    FEED = "f"
    """A source's: what is held stays, and its value is remembered."""
    ISSUE = "i"
    """What is held stays."""
    DECISION = "p"
    """Two people's: sets a hold, or ends it."""
    ERASURE = "e"
    """Ends every hold."""
    REPAIR = "s"
    """What was signed is put back."""


class Hold(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What two people decided of one value."""

    proposal: str
    by: tuple[str, str]
    """Person ids: who proposed it, who approved it."""
    reason: str
    at: int
    """Unix seconds, as `until`."""
    until: int = 0
    """When it ends by itself; 0: only two people end it."""


class ChangeCause(NamedTuple):
    """Why a change is made."""

    why: str
    """What explains it, such as `proposal:<id>`; in the audit log under the same id."""
    seal: ChangeSeal
    mode: ChangeMode = ChangeMode.ISSUE
    origin: str = ""
    """Whose values they are from now on; empty: nobody's."""
    hold: Hold | None = None
    """Of a decision: how it holds; None: it does not, feeds go on."""

    def words(self, nonce: bytes) -> tuple[str | bytes | int, ...]:
        """Return the words that the functions of the store take."""
        hold, ends = b"", 0
        if self.hold is not None:
            hold, ends = msgspec.json.encode(self.hold), self.hold.until
        return (self.why, self.origin, self.mode, nonce, hold, ends)


class HeldValue(NamedTuple):
    """A hold as the store keeps it, and what a feed said meanwhile."""

    hold: Hold
    stored: bytes
    said: bytes
    """A value (1 byte) and why; empty: nothing."""


def new_nonce() -> bytes:
    """Return a nonce of now."""
    return nonce_of(int(now() * 1000), secrets.token_bytes(8))


def holds_key(name: PlaneName) -> str:
    """Return where a plane's holds stand."""
    return f"v:{{status}}:holds:{name}"


def said_key(name: PlaneName) -> str:
    """Return where stands what feeds say of what is held."""
    return f"v:{{status}}:said:{name}"


def origin_key(name: PlaneName) -> str:
    """Return where the origins of a plane's values stand."""
    return f"v:{{status}}:origin:{name}"


async def read_held_value(redis: Redis, name: PlaneName, index: int) -> HeldValue | None:
    """Return how a value is held; None: it is not.

    Raises:
        RedisError: the store is away.
    """
    pipeline = redis.pipeline(transaction=True)
    pipeline.hget(holds_key(name), str(index))
    pipeline.hget(said_key(name), str(index))
    stored, said = await pipeline.execute()
    if stored is None:
        return None
    return HeldValue(msgspec.json.decode(stored, type=Hold), stored, said or b"")


async def read_origin(redis: Redis, name: PlaneName, index: int) -> str:
    """Return whose a value is; empty: nobody's, or it was filled in with the whole list.

    Raises:
        RedisError: the store is away.
    """
    number: Any = await redis.getrange(origin_key(name), index, index)
    if not number or number == b"\0":
        return ""
    names: dict[Any, Any] = await redis.hgetall(ORIGINS)
    found = {int(value): key.decode() for key, value in names.items()}
    return str(found.get(number[0], "other"))


async def ended_holds(redis: Redis, moment: int, limit: int) -> list[tuple[PlaneName, int]]:
    """Return the values whose hold ends by a moment, the first to end first.

    Raises:
        RedisError: the store is away.
    """
    rows: Any = await redis.zrangebyscore(HOLD_ENDS, "-inf", moment, start=0, num=limit)
    found = []
    for row in rows:
        number, plane, index = row.decode().split(":")
        found.append((PlaneName(int(number), Plane(plane)), int(index)))
    return found


async def forget_end(redis: Redis, name: PlaneName, index: int) -> None:
    """Forget when a hold ends that is there no more, or ends later.

    Raises:
        RedisError: the store is away.
    """
    await redis.zrem(HOLD_ENDS, f"{name}:{index}")


async def forget_holds(redis: Redis, name: PlaneName) -> None:
    """Forget all holds and origins of a plane: it is destroyed.

    Raises:
        RedisError: the store is away; a second call does the rest.
    """
    indices: Any = await redis.hgetall(holds_key(name))
    if indices:
        await redis.zrem(HOLD_ENDS, *(f"{name}:{index.decode()}" for index in indices))
    await redis.delete(holds_key(name), said_key(name), origin_key(name))
