"""The way of a scan through a worker: assess, store, conclude, answer.

Two halves with the store between them, joined by a callback: a future and a task a scan would cost
as much as all of ours. Without the store (or without today's person key) the place's stance
decides, and the answer says that nothing was recorded. A retry is answered from what is stored,
whatever the code is worth now.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from msgspec import structs

from runtime.clock import now as wall_now
from runtime.http.limits import caller_busy
from verifier.codes.scanned import read_text
from verifier.contract.reasons import Language, Reason
from verifier.contract.record import ScanRecord
from verifier.contract.scan import GroupCounts, ScanRequest, TerminalAnswer
from verifier.contract.vocabulary import Answer, Format, Kind, Outcome
from verifier.decision import (
    Assessment,
    Decision,
    conclude,
    group_record,
    terminal_answer,
    with_exceptions,
)
from verifier.engine import assess
from verifier.errors import Outage
from verifier.service.process.keys import DailyKeys
from verifier.service.store.commit import Commit, Overloaded
from verifier.service.store.scans import (
    Fresh,
    Stored,
    StoredBefore,
    digest_of,
    read_reply,
    scan_command,
)
from verifier.service.worker.knowledge import Knowledge, ScanGate
from verifier.service.worker.metrics import Metrics
from verifier.steps.course import Clock
from verifier.steps.use import PersonKeys, person_hash, person_name, room_use_of, uses_of
from verifier.steps.verified import VerifiedCredentials

MAX_PENDING: Final = 256
"""Scans worked on at once in a worker: some 80 ms of work; more are shed."""
MAX_CALLER_PENDING: Final = 128
"""Of them, those at the gate of one terminal: half, so that others always have room."""
MAX_BULK: Final = 3600
"""Lines of batches worked on at once in a worker: some second of work; the store's queue fits."""
MAX_CALLER_BULK: Final = 1800
"""Of them, those of one caller: half."""
AHEAD_MS: Final = 86_400_000
"""Milliseconds that a scan_id's time may lie ahead; it bounds how long its index is kept."""
_NO_RECORD: Final = Decision(outcome=Outcome.DENY, reason=Reason.SYSTEM_UNAVAILABLE)

Done = Callable[[TerminalAnswer | None], None]
"""Takes the answer; None: the scan_id belongs to another text."""


class PendingScan:
    """One scan between its two halves."""

    __slots__ = (
        "assessment",
        "done",
        "language",
        "manual_at",
        "pipeline",
        "scan_id",
        "share",
        "started",
    )

    def __init__(
        self, pipeline: "ScanPipeline", scan_id: str, language: Language, started: float, done: Done
    ) -> None:
        self.pipeline = pipeline
        self.scan_id = scan_id
        self.language = language
        self.started = started
        self.done = done
        self.assessment: Assessment
        self.manual_at: str | None = None
        """The place where staff admits somebody without a code."""
        self.share = ""
        """The terminal whose share of the places it takes; empty: it is a line of a batch."""

    def landed(self, reply: Any) -> None:
        """Take the store's reply and answer."""
        try:
            stored: Stored | None = read_reply(reply)
        except Outage:
            stored = None
        self.answer(stored)

    def answer(self, stored: Stored | None) -> None:
        """Conclude from what the store said; None: it said nothing."""
        metrics, assessment = self.pipeline.metrics, self.assessment
        self.pipeline.release(self)
        judged: Assessment | ScanRecord = assessment
        record: ScanRecord | None = None
        members: tuple[int, ...] = ()
        if isinstance(stored, Fresh):
            decision = conclude(assessment, stored.answer)
            members = stored.members
        elif stored is None:
            decision = conclude(assessment, Answer.UNKNOWN)
            metrics.unrecorded += 1
        elif isinstance(stored, StoredBefore):
            decision = recall(stored)
            record = stored.record
            judged = record or assessment
        else:
            self.done(None)
            return
        answer = terminal_answer(
            decision,
            judged,
            scan_id=self.scan_id,
            language=self.language,
            recorded=stored is not None,
            members=members,
        )
        if record is not None and record.group is not None:
            answer = structs.replace(answer, group=counts_of(record, stored_members(stored)))
        _count(metrics, decision, assessment.format)
        if self.manual_at is not None and record is None and decision.outcome is Outcome.PASS:
            metrics.count(metrics.manual, self.manual_at)
        metrics.time(time.perf_counter() - self.started)
        self.done(answer)


@dataclass(slots=True, kw_only=True)
class ScanPipeline:
    """What scans need, and how many are worked on."""

    knowledge: Knowledge
    commit: Commit
    people: DailyKeys
    metrics: Metrics
    seen: VerifiedCredentials
    pending: int = 0
    """Scans worked on, lines of batches among them."""
    bulk: int = 0
    """Lines of batches among them: they have a bound of their own."""
    held: dict[str, int] = field(default_factory=dict)
    """Scans worked on by terminal, lines of batches not among them."""
    bulk_held: dict[str, int] = field(default_factory=dict)
    """Lines of batches worked on, by caller."""

    def admit(self, most: int = MAX_PENDING) -> None:
        """Turn a scan away before any work while too many are worked on.

        Raises:
            Overloaded: come again later.
        """
        if self.pending - self.bulk >= most or self.commit.crowded():
            self.metrics.shed += 1
            raise Overloaded

    def enter(self, scan: PendingScan, terminal: str) -> None:
        """Count a scan, about to go to the store, for its terminal."""
        self.pending += 1
        scan.share = terminal
        self.held[terminal] = self.held.get(terminal, 0) + 1

    def release(self, scan: PendingScan) -> None:
        """Count a scan that is answered no more."""
        self.pending -= 1
        if scan.share:
            left = self.held[scan.share] - 1
            if left:
                self.held[scan.share] = left
            else:
                del self.held[scan.share]

    def admit_terminal(self, terminal: str) -> None:
        """Turn a scan away while its terminal has its share of the places.

        Raises:
            Problem: 429 caller.busy.
        """
        if self.held.get(terminal, 0) >= MAX_CALLER_PENDING:
            self.metrics.shed += 1
            raise caller_busy()

    def admit_bulk(self, lines: int, share: str) -> None:
        """Take a batch in as a whole, or turn it away while others have much to do.

        Raises:
            Overloaded: come again later.
            Problem: 429 caller.busy, the caller has its share of the lines.
        """
        held = self.bulk_held.get(share, 0)
        if held + lines > MAX_CALLER_BULK:
            self.metrics.shed += 1
            raise caller_busy()
        if self.bulk + lines > MAX_BULK:
            self.metrics.shed += 1
            raise Overloaded
        self.admit(MAX_PENDING // 2)
        self.pending += lines
        self.bulk += lines
        self.bulk_held[share] = held + lines

    def release_bulk(self, lines: int, share: str) -> None:
        """Forget lines of a batch that never went to the store."""
        self.pending -= lines
        self.bulk_answered(lines, share)

    def bulk_answered(self, lines: int, share: str) -> None:
        """Give back a caller's places for lines of a batch."""
        self.bulk -= lines
        left = self.bulk_held.get(share, 0) - lines
        if left > 0:
            self.bulk_held[share] = left
        else:
            self.bulk_held.pop(share, None)

    def begin(
        self, gate: ScanGate, scan_id: bytes, request: ScanRequest, language: Language, done: Done
    ) -> None:
        """Judge a scan and store it; `done` gets the answer when its record is on disk.

        An answer without a record says so. `done` may be called before this returns.

        Raises:
            Overloaded: nothing was done.
            Problem: 429 caller.busy, nothing was done.
        """
        self.admit()
        terminal = gate.grant.terminal
        self.admit_terminal(terminal)
        scan, command = self.judge(gate, scan_id, request, language, done)
        self.enter(scan, terminal)
        self.send(scan, command)

    def judge(
        self, gate: ScanGate, scan_id: bytes, request: ScanRequest, language: Language, done: Done
    ) -> tuple[PendingScan, bytes]:
        """Judge a scan and pack what the store is told; empty without today's person key."""
        started = time.perf_counter()
        now = wall_now()
        scan = PendingScan(self, request.scan_id, language, started, done)
        text = read_text(request.all_texts)
        scan.assessment = assessment = assess(
            text,
            known=self.knowledge.known,
            profile=gate.profile,
            grant=gate.grant,
            clock=Clock(now=now),
            seen=self.seen,
        )
        keys = self.people.at(now, gate.rule)
        command = b""
        if keys is not None:
            passed = assessment.outcome is Outcome.PASS
            command = scan_command(
                gate.tag,
                digest_of(gate.grant.terminal, text),
                make_record(gate, scan_id, assessment, keys, at=now, started=started),
                uses_of(assessment, gate.asked, gate.grant, keys) if passed else (),
                unclaimed=Answer.FRESH if passed else Answer.UNASKED,
            )
        return scan, command

    def begin_codeless(
        self, gate: ScanGate, scan_id: bytes, scan: PendingScan, bound_to: str
    ) -> None:
        """Store a scan that was judged without a text; its scan_id is bound to `bound_to`.

        Raises:
            Overloaded: nothing was done.
            Problem: 429 caller.busy, nothing was done.
        """
        self.admit()
        self.admit_terminal(gate.grant.terminal)
        record = make_record(
            gate, scan_id, scan.assessment, None, at=wall_now(), started=scan.started
        )
        passed = scan.assessment.outcome is Outcome.PASS
        command = scan_command(
            gate.tag,
            digest_of(gate.grant.terminal, bound_to),
            structs.replace(record, manual=scan.manual_at is not None),
            room_use_of(1, gate.rule, gate.grant) if passed else (),
            unclaimed=Answer.FRESH if passed else Answer.UNASKED,
        )
        self.enter(scan, gate.grant.terminal)
        self.send(scan, command)

    def send(self, scan: PendingScan, command: bytes) -> None:
        """Queue a judged scan, which is pending, for the store."""
        if not command or not self.commit.submit(command, scan.landed):
            scan.answer(None)


def _count(metrics: Metrics, decision: Decision, code_format: Format | None) -> None:
    reason = decision.reason or ""
    key = (decision.outcome, reason, code_format or "")
    metrics.scans[key] = metrics.scans.get(key, 0) + 1
    if reason and decision.outcome is Outcome.PASS:
        metrics.open_stance += 1


def make_record(
    gate: ScanGate,
    scan_id: bytes,
    assessment: Assessment,
    keys: PersonKeys | None,
    *,
    at: float,
    started: float,
) -> ScanRecord:
    """Reduce an assessment to what is kept of it; `started` on the performance counter."""
    grant, claims, group = gate.grant, assessment.claims, assessment.group
    person = person_name(assessment)
    members = 0
    if claims is not None and claims.kind is Kind.GROUP and claims.group is not None:
        members = claims.group.members
    return ScanRecord(
        scan_id=scan_id,
        terminal=grant.terminal,
        place=grant.place,
        gate=grant.gate,
        direction=grant.direction,
        at=int(at * 1000),
        outcome=assessment.outcome,
        reason=assessment.reason,
        steps=assessment.steps,
        format=assessment.format,
        kind=None if claims is None else int(claims.kind),
        colour=assessment.colour,
        sector_class=assessment.sector_class,
        rule=assessment.rule,
        person=b"" if person is None or keys is None else person_hash(keys.today, person),
        members=members,
        open_stance=assessment.open_stance,
        unsure=assessment.unsure,
        status_age=assessment.status_age,
        trust_version=assessment.trust_version,
        status_version=assessment.status_version,
        profile_version=assessment.profile_version,
        milliseconds=int((time.perf_counter() - started) * 100_000) / 100,
        offline=False,
        group=None if group is None else group_record(group),
    )


def recall(stored: StoredBefore) -> Decision:
    """Return the decision of a scan that was stored before; an operator's closes a review."""
    record = stored.record
    if stored.annulled:
        return Decision(outcome=Outcome.DENY, reason=Reason.USE_ANNULLED)
    if record is None:
        return _NO_RECORD
    decision = decided(record, stored.answer)
    resolution = None if stored.amendment is None else stored.amendment.decision
    if decision.outcome is not Outcome.REVIEW or resolution is None:
        return decision
    passed = resolution is Outcome.PASS
    return Decision(outcome=resolution, reason=None if passed else decision.reason)


def decided(record: ScanRecord, answer: Answer) -> Decision:
    """Return what a record says was decided: the terminal's own if it has decided itself."""
    if record.final is None:
        return conclude(record, answer)
    return Decision(outcome=record.final, reason=record.final_reason)


def stored_members(stored: Stored | None) -> tuple[int, ...]:
    """Return the positions of a group's members who had passed already, as they are kept."""
    return stored.members if isinstance(stored, StoredBefore) else ()


def counts_of(record: ScanRecord, members: tuple[int, ...] = ()) -> GroupCounts | None:
    """Return the counts of a group's record; names are not kept."""
    group = record.group
    if group is None:
        return None
    counts = GroupCounts(
        members=record.members,
        green=group.green,
        yellow=group.yellow,
        red=group.red,
        none=group.none,
        exceptions=tuple((position, None) for position in group.exceptions),
    )
    return with_exceptions(counts, members, None)
