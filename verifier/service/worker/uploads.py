"""Uploads: scans that terminals have decided themselves, stored as they happened.

Each is judged once more at its own time, to say what a record says, and to find out whether the
terminal let somebody through whose code does not hold. The terminal's final decision is never
rewritten; what does not fit becomes an incident (docs/http-verifier.md), and what is incredible
counts against the terminal (`follow.suspensions`).

- A pass that the centre can refute takes nothing from the person: only the terminal says that it
  was there.
- `online` says that the centre decided so. Where the store does not know of it, it is the
  terminal's own decision, and an incident.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from msgspec import structs

from runtime.clock import now as wall_now
from verifier.codes.shc import gather
from verifier.contract.errors import MalformedError
from verifier.contract.reasons import Reason
from verifier.contract.record import ScanRecord
from verifier.contract.scan import UploadRecord, UploadResult, scan_id_bytes
from verifier.contract.vocabulary import Answer, Outcome, Step
from verifier.decision import CONTRADICTION, UNVERIFIED, Assessment, incident_of, refuted
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
from verifier.service.worker.pipeline import AHEAD_MS, MAX_PENDING, ScanPipeline, make_record
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
"""Seconds; older records are no longer of use: an outbox holds two weeks."""
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


class Uploaded(NamedTuple):
    """What became of an upload."""

    results: tuple[UploadResult, ...]
    points: int
    """Of what was stored now: how much it contradicts what the centre knows."""


class _Landed(NamedTuple):
    result: UploadResult
    points: int = 0


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
        if result.incident is not None:
            pipeline.metrics.count(pipeline.metrics.incidents, result.incident)
    return Uploaded(tuple(it.result for it in landed), sum(it.points for it in landed))


def _begin(
    pipeline: ScanPipeline, gate: ScanGate, keys: PersonKeys | None, record: UploadRecord
) -> UploadResult | asyncio.Future[_Landed]:
    """Judge a record and send it to the store."""
    record = _placed(record, wall_now())
    refused = _refused(gate, record)
    if refused is not None:
        return _result(record, refused)
    if keys is None:
        return _result(record, "retry")
    text = gather(record.all_texts)
    assessment = assess(
        text,
        known=pipeline.knowledge.known,
        profile=gate.profile,
        grant=gate.grant,
        clock=Clock(now=record.at, uncertainty=CLOCK_APART_S, sure=not record.clock_unsure),
        seen=pipeline.seen,
    )
    kept = _kept(gate, record, assessment, keys)
    uses = _uses(gate, record, assessment, keys)
    unclaimed = Answer.UNASKED
    passed = record.decision is Outcome.PASS and not refuted(assessment)
    if passed and gate.rule is None:
        unclaimed = Answer.FRESH
    command = upload_command(
        gate.tag,
        digest_of(gate.grant.terminal, text),
        kept,
        uses,
        unclaimed=unclaimed,
        online=record.online,
        claimed_at=_claimed_at(gate, record, assessment),
    )
    future: asyncio.Future[_Landed] = asyncio.get_running_loop().create_future()

    def landed(reply: Any) -> None:
        pipeline.pending -= 1
        if not future.done():
            future.set_result(_read(record, kept, reply, shown_at=assessment.shown_at))

    pipeline.pending += 1
    if not pipeline.commit.submit(command, landed):
        pipeline.pending -= 1
        return _result(record, "retry")
    return future


def _possible(at: float, now: float) -> bool:
    return now - MAX_AGE_S <= at <= now + MAX_AHEAD_S


def _placed(record: UploadRecord, now: float) -> UploadRecord:
    """Give a scan from before a terminal knew the time the time of its upload.

    A terminal without a battery thinks it is 1970; what it let in meanwhile must not be lost.
    """
    if record.clock_unsure and not _possible(record.at, now):
        return structs.replace(record, at=now)
    return record


def _refused(gate: ScanGate, record: UploadRecord) -> str | None:
    """Return the code of a record that can never be stored."""
    now = wall_now()
    if not _possible(record.at, now):
        return "malformed"
    try:
        scan_id = scan_id_bytes(record.scan_id)
    except MalformedError:
        return "malformed"
    if not record.scan_id.endswith(gate.tail):
        return "conflict"
    ahead = int.from_bytes(scan_id[:6], "big") > now * 1000 + AHEAD_MS
    return "malformed" if ahead else None


def _kept(
    gate: ScanGate, record: UploadRecord, assessment: Assessment, keys: PersonKeys
) -> ScanRecord:
    made = make_record(
        gate,
        scan_id_bytes(record.scan_id),
        assessment,
        keys,
        at=record.at,
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


def _claimed_at(gate: ScanGate, record: UploadRecord, assessment: Assessment) -> float | None:
    """Return from when a use counts: of a terminal without a clock, while its proof was fresh."""
    if not record.clock_unsure or assessment.shown_at is None or gate.asked is None:
        return None
    return min(record.at, assessment.shown_at + gate.asked.window)


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
    wrong = _NEVER_RIGHT - _OF_TIME if record.clock_unsure else _NEVER_RIGHT
    refuted_for_good = kept.outcome is Outcome.DENY and kept.reason in wrong
    if record.decision is Outcome.PASS and refuted_for_good:
        return REFUTED_POINTS
    if not record.online:
        return 0
    return REFUTED_POINTS if told_otherwise else FORGOTTEN_POINTS


def _result(record: UploadRecord, code: str, *, incident: str | None = None) -> UploadResult:
    stored = code in ("stored", "known")
    return UploadResult(scan_id=record.scan_id, stored=stored, code=code, incident=incident)
