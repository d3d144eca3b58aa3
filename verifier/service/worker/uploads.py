"""Uploads: scans that terminals have decided themselves, stored as they happened.

Each is judged once more at its own time, to say what a record says, and to find out whether the
terminal let somebody through whose code does not hold. The terminal's final decision is never
rewritten; what does not fit becomes an incident (docs/http-verifier.md), and what is incredible
counts against the terminal (`follow.suspensions`).

- A pass that the centre can refute takes nothing from the person: only the terminal says that it
  was there.
- `online` says that the centre decided so. Where the store does not know of it, it is the
  terminal's own decision, and an incident.
- No record is refused for its time. One whose time cannot be true, whose terminal was not sure of
  it, or that is older than two weeks is stored with the time of its upload, and is an incident. Of
  one that is older than records are kept, only the terminal and the day are stored, once the key of
  its day is destroyed.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from msgspec import structs

from runtime.clock import now as wall_now
from verifier.archive.hours import is_over
from verifier.codes.scanned import read_text
from verifier.contract.errors import MalformedError
from verifier.contract.reasons import Reason
from verifier.contract.record import ScanRecord
from verifier.contract.scan import UploadRecord, UploadResult, scan_id_bytes
from verifier.contract.vocabulary import Answer, Outcome, Step
from verifier.decision import (
    CONTRADICTION,
    MISDATED,
    UNVERIFIED,
    Assessment,
    incident_of,
    refuted,
)
from verifier.engine import assess
from verifier.errors import Outage
from verifier.service.store.commit import Overloaded
from verifier.service.store.scans import (
    Amended,
    Conflict,
    StoredBefore,
    digest_of,
    read_reply,
    upload_command,
)
from verifier.service.worker.follow.suspensions import FORGOTTEN_POINTS, REFUTED_POINTS
from verifier.service.worker.knowledge import ScanGate
from verifier.service.worker.pipeline import MAX_PENDING, ScanPipeline, make_record
from verifier.steps.course import Clock
from verifier.steps.use import DAY, PersonKeys, Use, uses_of

MAX_AHEAD_S: Final = 300
"""Seconds that a scan's time may lie ahead of ours."""
CLOCK_APART_S: Final = 300
"""Seconds that a clock which is sure may run off in two weeks without an answer: so far ahead of it
a proof is honest."""
MAX_WINDOW_S: Final = 600
"""Seconds; no profile lets a proof be older."""
MAX_AGE_S: Final = 14 * DAY
"""Seconds after which a record is late: an outbox holds two weeks."""
AT_A_TIME: Final = 8
"""Records judged before scans get their turn: some 2 ms."""
_NEVER_RIGHT: Final = frozenset(
    (
        *(Reason.FORMAT_UNKNOWN, Reason.FORMAT_TOO_LONG, Reason.CODE_MALFORMED),
        *(Reason.CODE_UNSUPPORTED_ALG, Reason.SIGNATURE_BAD, Reason.PROOF_MISSING),
        *(Reason.PROOF_BAD, Reason.PROOF_STALE, Reason.PROOF_FUTURE),
        *(Reason.TIME_EXPIRED, Reason.TIME_NOT_YET),
    )
)
"""What the code itself and the scan's own time refute. Keys, status and profiles may have changed
since; a terminal that was cut off for days is not to be suspended for that."""
_OF_TIME: Final = frozenset(
    (Reason.PROOF_STALE, Reason.PROOF_FUTURE, Reason.TIME_EXPIRED, Reason.TIME_NOT_YET)
)
"""Of these, what a terminal cannot know whose clock is unsure."""
_SIGNED_STEPS: Final = frozenset((Step.RECOGNISE, Step.DECODE, Step.KEYS, Step.SIGNATURE))
OVERDUE: Final = "overdue"
_DAY_MS: Final = DAY * 1000


class Uploaded(NamedTuple):
    """What became of an upload."""

    results: tuple[UploadResult, ...]
    points: int
    """Of what was stored now: how much it contradicts what the centre knows."""


class _Landed(NamedTuple):
    result: UploadResult
    points: int = 0


class _Times(NamedTuple):
    """When a record is judged and stored, Unix seconds."""

    judged: float
    """When the scan was, as far as that can be true; else now."""
    kept: float
    """What its record says."""
    sure: bool
    """Whether `judged` is what the terminal said, and it was sure of it."""

    @property
    def misdated(self) -> bool:
        """Whether the record has the time of its upload."""
        return self.kept != self.judged or not self.sure


def times_of(record: UploadRecord, now: float, kept: Callable[[int], bool]) -> _Times | None:
    """Return when a record is judged and stored; None: it is of a day that is over for good.

    `kept` says whether a day's key is there: our clock alone, which may be ahead, ends no day.
    """
    if record.at > now + MAX_AHEAD_S:
        return _Times(now, now, sure=False)
    day = int(record.at // DAY)
    over = is_over(day, int(now // DAY)) and not kept(day)
    if record.clock_unsure:
        return _Times(now if over else record.at, now, sure=False)
    if over:
        return None
    return _Times(record.at, record.at if record.at >= now - MAX_AGE_S else now, sure=True)


async def upload(
    pipeline: ScanPipeline, gate: ScanGate, records: Sequence[UploadRecord]
) -> Uploaded:
    """Store records and say what became of each, in order.

    Raises:
        Overloaded: nothing was done.
    """
    if pipeline.pending >= MAX_PENDING // 2 or pipeline.commit.crowded():
        pipeline.metrics.shed += 1
        raise Overloaded
    keys = pipeline.people.at(wall_now(), gate.rule)
    outs: list[UploadResult | asyncio.Future[_Landed]] = []
    for number, record in enumerate(records):
        if number % AT_A_TIME == AT_A_TIME - 1:
            await asyncio.sleep(0)
        outs.append(_begin(pipeline, gate, keys, record))
    landed = [_Landed(out) if isinstance(out, UploadResult) else await out for out in outs]
    for result, _ in landed:
        pipeline.metrics.count(pipeline.metrics.uploads, result.code)
        if result.incident is not None and result.code == "stored":
            # What is known was counted when it was stored.
            pipeline.metrics.count(pipeline.metrics.incidents, result.incident)
    return Uploaded(tuple(it.result for it in landed), sum(it.points for it in landed))


def _begin(
    pipeline: ScanPipeline, gate: ScanGate, keys: PersonKeys | None, record: UploadRecord
) -> UploadResult | asyncio.Future[_Landed]:
    """Judge a record and send it to the store."""
    refused = _refused(gate, record)
    if refused is not None:
        return _result(record, refused)
    if keys is None:
        return _result(record, "retry")
    now, text = wall_now(), read_text(record.all_texts)
    digest = digest_of(gate.grant.terminal, text)
    times = times_of(record, now, pipeline.people.kept)
    if times is None:
        overdue = _overdue(gate, record, now)
        known_as = scan_id_bytes(record.scan_id)
        command = upload_command(
            gate.tag, digest, overdue, (), unclaimed=Answer.UNASKED, known_as=known_as
        )
        return _send(pipeline, record, command, overdue, shown_at=None)
    assessment = assess(
        text,
        known=pipeline.knowledge.known,
        profile=gate.profile,
        grant=gate.grant,
        clock=Clock(now=times.judged, uncertainty=CLOCK_APART_S, sure=times.sure),
        seen=pipeline.seen,
    )
    kept = _kept(gate, record, assessment, keys, times)
    uses = _uses(gate, record, assessment, keys)
    unclaimed = Answer.UNASKED
    passed = record.decision is Outcome.PASS and not refuted(assessment)
    if passed and gate.rule is None:
        unclaimed = Answer.FRESH
    command = upload_command(
        gate.tag,
        digest,
        kept,
        uses,
        unclaimed=unclaimed,
        online=record.online,
        claimed_at=_claimed_at(gate, assessment, times),
    )
    return _send(pipeline, record, command, kept, shown_at=assessment.shown_at)


def _send(
    pipeline: ScanPipeline,
    record: UploadRecord,
    command: bytes,
    kept: ScanRecord,
    *,
    shown_at: int | None,
) -> UploadResult | asyncio.Future[_Landed]:
    future: asyncio.Future[_Landed] = asyncio.get_running_loop().create_future()

    def landed(reply: Any) -> None:
        pipeline.pending -= 1
        if not future.done():
            future.set_result(_read(record, kept, reply, shown_at=shown_at))

    pipeline.pending += 1
    if not pipeline.commit.submit(command, landed):
        pipeline.pending -= 1
        return _result(record, "retry")
    return future


def _refused(gate: ScanGate, record: UploadRecord) -> str | None:
    """Return the code of a record that can never be stored."""
    try:
        scan_id_bytes(record.scan_id)
    except MalformedError:
        return "malformed"
    return None if record.scan_id.endswith(gate.tail) else "conflict"


def _overdue(gate: ScanGate, record: UploadRecord, now: float) -> ScanRecord:
    """Return what is kept of a scan that is older than records are: its terminal, and its day.

    Its scan_id has the day in the place of the time.
    """
    scan_id, grant = scan_id_bytes(record.scan_id), gate.grant
    day_ms = max(0, int(record.at // DAY)) * _DAY_MS
    return ScanRecord(
        scan_id=day_ms.to_bytes(6, "big") + scan_id[6:],
        terminal=grant.terminal,
        place=grant.place,
        gate=grant.gate,
        direction=grant.direction,
        at=int(now * 1000),
        outcome=Outcome.DENY,
        reason=None,
        steps="",
        format=None,
        kind=None,
        colour=None,
        sector_class=None,
        rule=None,
        person=b"",
        members=0,
        open_stance=False,
        unsure=None,
        status_age=None,
        trust_version=0,
        status_version=0,
        profile_version=0,
        milliseconds=0.0,
        offline=True,
        incident=OVERDUE,
    )


def _kept(
    gate: ScanGate,
    record: UploadRecord,
    assessment: Assessment,
    keys: PersonKeys,
    times: _Times,
) -> ScanRecord:
    made = make_record(
        gate,
        scan_id_bytes(record.scan_id),
        assessment,
        keys,
        at=times.kept,
        started=time.perf_counter(),
    )
    passed_unsigned = (
        record.decision is Outcome.PASS
        and assessment.outcome is Outcome.DENY
        and assessment.step in _SIGNED_STEPS
    )
    incident = UNVERIFIED if passed_unsigned else None
    if record.online:
        # Kept only where the store does not know that the centre decided so.
        incident = incident or CONTRADICTION
    if times.misdated:
        incident = incident or MISDATED
    return structs.replace(
        made,
        offline=True,
        final=record.decision,
        final_reason=record.reason,
        milliseconds=record.milliseconds,
        incident=incident,
    )


def _uses(
    gate: ScanGate, record: UploadRecord, assessment: Assessment, keys: PersonKeys
) -> tuple[Use, ...]:
    """Return what the terminal's pass took; nothing where we know that it was none."""
    if assessment.claims is None or refuted(assessment):
        return ()
    if record.decision is Outcome.PASS:
        assessment = structs.replace(assessment, outcome=Outcome.PASS, reason=None)
    elif record.decision is not Outcome.REVIEW or record.reason is not Reason.GROUP_EXCEPTIONS:
        return ()
    # Of a group under review because members had passed, the others are let through.
    return uses_of(assessment, gate.asked, gate.grant, keys)


def _claimed_at(gate: ScanGate, assessment: Assessment, times: _Times) -> float:
    """Return from when a use counts: of a terminal without a clock, while its proof was fresh."""
    if times.sure or assessment.shown_at is None or gate.asked is None:
        return times.judged
    return min(times.judged, assessment.shown_at + gate.asked.window)


def _read(record: UploadRecord, kept: ScanRecord, reply: Any, *, shown_at: int | None) -> _Landed:
    try:
        stored = read_reply(reply)
    except Outage:
        return _Landed(_result(record, "retry"))
    if isinstance(stored, Conflict):
        return _Landed(_result(record, "conflict"))
    incident = incident_of(kept, stored.answer)
    if isinstance(stored, StoredBefore):
        if record.online and not stored.uploaded:
            incident = None  # the centre did decide so
        return _Landed(_result(record, "known", incident=incident))
    if isinstance(stored, Amended) and _came_too_late(record, stored):
        incident = CONTRADICTION
    points = _points(record, kept, told_otherwise=isinstance(stored, Amended))
    if _of_another_window(record, kept, shown_at):
        points = min(points, FORGOTTEN_POINTS)
    return _Landed(_result(record, "stored", incident=incident), points)


def _came_too_late(record: UploadRecord, stored: Amended) -> bool:
    """Say whether a terminal says of a pass that nobody went in, past the time of annulling."""
    let_pass = stored.answer in (Answer.FRESH, Answer.PART)
    return record.decision is Outcome.DENY and let_pass and not stored.gave_back


def _of_another_window(record: UploadRecord, kept: ScanRecord, shown_at: int | None) -> bool:
    """Say whether a proof that is stale here may have been fresh by the profile of then."""
    if kept.reason is not Reason.PROOF_STALE or shown_at is None or record.online:
        return False
    return record.at - shown_at <= MAX_WINDOW_S


def _points(record: UploadRecord, kept: ScanRecord, *, told_otherwise: bool) -> int:
    """Weigh what a terminal says against what can be true."""
    unsure = record.clock_unsure or kept.incident == MISDATED
    wrong = _NEVER_RIGHT - _OF_TIME if unsure else _NEVER_RIGHT
    refuted_for_good = kept.outcome is Outcome.DENY and kept.reason in wrong
    if record.decision is Outcome.PASS and refuted_for_good:
        return REFUTED_POINTS
    if not record.online:
        return 0
    return REFUTED_POINTS if told_otherwise else FORGOTTEN_POINTS


def _result(record: UploadRecord, code: str, *, incident: str | None = None) -> UploadResult:
    stored = code in ("stored", "known")
    return UploadResult(scan_id=record.scan_id, stored=stored, code=code, incident=incident)
