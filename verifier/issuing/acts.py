"""The table of acts: what one person, or one key, may do by hand in an hour, and with whom. Pure.

A row says how many people an act takes, how often one of them may do it in an hour, how it is taken
back and for how long that is possible. `rows` prints it; docs/operators.md has it, and a test
compares. Budgets count per person id (whatever tokens he or she has) and per API key, and each item
of an act counts on its own. What a second person signed is not counted: two people are the bound.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

WINDOW_S: Final = 3600
"""Seconds over which a budget counts: any hour, not the one on the clock."""
ERASURE_WAIT_S: Final = 24 * 3600
"""Seconds between the second person's word and the erasure: a night, so that whoever works by day
sees it and can take it back; short against the month that a request for erasure may take."""


class BudgetedAct(StrEnum):
    """What is counted."""

    REVOKE = "revoke"
    """A credential is revoked: each one that a lost phone opened counts."""
    SHOW = "show"
    """What is kept of a person is handed out."""
    EMERGENCY = "emergency"
    """A desk's system has an emergency code issued: static, and good for hours."""
    ROSTER = "roster"
    """It has a group's roster issued: whoever is in it passes with one paper."""
    COLOUR = "colour"
    """As the following: the kind of a proposal that is made."""
    CORRECTION = "correction"
    ERASURE = "erasure"
    DESTRUCTION = "destruction"


@dataclass(frozen=True, slots=True, kw_only=True)
class ActRule:
    """A row of the table."""

    act: BudgetedAct
    budget: int
    """Items an hour of one operator; 0: no operator may do it."""
    services: int = 0
    """Items an hour of one API key; 0: no key may do it."""
    people: int
    back: str
    """How it is taken back."""
    until: str
    """How long it can be taken back."""


ACTS: Final[Mapping[BudgetedAct, ActRule]] = {
    rule.act: rule
    for rule in (
        ActRule(
            act=BudgetedAct.REVOKE,
            budget=150,  # one lost phone opens 144 at most, and cannot wait
            services=600,  # the desks of a whole city, through one system
            people=1,
            back="not at all: the person gets another credential",
            until="–",
        ),
        ActRule(
            act=BudgetedAct.SHOW,
            budget=30,  # each needs a reason, and somebody who reads the answer
            people=1,
            back="not at all: it was read",
            until="–",
        ),
        ActRule(
            act=BudgetedAct.EMERGENCY,
            budget=0,
            services=600,  # lost phones of a whole city, as `revoke`
            people=1,
            back="by revoking the code",
            until="until it ends, 12 hours at most",
        ),
        ActRule(
            act=BudgetedAct.ROSTER,
            budget=0,
            services=3_000,  # the classes of a city's schools, in the hour before they set out
            people=1,
            back="by the group's next roster, or by revoking its code",
            until="until it ends",
        ),
        ActRule(
            act=BudgetedAct.COLOUR,
            budget=100,  # a sheet of a laboratory, typed in by hand
            people=2,
            back="by its proposer or a second person; once done, by a proposal of the old colour",
            until="a day, until it is approved; then always",
        ),
        ActRule(
            act=BudgetedAct.CORRECTION,
            budget=100,
            people=2,
            back="as a colour; the case stays closed",
            until="a day, until it is approved; then always",
        ),
        ActRule(
            act=BudgetedAct.ERASURE,
            budget=10,  # a city has a few a day
            people=2,
            back="by its proposer, or by anybody who may approve",
            until="until it is carried out, 24 hours after the approval",
        ),
        ActRule(
            act=BudgetedAct.DESTRUCTION,
            budget=4,  # there are three person planes
            people=2,
            back="by its proposer or a second person",
            until="a day, until it is approved; then never",
        ),
    )
}
"""By act."""


def rows() -> Iterator[str]:
    """Yield the table in Markdown, line by line, as docs/operators.md has it."""
    yield "| act | people | an hour, one operator | an hour, one API key | taken back | how long |"
    yield "|---|---|---|---|---|---|"
    for rule in ACTS.values():
        operators, services = (str(it) if it else "–" for it in (rule.budget, rule.services))
        yield (
            f"| `{rule.act}` | {rule.people} | {operators} | {services}"
            f" | {rule.back} | {rule.until} |"
        )
