"""The course of one assessment: the clock it goes by, and what its steps have found so far.

What cannot be known (a stale bundle, an unsure clock) is doubt: with the closed stance it refuses;
with the open stance the steps go on, the first such reason is kept, and a later refusal still
refuses.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, NoReturn

from verifier.codes.claims import Claims, Unverified
from verifier.codes.formats import FormatRow
from verifier.contract.grant import Grant
from verifier.contract.reasons import Reason
from verifier.contract.vocabulary import Format, Outcome
from verifier.errors import Refusal
from verifier.groups.verdict import GroupVerdict
from verifier.policy.products import Products
from verifier.policy.profiles import ResolvedProfile
from verifier.policy.rules import RuleOutcome
from verifier.steps.verified import VerifiedCredential, VerifiedCredentials
from verifier.trust.keys import TrustedKey
from verifier.trust.known import Known

OK: Final = "o"
SKIPPED: Final = "s"
UNSURE: Final = "u"
REFUSED: Final = "r"

# Python looks a member of an enum up slowly, and every scan needs these: looked up once.
_PASS: Final = Outcome.PASS


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
    """The course of one assessment: what is judged, by what, and what the steps have found.

    A step takes the course and returns nothing. What it found stands here, and it ends by one of
    `ok`, `skip` and `refuse`; before that it may say `doubt` and `review`.
    """

    __slots__ = (
        "candidates",
        "claims",
        "clock",
        "code",
        "colour",
        "doubted",
        "format",
        "grant",
        "group",
        "known",
        "letters",
        "open_stance",
        "outcome",
        "profile",
        "reason",
        "remembered",
        "row",
        "rule",
        "sector_class",
        "seen",
        "shown_ahead",
        "shown_at",
        "status_age",
        "status_version",
        "text",
        "unasked",
        "unsure",
    )

    row: FormatRow
    """Set by step (1)."""
    code: Unverified
    """Set by step (2)."""
    candidates: Sequence[TrustedKey]
    """The keys that may have signed it, where it is not remembered. Set by step (3)."""
    claims: Claims
    """Set by step (4), once every signature holds."""

    def __init__(
        self,
        text: str,
        *,
        known: Known,
        profile: ResolvedProfile | Unasked | None,
        grant: Grant | None,
        clock: Clock,
        seen: VerifiedCredentials,
    ) -> None:
        self.text = text
        self.known = known
        self.unasked = profile is UNASKED
        self.profile = None if profile is UNASKED else profile
        self.grant = grant
        self.clock = clock
        self.seen = seen
        self.open_stance = self.profile is not None and self.profile.open_stance
        self.outcome: Outcome = _PASS
        self.reason: Reason | None = None
        self.letters = ""
        """One a step (`verifier.decision.STEPS`)."""
        self.unsure: Reason | None = None
        self.doubted = False
        """Something in this step cannot be known."""
        self.format: Format | None = None
        self.remembered: VerifiedCredential | None = None
        self.colour: int | None = None
        self.sector_class: int | None = None
        self.group: GroupVerdict | None = None
        self.status_age: int | None = None
        self.status_version = 0
        self.shown_at: int | None = None
        self.shown_ahead = 0
        self.rule: RuleOutcome | None = None

    @property
    def products(self) -> Products | None:
        """The catalogue of vaccine products; of a place its own, else what is known anywhere."""
        held = None if self.profile is None else self.profile.products
        return self.known.profiles.products if held is None else held

    def ok(self) -> None:
        """Close a step that did not refuse; where it doubted, it is UNSURE."""
        if self.doubted:
            self.letters += UNSURE
            self.doubted = False
        else:
            self.letters += OK

    def skip(self) -> None:
        """Close a step that has nothing to look at: never taken for OK."""
        self.letters += SKIPPED

    def doubt(self, reason: Reason) -> None:
        """Note what cannot be known; with the closed stance it refuses."""
        if not self.open_stance:
            self.refuse(reason)
        self.doubted = True
        if self.unsure is None:
            self.unsure = reason

    def review(self, reason: Reason) -> None:
        """Send the code to a person, unless a later step refuses; the last reason is shown."""
        self.outcome, self.reason = Outcome.REVIEW, reason

    def refuse(self, reason: Reason) -> NoReturn:
        """End the course: no further step runs.

        Raises:
            Refusal: always. `assess` catches it, and hands it to `refused`.
        """
        raise Refusal(reason)

    def refused(self, refusal: Refusal) -> None:
        """Close the step that refused, or whose reader of the format did."""
        self.outcome, self.reason = Outcome.DENY, refusal.reason
        self.letters += REFUSED
