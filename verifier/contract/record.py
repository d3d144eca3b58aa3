"""The scan record: what is kept of a scan, and for how long.

The outcome of each step, the deciding rule, kind, class, colour, ages, versions, milliseconds;
never the text, never the person: only a keyed hash, under a key that changes daily and is
destroyed with that day's records. Kept 24 hours in the store, 31 days in day files, then gone.
The decision is a pure function of (record, answer): `verifier.decision.conclude` made it.
"""

from typing import Annotated, Final

import msgspec

from verifier.contract.amendment import Amendment
from verifier.contract.reasons import Reason
from verifier.contract.scan import MAX_CHUNKS, Text
from verifier.contract.vocabulary import Answer, Outcome

MAX_FOUND: Final = 200
"""Records that a search returns at most."""


class ScanRecord(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One scan as the store keeps it.

    A MessagePack array: the order of members is the format, and new ones go to the end, so that
    records of yesterday's software can be read.
    """

    scan_id: bytes
    terminal: str
    place: str
    gate: str
    direction: str
    at: int
    """Unix milliseconds of the decision."""
    outcome: Outcome
    """Of the assessment; the decision is conclude(record, answer)."""
    reason: Reason | None
    steps: str
    """One letter per step, in their order: o OK, s SKIPPED, u UNSURE, r REFUSED, - not reached."""
    format: str | None
    kind: int | None
    colour: int | None
    sector_class: int | None
    rule: str | None
    person: bytes
    """Keyed hash, 12 bytes; empty where the code was not verified, or names a group."""
    members: int
    open_stance: bool
    """The place's stance when unsure: conclude() needs it to judge an UNKNOWN answer."""
    unsure: Reason | None
    """What could not be known before the store was asked."""
    status_age: int | None
    """Seconds."""
    trust_version: int
    status_version: int
    """Of the plane that was asked last: health where colour is asked, else revocation; 0: none."""
    profile_version: int
    milliseconds: float
    offline: bool
    """Decided by the terminal alone and uploaded later."""
    final: Outcome | None = None
    """Uploads only: what the terminal decided. The terminal's final decision wins."""
    incident: str | None = None
    group: "GroupRecord | None" = None
    final_reason: Reason | None = None
    """Uploads only: the terminal's reason."""
    manual: bool = False
    """Staff admitted a visitor without a code; nobody is named."""


class GroupRecord(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What is kept of a group's verdict: counts, never names or persons."""

    green: int
    yellow: int
    red: int
    none: int
    exceptions: tuple[int, ...]


class RecordLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of GET /v1/records, for operators: no person, no text."""

    scan_id: str
    terminal: str
    place: str
    gate: str
    at: int
    format: str | None = None
    decision: Outcome
    reason: Reason | None = None
    answer: Answer
    milliseconds: float
    offline: bool
    incident: str | None = None
    manual: bool = False
    amendment: Amendment | None = None
    """What was said of this scan afterwards; an earlier line shows it without."""


class FoundScan(RecordLine, frozen=True, kw_only=True, omit_defaults=True):
    """A record that was searched for, with what explains its decision."""

    steps: str
    """One letter per step, as in the record."""
    rule: str | None = None
    unsure: Reason | None = None
    status_age: int | None = None
    """Seconds."""
    trust_version: int
    status_version: int
    profile_version: int
    group: GroupRecord | None = None


class ScanSearch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """POST /v1/records/search: the newest scans of a terminal; with texts, those of one code."""

    terminal: Annotated[str, msgspec.Meta(pattern=r"\A[a-z0-9-]{4,32}\Z")]
    before: Annotated[int, msgspec.Meta(ge=0, lt=2**48)] | None = None
    """Unix milliseconds; None: up to now."""
    texts: Annotated[tuple[Text, ...], msgspec.Meta(max_length=MAX_CHUNKS)] = ()
    """What was shown: one text, or the symbols of one SMART Health Card; empty: any code."""
    last: Annotated[int, msgspec.Meta(ge=1, le=MAX_FOUND)] = 20


class ScansFound(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a search: newest first."""

    records: tuple[FoundScan, ...]
    searched_from: int
    """Unix milliseconds: how far back was looked; ask again with `before` for what is older."""
    whole: bool
    """Nothing older is kept."""


class RecordPage(msgspec.Struct, frozen=True, kw_only=True):
    """GET /v1/records: oldest first; `cursor` is where the next page starts."""

    cursor: str
    records: tuple[RecordLine, ...]
