"""Amendments: what is said of a scan afterwards. The record stays as it was; these stand beside it.

A terminal annuls its own scan while nobody has passed; an operator closes a review.
"""

from enum import StrEnum
from typing import Final

import msgspec

from verifier.contract.vocabulary import Outcome

ANNUL_SECONDS: Final = 900
"""Seconds after a scan in which its terminal may annul it."""


class AmendmentKind(StrEnum):
    """What was amended."""

    ANNULLED = "annulled"
    RESOLVED = "resolved"


class ResolutionReason(StrEnum):
    """Why an operator let a person pass, or not. Closed."""

    IDENTITY_CHECKED = "identity_checked"
    """An identity document was seen, and it is the person's."""
    PAPER_CHECKED = "paper_checked"
    """A paper (test result, appointment, letter) was seen that settles it."""
    EXCEPTION_GRANTED = "exception_granted"
    """Somebody who may grant exceptions did."""
    REFUSED_BY_STAFF = "refused_by_staff"
    IDENTITY_DOUBTFUL = "identity_doubtful"
    """The document shown is not the person's, or none was shown."""
    VISITOR_LEFT = "visitor_left"
    """Nobody was there any more."""


RESOLUTIONS: Final = {
    Outcome.PASS: frozenset(
        (
            ResolutionReason.IDENTITY_CHECKED,
            ResolutionReason.PAPER_CHECKED,
            ResolutionReason.EXCEPTION_GRANTED,
        )
    ),
    Outcome.DENY: frozenset(
        (
            ResolutionReason.REFUSED_BY_STAFF,
            ResolutionReason.IDENTITY_DOUBTFUL,
            ResolutionReason.VISITOR_LEFT,
        )
    ),
}
"""Which reasons go with which decision; a review cannot be resolved to a review."""


class Amendment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is kept beside a record, and shown with it to operators."""

    kind: AmendmentKind
    by: str
    """Of an annulment the API key or terminal; of a resolution the operator's person id: who works
    here, never who was scanned."""
    at: int
    """Unix milliseconds."""
    decision: Outcome | None = None
    """Of a resolution."""
    reason: ResolutionReason | None = None


class AnnulAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """POST /v1/scans/{scan_id}/annul: the scan is annulled, now or before."""

    scan_id: str
    annulled: bool


class ResolveRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """POST /v1/scans/{scan_id}/resolve."""

    decision: Outcome
    """pass or deny."""
    reason: ResolutionReason


class ResolveAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """How the review was closed, now or before."""

    scan_id: str
    decision: Outcome
    reason: ResolutionReason
