"""The scan: what a terminal asks, what it is told, what it reports afterwards.

The terminal's answer is small on purpose: no index, no claims, no other sector; a test lists its
fields. `scan_id` is made by the terminal and spans the online try, the offline fallback and the
later upload. Its last eight hex digits belong to the caller (`scan_id_tail`), so that nobody can
use or pre-empt the id of another; see docs/decisions.
"""

import hashlib
import re
from typing import Annotated, Final, NewType

import msgspec

from verifier.contract.errors import MalformedError
from verifier.contract.reasons import Reason
from verifier.contract.vocabulary import Outcome

MAX_TEXT_CHARS: Final = 20_000
"""Characters of a scan's text that a door takes in; each format has a tighter bound of its own."""
MAX_CHUNKS: Final = 99
"""Symbols of one SMART Health Card; published cards have up to three, a test has 17."""
MAX_UPLOAD_RECORDS: Final = 100
"""Records in one upload; at 20,000 characters each it stays below 2 MiB of JSON with room."""

MAX_BATCH_SCANS: Final = 1000
"""Scan lines in one batch: a third of a second of one core."""

ScanId = NewType("ScanId", str)
"""UUID version 8 (RFC 9562): 48 bits of Unix milliseconds, random bits, 32 bits of the caller."""

SCAN_ID_PATTERN: Final = "[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
_SCAN_ID: Final = re.compile(SCAN_ID_PATTERN)


TAIL_CHARS: Final = 8
"""Hex digits at the end of a scan_id that name its terminal."""


def scan_id_tail(caller: str) -> str:
    """Return the eight hex digits that end every scan_id of a caller: SHA-256(caller id)[:4]."""
    return hashlib.sha256(caller.encode()).digest()[:4].hex()


def make_scan_id(caller: str, *, milliseconds: int, random: bytes) -> ScanId:
    """Make a scan_id from the caller's id, Unix time in ms and 6 random bytes."""
    bits = int.from_bytes(random[:6], "big")
    a, b, c = bits >> 36, (bits >> 22) & 0x3FFF, bits & 0xFFFF
    time = f"{milliseconds & (1 << 48) - 1:012x}"
    return ScanId(
        f"{time[:8]}-{time[8:]}-8{a & 0xFFF:03x}-{0x8000 | b:04x}-{c:04x}{scan_id_tail(caller)}"
    )


def scan_id_bytes(scan_id: str) -> bytes:
    """Return the 16 bytes of a scan_id.

    Raises:
        MalformedError: it is not a version-8 UUID in lower-case text form.
    """
    if _SCAN_ID.fullmatch(scan_id) is None:
        raise MalformedError("scan_id is not a version-8 UUID")
    return bytes.fromhex(scan_id.replace("-", ""))


Text = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TEXT_CHARS)]
Texts = Annotated[tuple[Text, ...], msgspec.Meta(min_length=2, max_length=MAX_CHUNKS)]


class ScanTexts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was read under a scan_id: exactly one of `text` and `texts`.

    `texts` are the symbols of one SMART Health Card, in any order.
    """

    scan_id: str
    text: Text | msgspec.UnsetType = msgspec.UNSET
    texts: Texts | msgspec.UnsetType = msgspec.UNSET

    def __post_init__(self) -> None:
        """Hold it to one of both."""
        if (self.text is msgspec.UNSET) is (self.texts is msgspec.UNSET):
            raise ValueError("not exactly one of text and texts")

    @property
    def all_texts(self) -> tuple[str, ...]:
        """Every text that was read."""
        if self.text is not msgspec.UNSET:
            return (self.text,)
        return () if self.texts is msgspec.UNSET else self.texts


class ScanRequest(ScanTexts, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """POST /v1/scans: exactly one of `text` and `texts` (a SMART Health Card's symbols).

    Place, gate and direction come from the caller's grant. A request may repeat them; one that
    says otherwise than the grant is refused.
    """

    place: str | None = None
    gate: str | None = None

    def __repr__(self) -> str:
        return f"ScanRequest({self.scan_id})"


class GroupCounts(msgspec.Struct, frozen=True, kw_only=True):
    """What a group code answers: counts by colour and the exceptions."""

    members: int
    green: int
    yellow: int
    red: int
    none: int
    exceptions: tuple[tuple[int, str | None], ...]
    """(position in the roster from 1, masked name where the roster is known)."""


class TerminalAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All that a terminal is told of a scan."""

    scan_id: str
    decision: Outcome
    reason: Reason | None = None
    rule: str | None = None
    """Id of the rule that decided."""
    rule_text: str | None = None
    """What that rule asks, as its publisher says it."""
    sentence: str
    sector_class: int | None = None
    """Class in this place's sector, never in another."""
    group: GroupCounts | None = None
    recorded: bool
    """False: the centre's store did not take it; the terminal keeps it in its outbox."""


class ManualRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """POST /v1/scans/manual: staff at the caller's gate admits one visitor without a code."""

    scan_id: str
    place: str | None = None
    gate: str | None = None


class LineProblem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why one scan line of several was not taken: an RFC 9457 problem with a stable code."""

    scan_id: str | None = None
    """Of the line, where it has one."""
    title: str
    status: int
    """What the line would have been answered alone."""
    code: str
    field: str | None = None
    """Path of what is wrong, from the request's root."""


class BatchRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """POST /v1/scans/batch: scan lines, each judged as if it came alone."""

    scans: Annotated[
        tuple[ScanRequest, ...], msgspec.Meta(min_length=1, max_length=MAX_BATCH_SCANS)
    ]


class BatchAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One answer a line, in order; a line that was spoiled has a problem instead."""

    answers: tuple[TerminalAnswer | LineProblem, ...]


class UploadRecord(ScanTexts, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A scan that is decided already; a record, not a request.

    Exactly one of `text` and `texts`, as in a scan.
    """

    at: float
    """Unix seconds of the scan on the terminal's clock, corrected by its known offset."""
    decision: Outcome
    reason: Reason | None = None
    clock_unsure: bool = False
    milliseconds: Annotated[float, msgspec.Meta(ge=0, le=60_000)] = 0.0
    online: bool = False
    """The decision was the centre's own, sent again in case that its store has forgotten it."""

    def __repr__(self) -> str:
        return f"UploadRecord({self.scan_id})"


class UploadRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """POST /v1/scans/upload: records in the order of their scans."""

    records: Annotated[
        tuple[UploadRecord, ...], msgspec.Meta(min_length=1, max_length=MAX_UPLOAD_RECORDS)
    ]


class UploadResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one uploaded record; 400-like codes are final, `retry` is not."""

    scan_id: str
    stored: bool
    code: str
    """stored, known, conflict, malformed, retry."""
    incident: str | None = None
    """double_use, unverified, contradiction, misdated, overdue: what the centre found."""


class UploadAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One result for each record, in order."""

    results: tuple[UploadResult, ...]
