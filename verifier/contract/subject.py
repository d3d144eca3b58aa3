"""Subject access: what is kept of one person. Requests and answers.

Asked by an operator for the person, who is known by a reference of the register or by index; each
asking is audited with its reason. Erasure is a proposal. Document: docs/privacy.md. What a scan
record says of a person is a keyed hash: it is found again only while that day's key is kept.
"""

from enum import StrEnum
from typing import Annotated, Final

from msgspec import Meta, Struct

MAX_ROWS: Final = 10_000
"""Records in one answer: a person scans some ten times a day, and a month is kept."""

ListNumber = Annotated[int, Meta(ge=0, lt=1 << 32)]
Index = Annotated[int, Meta(ge=0, lt=1 << 32)]


class SubjectReason(StrEnum):
    """Why somebody looks at what is kept of a person. Closed."""

    OWN_REQUEST = "own_request"
    """The person asked for it."""
    COMPLAINT = "complaint"
    """A complaint of the person cannot be judged without it."""
    LEGAL_ORDER = "legal_order"


class IdentityCheck(StrEnum):
    """How it was made sure that it is the person who asks. Closed."""

    DOCUMENT_SEEN = "document_seen"
    """An identity document, shown in person."""
    REPRESENTATIVE = "representative"
    """A guardian or somebody with a power of attorney, and the document of both."""
    COURT = "court"
    """A court's decision names the person."""


class SubjectRequest(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """POST /v1/subjects of the issuing process: one of `reference` and `person`."""

    reason: SubjectReason
    reference: Annotated[str, Meta(min_length=1, max_length=128)] | None = None
    """Hashed on arrival and kept nowhere."""
    person: Index | None = None

    def __repr__(self) -> str:
        return "SubjectRequest(…)"


class HeldCredential(Struct, frozen=True, kw_only=True):
    """A credential of the person that has not expired."""

    credential: int
    form: str
    """phone, paper, proxy or emergency."""
    expires: int
    """Unix seconds."""
    revoked: bool


class SubjectCase(Struct, frozen=True, kw_only=True):
    """A case of correction about the person."""

    case: str
    plane: str
    value: str
    """What stood there when it was opened."""
    reason: str
    text: str
    state: str
    opened: int
    """Unix seconds."""


class SubjectHold(Struct, frozen=True, kw_only=True):
    """A value of the person that two people decided: no feed changes it while it holds."""

    plane: str
    proposal: str
    by: tuple[str, str]
    """Person ids: who proposed it, who approved it."""
    reason: str
    at: int
    """Unix seconds."""
    until: int | None
    """Unix seconds; null: until two people end it."""
    feed_says: str | None
    """What a feed has said meanwhile: it comes into force when the term is over."""


class SubjectAnswer(Struct, frozen=True, kw_only=True):
    """What is kept of a person beside records."""

    list: int
    person: int
    known_by_reference: bool
    """Whether it was found by its reference; else it was named by index."""
    colour: str | None
    """None: there is no health plane, or none any more."""
    planes: dict[str, int]
    """Each person plane to the person's value in it."""
    credentials: tuple[HeldCredential, ...]
    carries: int
    """Codes of others that the person's phones carry."""
    cases: tuple[SubjectCase, ...] = ()
    origins: dict[str, str] = {}
    """Each person plane to whose the value is: `people`, `issue`, `feed:<source>`; empty: nobody's,
    or it was filled in with the whole list. Kept as long as the value."""
    holds: tuple[SubjectHold, ...] = ()


class SubjectRecordsRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """POST /v1/subjects/records of the archiving process."""

    reason: SubjectReason
    list: ListNumber
    person: Index


class SubjectRecord(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A record that carries the person's hash, as the person may have it."""

    at: int
    """Unix milliseconds."""
    place: str
    gate: str
    direction: str
    decision: str
    reason: str | None = None
    offline: bool = False
    amended: str | None = None


class SubjectRecords(Struct, frozen=True, kw_only=True):
    """The person's records, oldest first."""

    records: tuple[SubjectRecord, ...]
    more: bool
    """Whether there were more than one answer holds; the newest are then left out."""
    days: tuple[str, ...]
    """Days that were searched: those whose key is still kept."""
    days_without_key: tuple[str, ...]
    """Days with records whose key is gone or cannot be read: nobody is found there."""
