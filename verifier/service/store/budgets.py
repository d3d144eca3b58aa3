"""Budgets of acts in the store: who did how much by hand in the last hour.

    v:{status}:spent     hash by <act>|<who>: `<second>*<count> …`, what was done
    v:{status}:refused   hash by <act>|<who>: `<second>*<count>`, the last refusal, and how many

`spend` (acts.lua) counts and compares in one step, on the store's clock: two processes spend no
item twice, and a restart forgets nothing.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from redis.asyncio import Redis

from verifier.issuing.acts import ACTS, WINDOW_S, BudgetedAct
from verifier.service.store.library import SPEND

SPENT: Final = "v:{status}:spent"
REFUSED: Final = "v:{status}:refused"
_PART: Final = "|"


class Spent(NamedTuple):
    """What came of spending."""

    taken: bool
    spent: int
    """Items of the last hour, with these if they were taken."""
    free_at: int
    """Unix seconds from which on they would be taken; 0: they were, or never will be at once."""


class SpentRow(NamedTuple):
    """What somebody did in the last hour."""

    act: str
    who: str
    """`operator:<person>` or `key:<name>`."""
    spent: int
    refused: int
    """Refusals, the last of them within the hour."""


async def spend(redis: Redis, act: BudgetedAct, who: str, items: int, budget: int) -> Spent:
    """Take items of somebody's budget: all of them, or none.

    Raises:
        RedisError: the store is away; then they may have been taken.
    """
    answer: Any = await redis.fcall(
        SPEND, 2, SPENT, REFUSED, f"{act}{_PART}{who}", items, budget, WINDOW_S
    )  # fmt: skip
    taken, spent, free_at = map(int, answer)
    return Spent(bool(taken), spent, free_at)


async def read_spent(redis: Redis) -> list[SpentRow]:
    """Return what everybody did in the last hour, by act and by whom.

    Raises:
        RedisError: the store is away.
    """
    (second, _) = await redis.time()
    spent: Any = await redis.hgetall(SPENT)
    refused: Any = await redis.hgetall(REFUSED)
    return spent_rows(_texts(spent), _texts(refused), int(second))


def spent_rows(spent: Mapping[str, str], refused: Mapping[str, str], now: int) -> list[SpentRow]:
    """Read both hashes as the store has them; `now` in Unix seconds of the store's clock."""
    found = []
    for field in sorted({*spent, *refused}):
        act, _, who = field.partition(_PART)
        counts = (_sum(rows.get(field, ""), now - WINDOW_S) for rows in (spent, refused))
        row = SpentRow(act, who, *counts)
        if row.spent or row.refused:
            found.append(row)
    return found


def budget_of(act: str, who: str) -> int:
    """Return how much of an act somebody may do in an hour; 0: nothing, or no such act."""
    rule = ACTS.get(BudgetedAct(act)) if act in set(BudgetedAct) else None
    if rule is None:
        return 0
    return rule.services if who.startswith("key:") else rule.budget


def _sum(row: str, since: int) -> int:
    pairs = (entry.split("*") for entry in row.split())
    return sum(int(count) for second, count in pairs if int(second) > since)


def _texts(rows: Mapping[bytes | str, bytes | str]) -> dict[str, str]:
    return {_text(field): _text(row) for field, row in rows.items()}


def _text(found: bytes | str) -> str:
    """Return what a client answered, whether it decodes or not."""
    return found if isinstance(found, str) else found.decode()
