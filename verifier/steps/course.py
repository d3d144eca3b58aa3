"""The course of one assessment: the clock it goes by, and what its steps have found so far.

What cannot be known (a stale bundle, an unsure clock) is doubt: with the closed stance it refuses;
with the open stance the steps go on, the first such reason is kept, and a later refusal still
refuses.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from verifier.codes.claims import Claims
from verifier.contract.reasons import Reason
from verifier.contract.vocabulary import Format
from verifier.errors import Refusal
from verifier.groups.verdict import GroupVerdict
from verifier.policy.rules import RuleOutcome

OK: Final = "o"
SKIPPED: Final = "s"
UNSURE: Final = "u"
REFUSED: Final = "r"


class Unasked(Enum):
    """No profile is asked: status and profile are SKIPPED. For conformance, never for a gate."""

    UNASKED = "unasked"


UNASKED: Final = Unasked.UNASKED


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """What is known of the time."""

    now: float
    """Unix seconds."""
    uncertainty: float = 0.0
    """Seconds that `now` may be off."""
    sure: bool = True
    """False: below the floor, or not set since start; proofs cannot be judged."""


class Course:
    """Steps taken and what they found; one letter a step (`verifier.decision.STEPS`)."""

    __slots__ = (
        "claims",
        "colour",
        "doubted",
        "format",
        "group",
        "open_stance",
        "results",
        "rule",
        "sector_class",
        "status_age",
        "status_version",
        "unsure",
    )

    def __init__(self, *, open_stance: bool) -> None:
        self.results: list[str] = []
        self.open_stance = open_stance
        self.unsure: Reason | None = None
        self.doubted = False
        self.claims: Claims | None = None
        self.format: Format | None = None
        self.colour: int | None = None
        self.sector_class: int | None = None
        self.group: GroupVerdict | None = None
        self.status_age: int | None = None
        self.status_version = 0
        self.rule: RuleOutcome | None = None

    def doubt(self, reason: Reason) -> None:
        """Note what cannot be known; with the closed stance it refuses."""
        if not self.open_stance:
            raise Refusal(reason)
        self.doubted = True
        if self.unsure is None:
            self.unsure = reason

    def done(self) -> None:
        """Close a step that did not refuse."""
        self.results.append(UNSURE if self.doubted else OK)
        self.doubted = False
