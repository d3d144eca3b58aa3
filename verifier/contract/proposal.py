"""Proposals: what takes two people and a reason. Requests, answers and the closed words.

One person proposes, another one approves or rejects, within a day. Some are carried out only after
a waiting time, in which they can still be taken back. Document: docs/operators.md.
What a proposal is about stands there by index, never by a reference or a name.
"""

from enum import StrEnum
from typing import Annotated, Final

from msgspec import Meta, Struct

from verifier.contract.subject import IdentityCheck
from verifier.contract.text import PLAIN

PROPOSAL_S: Final = 86_400
"""Seconds in which a proposal can be approved: who is away a day has not seen it."""
PROPOSAL_KEPT_S: Final = 31 * 86_400
"""Seconds a proposal is kept, its text with it; the audit log stays."""
MAX_HOLD_HOURS: Final = 8760
"""A year: what shall hold longer has no term."""
MAX_PROPOSALS: Final = 10_000
"""Proposals kept at one time; more are refused. A city's people by hand: some hundred a day."""
MAX_TEXT_CHARS: Final = 200

Text = Annotated[str, Meta(min_length=3, max_length=MAX_TEXT_CHARS, pattern=PLAIN)]
"""What the reason's word does not say; no names, since others read it."""
ProposalId = Annotated[str, Meta(pattern=r"\A[0-9a-f]{32}\Z")]
PersonPlane = Annotated[str, Meta(pattern=r"\A(health|test|doses)\Z")]
ColourName = Annotated[str, Meta(pattern=r"\A(none|green|yellow|red)\Z")]


class ProposalKind(StrEnum):
    """What is proposed."""

    COLOUR = "colour"
    CORRECTION = "correction"
    """A case of correction is decided (docs/feeds.md)."""
    DESTRUCTION = "destruction"
    """A person plane is destroyed, whole and for good (docs/destruction.md)."""
    ERASURE = "erasure"
    """What is kept of a person is erased, after a waiting time (docs/privacy.md)."""


class ProposalState(StrEnum):
    """Where a proposal stands."""

    OPEN = "open"
    APPROVED = "approved"
    """By a second person; being carried out, or waiting for its time (`due`)."""
    DONE = "done"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    """By who proposed it."""
    OVERTAKEN = "overtaken"
    """What it would change had changed meanwhile; nothing was done."""
    EXPIRED = "expired"
    """A day went by."""


class ProposalReason(StrEnum):
    """Why something should be changed by hand. Closed."""

    TEST_RESULT = "test_result"
    """A laboratory's result that no feed brought."""
    CONTACT = "contact"
    """Contact with a case was found."""
    ISOLATION_ENDED = "isolation_ended"
    DATA_ERROR = "data_error"
    """What stands there was wrong from the beginning."""
    ORDER = "order"
    """An authority ordered it."""
    PURPOSE_ENDED = "purpose_ended"
    """What a plane was kept for is over."""
    OWN_REQUEST = "own_request"
    """The person asked for it."""
    COMPLAINT = "complaint"
    """A complaint of the person was right."""
    LEGAL_ORDER = "legal_order"


ERASURE_REASONS: Final = frozenset(
    {ProposalReason.OWN_REQUEST, ProposalReason.COMPLAINT, ProposalReason.LEGAL_ORDER}
)
DESTRUCTION_REASONS: Final = frozenset({ProposalReason.ORDER, ProposalReason.PURPOSE_ENDED})
COLOUR_REASONS: Final = frozenset(ProposalReason) - {
    ProposalReason.PURPOSE_ENDED,
    *ERASURE_REASONS,
}


class RejectReason(StrEnum):
    """Why a proposal is not carried out. Closed."""

    UNFOUNDED = "unfounded"
    MISTAKEN = "mistaken"
    """The wrong person, or the wrong value."""
    DUPLICATE = "duplicate"
    WITHDRAWN = "withdrawn"
    """Who proposed it takes it back."""


HoldHours = Annotated[int, Meta(ge=0, le=MAX_HOLD_HOURS)] | None
"""Hours for which the value holds against feeds, from when it is carried out. 0: not at all, feeds
go on. Null: until two people end it by another proposal."""


class ProposeColour(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="colour", tag_field="kind"
):
    """A colour for a person, named by index or by reference: one of the two."""

    to: ColourName
    reason: ProposalReason
    text: Text
    person: Annotated[int, Meta(ge=0, lt=1 << 32)] | None = None
    reference: Annotated[str, Meta(min_length=1, max_length=128)] | None = None
    """Hashed on arrival and kept nowhere."""
    hours: HoldHours = None

    def __repr__(self) -> str:
        return "ProposeColour(…)"


class ProposeCorrection(
    Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag="correction",
    tag_field="kind",
):
    """What shall stand where a case says that something wrong stands; the same refuses the case."""

    case: Annotated[str, Meta(pattern=r"\A[0-9a-f]{32}\Z")]
    to: Annotated[str, Meta(pattern=r"\A[a-z0-9]{1,8}\Z")]
    """A value of the case's plane: the word of a colour, a number."""
    reason: ProposalReason
    text: Text
    hours: HoldHours = None


class ProposeDestruction(
    Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag="destruction",
    tag_field="kind",
):
    """The end of a person plane; revocations are none."""

    plane: PersonPlane
    reason: ProposalReason
    text: Text
    """Stands in the certificate, for everybody to read."""


class ProposeErasure(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="erasure", tag_field="kind"
):
    """The erasure of a person, named by index or by reference: one of the two."""

    reason: ProposalReason
    identity: IdentityCheck
    text: Text
    person: Annotated[int, Meta(ge=0, lt=1 << 32)] | None = None
    reference: Annotated[str, Meta(min_length=1, max_length=128)] | None = None
    """Hashed on arrival; the digest is kept until it is forgotten with the person."""

    def __repr__(self) -> str:
        return "ProposeErasure(…)"


class Rejection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """POST /v1/proposals/{id}/reject."""

    reason: RejectReason


class Proposal(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A proposal as it is kept and shown."""

    id: ProposalId
    kind: ProposalKind
    subject: str
    """What it is about, as the audit log names it: `person:<list>:<index>`."""
    before: str
    """What stood there when it was proposed; approving compares."""
    after: str
    reason: ProposalReason
    text: str
    hours: HoldHours = None
    """Of a colour or a correction."""
    state: ProposalState
    proposed_by: str
    """Person id, as all that follow."""
    proposed_at: int
    """Unix milliseconds, as all that follow."""
    expires: int
    decided_by: str = ""
    decided_at: int = 0
    why: RejectReason | None = None
    due: int = 0
    """When what is approved is carried out, and can no longer be taken back; 0: at once."""
    identity: str = ""
    """How it was made sure who asks; empty: nobody outside asked."""


class ProposalPage(Struct, frozen=True, kw_only=True):
    """GET /v1/proposals: the newest first."""

    proposals: tuple[Proposal, ...]
