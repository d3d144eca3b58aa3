"""Uploads: scans that terminals have decided themselves, stored as they happened.

Each is judged once more at its own time, to say what a record says, and to find out whether the
terminal let somebody through whose code does not hold. The terminal's final decision is never
rewritten; what does not fit becomes an incident (docs/http-verifier.md).
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Any, Final

from msgspec import structs

from runtime.clock import now as wall_now
from verifier.codes.shc import gather
from verifier.contract.errors import MalformedError
from verifier.contract.record import ScanRecord
from verifier.contract.scan import UploadRecord, UploadResult, scan_id_bytes
from verifier.contract.vocabulary import Answer, Outcome, Step
from verifier.decision import Assessment, incident_of
from verifier.engine import assess
from verifier.errors import Outage
from verifier.service.store.commit import Overloaded
from verifier.service.store.scans import (
    Conflict,
    StoredBefore,
    digest_of,
    read_reply,
    upload_command,
)
from verifier.service.worker.knowledge import ScanGate
from verifier.service.worker.pipeline import AHEAD_MS, MAX_PENDING, ScanPipeline, make_record
from verifier.steps.course import Clock
from verifier.steps.use import DAY, PersonKeys, Use, uses_of

MAX_AHEAD_S: Final = 300
"""Seconds that a scan's time may lie ahead of ours."""
MAX_AGE_S: Final = 14 * DAY
"""Seconds; older records are no longer of use: an outbox holds two weeks."""
AT_A_TIME: Final = 8
"""Records judged before scans get their turn: some 2 ms."""
_SIGNED_STEPS: Final = frozenset((Step.RECOGNISE, Step.DECODE, Step.KEYS, Step.SIGNATURE))
UNVERIFIED: Final = "unverified"


async def upload(
    pipeline: ScanPipeline, gate: ScanGate, records: Sequence[UploadRecord]
) -> tuple[UploadResult, ...]:
    """Store records and say what became of each, in order.

    Raises:
        Overloaded: nothing was done.
    """
    if pipeline.pending >= MAX_PENDING // 2 or pipeline.commit.crowded():
        pipeline.metrics.shed += 1
        raise Overloaded
    keys = pipeline.people.at(wall_now(), gate.rule)
    outs: list[UploadResult | asyncio.Future[UploadResult]] = []
    for number, record in enumerate(records):
        if number % AT_A_TIME == AT_A_TIME - 1:
            await asyncio.sleep(0)
        outs.append(_begin(pipeline, gate, keys, record))
    results = [out if isinstance(out, UploadResult) else await out for out in outs]
    for result in results:
        pipeline.metrics.count(pipeline.metrics.uploads, result.code)
        if result.incident is not None:
            pipeline.metrics.count(pipeline.metrics.incidents, result.incident)
    return tuple(results)


def _begin(
    pipeline: ScanPipeline, gate: ScanGate, keys: PersonKeys | None, record: UploadRecord
) -> UploadResult | asyncio.Future[UploadResult]:
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
        clock=Clock(now=record.at, sure=not record.clock_unsure),
        seen=pipeline.seen,
    )
    kept = _kept(gate, record, assessment, keys)
    uses = _uses(gate, record, assessment, keys)
    unclaimed = Answer.UNASKED
    if record.decision is Outcome.PASS and gate.rule is None:
        unclaimed = Answer.FRESH
    command = upload_command(
        gate.tag,
        digest_of(gate.grant.terminal, text),
        kept,
        uses,
        unclaimed=unclaimed,
    )
    future: asyncio.Future[UploadResult] = asyncio.get_running_loop().create_future()

    def landed(reply: Any) -> None:
        pipeline.pending -= 1
        if not future.done():
            future.set_result(_read(record, kept, reply))

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
    return structs.replace(
        made,
        offline=not record.online,
        final=record.decision,
        final_reason=record.reason,
        milliseconds=record.milliseconds,
        incident=UNVERIFIED if passed_unsigned else None,
    )


def _uses(
    gate: ScanGate, record: UploadRecord, assessment: Assessment, keys: PersonKeys
) -> tuple[Use, ...]:
    """Return what the terminal's pass took, whatever the code is worth to us."""
    if record.decision is not Outcome.PASS or assessment.claims is None:
        return ()
    passed = structs.replace(assessment, outcome=Outcome.PASS, reason=None)
    return uses_of(passed, gate.rule, gate.grant, keys)


def _read(record: UploadRecord, kept: ScanRecord, reply: Any) -> UploadResult:
    try:
        stored = read_reply(reply)
    except Outage:
        return _result(record, "retry")
    if isinstance(stored, Conflict):
        return _result(record, "conflict")
    code = "known" if isinstance(stored, StoredBefore) else "stored"
    return _result(record, code, incident=incident_of(kept, stored.answer))


def _result(record: UploadRecord, code: str, *, incident: str | None = None) -> UploadResult:
    stored = code in ("stored", "known")
    return UploadResult(scan_id=record.scan_id, stored=stored, code=code, incident=incident)
