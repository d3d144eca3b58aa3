"""Cases of correction.

    v:{corrections}:open      hash: id to JSON of the case, at most 10,000
    v:{corrections}:closed    hash: the same, for 31 days after they were closed

A case is opened by the process of the feeds and closed by the issuing process, where two people
decide; closing compares with what was read, so that a case is closed once.
"""

from typing import Any, Final

import msgspec
from redis.asyncio import Redis

from verifier.feeds.corrections import (
    KEPT_S,
    MAX_CLOSED,
    MAX_OPEN,
    CorrectionCase,
    CorrectionEvent,
    CorrectionState,
    move,
)
from verifier.service.store.library import CLOSE_CASE

_OPEN: Final = "v:{corrections}:open"
_CLOSED: Final = "v:{corrections}:closed"
_DECODER: Final = msgspec.json.Decoder(CorrectionCase)


class CasesFullError(Exception):
    """As many cases are open, or closed and kept, as may be."""


async def are_cases_full(redis: Redis) -> bool:
    """Say whether as many cases are open, or closed and kept, as may be."""
    return await redis.hlen(_OPEN) >= MAX_OPEN or await redis.hlen(_CLOSED) >= MAX_CLOSED


async def open_case(redis: Redis, case: CorrectionCase) -> None:
    """Keep a new case.

    Raises:
        CasesFullError: too many are open, or were closed of late.
    """
    if await are_cases_full(redis):
        raise CasesFullError
    await redis.hsetnx(_OPEN, case.id, msgspec.json.encode(case).decode())


async def read_case(redis: Redis, case: str) -> CorrectionCase | None:
    """Return a case, open or closed."""
    for key in (_OPEN, _CLOSED):
        data: Any = await redis.hget(key, case)
        if data is not None:
            return _DECODER.decode(data)
    return None


async def read_cases(redis: Redis, *, closed: bool = False) -> list[CorrectionCase]:
    """Return all open cases, or all closed ones that are kept, oldest first."""
    rows: dict[Any, Any] = await redis.hgetall(_CLOSED if closed else _OPEN)
    return sorted(map(_DECODER.decode, rows.values()), key=lambda case: (case.opened, case.id))


async def close_case(
    redis: Redis, case: str, event: CorrectionEvent, now: float, *, proposal: str | None = None
) -> CorrectionCase | None:
    """Close an open case; None: there is none of this id, or somebody else has closed it.

    The status itself is changed by whoever calls this, in a step of its own before this one: an
    approval that is repeated after a crash changes the same value again and then closes the case.
    """
    data: Any = await redis.hget(_OPEN, case)
    if data is None:
        return None
    closed = move(_DECODER.decode(data), event, now, proposal)
    answer: Any = await redis.fcall(
        CLOSE_CASE, 2, _OPEN, _CLOSED, case, data, msgspec.json.encode(closed).decode()
    )
    return closed if answer == 1 else None


async def read_person_cases(redis: Redis, list_number: int, person: int) -> list[CorrectionCase]:
    """Return every case about a person, open or closed, oldest first."""
    cases = [*await read_cases(redis), *await read_cases(redis, closed=True)]
    return [case for case in cases if (case.list, case.person) == (list_number, person)]


async def forget_person_cases(redis: Redis, list_number: int, person: int) -> int:
    """Forget every case about a person, as an erasure asks; returns how many."""
    gone = [case.id for case in await read_person_cases(redis, list_number, person)]
    if gone:
        await redis.hdel(_OPEN, *gone)
        await redis.hdel(_CLOSED, *gone)
    return len(gone)


async def forget_cases(redis: Redis, now: float) -> int:
    """Forget closed cases that are past their time; returns how many."""
    old = [
        case.id
        for case in await read_cases(redis, closed=True)
        if case.state is not CorrectionState.OPEN and now - case.closed > KEPT_S
    ]
    if old:
        await redis.hdel(_CLOSED, *old)
    return len(old)
