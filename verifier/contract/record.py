"""The scan record: what is kept of a scan, and for how long.

The outcome of each step, the deciding rule, kind, class, colour, ages, versions, milliseconds;
never the text, never the person: only a keyed hash, under a key that changes daily and is
destroyed with that day's records. Kept 24 hours in the store, 31 days in day files, then gone.
The decision is a pure function of (record, answer): `verifier.decision.conclude` made it.
"""

import msgspec

from verifier.contract.amendment import Amendment
from verifier.contract.reasons import Reason
from verifier.contract.vocabulary import Answer, Outcome


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


class RecordPage(msgspec.Struct, frozen=True, kw_only=True):
    """GET /v1/records: oldest first; `cursor` is where the next page starts."""

    cursor: str
    records: tuple[RecordLine, ...]
