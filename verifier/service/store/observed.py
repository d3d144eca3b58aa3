"""When a value was last observed, so that an older observation never undoes a newer one.

    v:{status}:seen:<list>:<plane>:<day>:<block>    string: 2 bytes per person, 65,536 of them

Times count in steps of 4 seconds, from the beginning of the day before `<day>` (the day of arrival,
in days since 1970), plus one; 0 is nothing. An observation of longer than a day ago is not taken at
all, so today's strings and yesterday's know every one that could be newer: exact, at 37 MB a day
for a plane of 18.7 million persons that is fed everywhere. Whoever changes a value by other means
notes it here too, so that a batch under way does not undo it.
"""

import struct
from collections.abc import Sequence
from typing import Any, Final

from redis.asyncio import Redis

from verifier.contract.status import PlaneName
from verifier.service.store.library import OBSERVE

DAY: Final = 86_400
STEP_S: Final = 4
"""Seconds: two days and some minutes fit into 16 bits."""
TTL_S: Final = 2 * DAY + 3600
"""Seconds: the day itself and the next one, with an hour for clocks."""
BLOCK: Final = 65_536
"""Persons of a string: 128 KB, so that one write never copies a city."""
_RECORD: Final = struct.Struct(">HI")


def seen_key(name: PlaneName, day: int, block: int) -> str:
    """Return where observations that arrived on a day stand."""
    return f"v:{{status}}:seen:{name}:{day}:{block}"


async def observe(
    redis: Redis, name: PlaneName, observed: Sequence[tuple[int, int]], now: float
) -> list[bool]:
    """Note observations, (person, Unix seconds) each; say of each whether none newer is known.

    Asked again with the same observations, as after a crash, it answers the same.

    Raises:
        RedisError: the store is away; some may be noted.
    """
    day = int(now) // DAY
    blocks: dict[int, tuple[list[bytes], list[int]]] = {}
    for number, (person, at) in enumerate(observed):
        records, numbers = blocks.setdefault(person // BLOCK, ([], []))
        records.append(_RECORD.pack(person % BLOCK, at // STEP_S))
        numbers.append(number)
    keys: list[str] = []
    for block in blocks:
        keys += (seen_key(name, day, block), seen_key(name, day - 1, block))
    if not keys:
        return []
    packed = [b"".join(records) for records, _ in blocks.values()]
    first, before = ((day - back) * DAY // STEP_S for back in (1, 2))
    call: Any = redis.fcall
    letters: list[bytes] = await call(OBSERVE, len(keys), *keys, first, before, TTL_S, *packed)
    answers = [False] * len(observed)
    for (_, numbers), row in zip(blocks.values(), letters, strict=True):
        for number, letter in zip(numbers, row, strict=True):
            answers[number] = letter == ord("1")
    return answers
