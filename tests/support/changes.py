"""Changes of planes as the issuing process of the tests makes them: under its seal."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from redis.asyncio import Redis

from verifier.contract.status import PlaneName
from verifier.issuing.change_seal import SEAL_KEY_BYTES, ChangeSeal
from verifier.service.store import planes
from verifier.service.store.causes import ChangeCause

CHANGE_KEY: Final = b"c" * SEAL_KEY_BYTES
SEAL: Final = ChangeSeal(CHANGE_KEY)
CAUSE: Final = ChangeCause("issue:test", SEAL)


async def change(
    redis: Redis,
    changes: Mapping[PlaneName, Sequence[tuple[int, int]]],
    *,
    cause: ChangeCause = CAUSE,
    **given: Any,
) -> bool:
    """Set values as `verifier.service.store.planes.change` does, for a reason of the tests."""
    return await planes.change(redis, changes, cause=cause, **given)
