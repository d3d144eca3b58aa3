"""Correction (纠错): a person says that a status is wrong; two people decide; everything is kept.

A case re-opens one status of one person with a reason. It changes nothing by itself: what resolves
it is a proposal that another person approves, or refuses. States are a table.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Final

import msgspec

from verifier.contract.errors import MalformedError
from verifier.contract.feed import FED_PLANES
from verifier.contract.text import PLAIN
from verifier.contract.vocabulary import Plane

MAX_TEXT: Final = 500
"""Characters of what the person says; a paragraph."""
MAX_OPEN: Final = 10_000
"""Cases that may be open at once: more than a city's staff can read in a week."""
MAX_CLOSED: Final = 50_000
"""Closed cases that are kept, 30 MB: who opens and withdraws without end fills no store."""
KEPT_S: Final = 31 * 86_400
"""Seconds that a closed case is kept: as long as records."""
OVERDUE_S: Final = 3 * 86_400
"""Seconds after which an open case is shown as overdue."""


class CorrectionReason(StrEnum):
    """Why a status should be wrong."""

    WRONG_PERSON = "wrong_person"
    """It is somebody else's."""
    WRONG_VALUE = "wrong_value"
    OUTDATED = "outdated"
    """It was right once."""
    MISSING = "missing"
    """What should have come never came."""
    NEVER_THERE = "never_there"
    """It follows from a visit or contact that never was."""
    OTHER = "other"


class CorrectionState(StrEnum):
    """Where a case stands."""

    OPEN = "open"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class CorrectionEvent(StrEnum):
    """What happens to a case."""

    APPROVE = "approve"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"


MOVES: Final[Mapping[tuple[CorrectionState, CorrectionEvent], CorrectionState]] = {
    (CorrectionState.OPEN, CorrectionEvent.APPROVE): CorrectionState.APPROVED,
    (CorrectionState.OPEN, CorrectionEvent.REFUSE): CorrectionState.REFUSED,
    (CorrectionState.OPEN, CorrectionEvent.WITHDRAW): CorrectionState.WITHDRAWN,
}
"""Every move there is; a closed case stays closed, and a new one is opened instead."""


class Opening(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """POST /v1/corrections."""

    plane: Plane
    reason: CorrectionReason
    text: Annotated[str, msgspec.Meta(max_length=MAX_TEXT, pattern=PLAIN)] = ""
    reference: Annotated[str, msgspec.Meta(min_length=4, max_length=128)] | None = None
    """The person by reference, or"""
    person: Annotated[int, msgspec.Meta(ge=0, lt=1 << 32)] | None = None
    """by index."""

    def __post_init__(self) -> None:
        if (self.reference is None) == (self.person is None):
            raise ValueError("one of reference and person")
        if self.plane not in FED_PLANES:
            raise ValueError("plane takes health, test and doses")


class CorrectionCase(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A case, as it is kept and shown; the person by index only."""

    id: str
    list: int
    person: int
    plane: Plane
    value: str
    """What the status was when the case was opened."""
    reason: CorrectionReason
    text: str = ""
    opened: int
    """Unix seconds."""
    opened_by: str
    state: CorrectionState = CorrectionState.OPEN
    closed: int = 0
    proposal: str | None = None
    """The proposal that resolved it."""


def move(
    case: CorrectionCase, event: CorrectionEvent, now: float, proposal: str | None = None
) -> CorrectionCase:
    """Return what an event makes of a case.

    Raises:
        MalformedError: a closed case, which does not move.
    """
    state = MOVES.get((case.state, event))
    if state is None:
        raise MalformedError("the case is closed")
    return msgspec.structs.replace(case, state=state, closed=int(now), proposal=proposal)


def is_overdue(case: CorrectionCase, now: float) -> bool:
    """Say whether a case has been open for too long."""
    return case.state is CorrectionState.OPEN and now - case.opened > OVERDUE_S
