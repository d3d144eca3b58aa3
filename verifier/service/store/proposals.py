"""Proposals in the store, in the step of what they change.

    v:{status}:proposal:<id>   string: the proposal as JSON; compared and set as a marker
    v:{status}:proposals       sorted set: ids by the Unix ms of their proposing
    v:{status}:proposed:<day>  hash: how many each person has proposed that day (of 1970)
    v:{status}:noted:<id>      string: what carrying it out needs, such as a reference's digest

A proposal changes only by compare-and-set, in the same step of the store as the plane that it
changes: an approval takes effect once, whatever ends the process in between.
"""

from typing import Any, Final, NamedTuple

import msgspec
from redis.asyncio import Redis

from verifier.contract.proposal import MAX_PROPOSALS, PROPOSAL_KEPT_S, Proposal
from verifier.service.store.planes import Marker, change

_BY_TIME: Final = "v:{status}:proposals"
_DECODER: Final = msgspec.json.Decoder(Proposal)
MAX_A_DAY: Final = 500
"""Proposals of one person a day: so nobody alone fills the list, and keeps all others from it."""
DAY_S: Final = 86_400
MAX_FORGOTTEN: Final = 500
"""Proposals forgotten in one call."""


class StoredProposal(NamedTuple):
    """A proposal and the bytes in which the store keeps it."""

    proposal: Proposal
    octets: bytes


def proposal_key(proposal_id: str) -> str:
    """Return the key of a proposal."""
    return f"v:{{status}}:proposal:{proposal_id}"


def marker_of(kept: StoredProposal, after: Proposal) -> Marker:
    """Return the marker that moves a proposal on, if it still stands as it was read."""
    key = proposal_key(kept.proposal.id)
    return Marker(key, kept.octets, msgspec.json.encode(after))


async def keep_proposal(redis: Redis, proposal: Proposal) -> bool:
    """Keep a new proposal; False: there are too many.

    Raises:
        RedisError: the store is away.
    """
    if await redis.zcard(_BY_TIME) >= MAX_PROPOSALS:
        return False
    # The list first: an id without a proposal is nothing, a proposal without an id nobody's.
    await redis.zadd(_BY_TIME, {proposal.id: proposal.proposed_at})
    marker = Marker(proposal_key(proposal.id), None, msgspec.json.encode(proposal))
    return await change(redis, {}, marker=marker)


async def count_proposed(redis: Redis, person: str, now_ms: int) -> bool:
    """Count a proposal that somebody is about to make; False: there were too many today.

    Raises:
        RedisError: the store is away.
    """
    key = f"v:{{status}}:proposed:{now_ms // (1000 * DAY_S)}"
    pipeline = redis.pipeline(transaction=True)
    pipeline.hincrby(key, person, 1)
    pipeline.expire(key, 2 * DAY_S)
    made, _ = await pipeline.execute()
    return int(made) <= MAX_A_DAY


async def keep_note(redis: Redis, proposal_id: str, note: bytes) -> None:
    """Keep what carrying a proposal out needs, as long as the proposal is kept.

    Raises:
        RedisError: the store is away.
    """
    await redis.set(_note_key(proposal_id), note, ex=PROPOSAL_KEPT_S)


async def read_note(redis: Redis, proposal_id: str) -> bytes | None:
    """Return what was noted for a proposal; None: nothing."""
    note: Any = await redis.get(_note_key(proposal_id))
    return None if note is None else bytes(note)


async def drop_note(redis: Redis, proposal_id: str) -> None:
    """Forget what was noted for a proposal."""
    await redis.unlink(_note_key(proposal_id))


def _note_key(proposal_id: str) -> str:
    return f"v:{{status}}:noted:{proposal_id}"


async def read_proposal(redis: Redis, proposal_id: str) -> StoredProposal | None:
    """Return a proposal; None: there is none."""
    octets: Any = await redis.get(proposal_key(proposal_id))
    return None if octets is None else StoredProposal(_DECODER.decode(octets), octets)


async def move_proposal(redis: Redis, kept: StoredProposal, after: Proposal) -> bool:
    """Put a proposal's next state in place; False: it is no longer as it was read."""
    return await change(redis, {}, marker=marker_of(kept, after))


async def read_proposals(redis: Redis, before: int, limit: int) -> list[StoredProposal]:
    """Return the newest proposals made before a moment (Unix ms), the newest first."""
    ids: Any = await redis.zrevrangebyscore(_BY_TIME, f"({before}", "-inf", start=0, num=limit)
    if not ids:
        return []
    rows: Any = await redis.mget([proposal_key(each.decode()) for each in ids])
    return [
        StoredProposal(_DECODER.decode(octets), octets) for octets in rows if octets is not None
    ]


async def forget_proposals(redis: Redis, now_ms: int) -> int:
    """Forget proposals, their texts with them, 31 days after they were made; returns how many."""
    last = now_ms - PROPOSAL_KEPT_S * 1000
    ids: Any = await redis.zrangebyscore(_BY_TIME, "-inf", last, start=0, num=MAX_FORGOTTEN)
    if ids:
        await redis.unlink(*(proposal_key(each.decode()) for each in ids))
        await redis.zrem(_BY_TIME, *ids)
    return len(ids)
