"""Deciding alone: assess, one transaction of uses and record, conclude; from a frame if need be.

The same two functions as the centre's, around the terminal's own store step. When the disk does not
take the transaction, nothing was claimed and nothing recorded: the answer is UNKNOWN, and the
place's stance decides. Runs on the executor's thread; in a bench, on the caller's.
"""

import time
from dataclasses import dataclass, field

import msgspec
from structlog.typing import FilteringBoundLogger

from firmware_stubs.edge.lens import look
from firmware_stubs.scans import FinalDecision, Phase, Scan, lets_in
from firmware_stubs.storage import Storage, StorageError
from verifier.barcode.decoded import Frame
from verifier.codes.shc import gather
from verifier.contract.grant import Grant
from verifier.contract.reasons import Language, Reason, sentence
from verifier.contract.scan import TerminalAnswer, make_scan_id
from verifier.contract.vocabulary import Answer, Outcome
from verifier.decision import Assessment, conclude, terminal_answer
from verifier.engine import Clock, assess
from verifier.policy.profiles import ResolvedProfile
from verifier.steps.use import Use, UseAnswer, uses_of
from verifier.steps.verified import VerifiedCredentials

SEEN_CREDENTIALS = 5_000
"""Credentials remembered: the regulars of one gate."""
SEEN_BYTES = 16 * 1024 * 1024
"""Bytes that they take: 5,000 phones' codes, with a little room."""


@dataclass(slots=True, kw_only=True)
class Alone:
    """A terminal that decides without the centre."""

    grant: Grant
    """Where it stands, from its settings; the centre's copy is signed, this one is not."""
    language: Language
    storage: Storage
    log: FilteringBoundLogger
    seen: VerifiedCredentials = field(
        default_factory=lambda: VerifiedCredentials(SEEN_CREDENTIALS, SEEN_BYTES)
    )

    def decide(self, scan: Scan, clock: Clock) -> TerminalAnswer:
        """Decide a scan; the uses it takes and its record are on disk when this returns."""
        started = time.perf_counter()
        profile = self.storage.bundles.profile(self.grant.place)
        assessment = self._assess(scan, profile, clock)
        wanted = self._uses(assessment, profile)
        try:
            answer = self._store(scan, assessment, wanted, clock, started)
        except StorageError as error:
            self.log.exception("store.failed", error=type(error).__name__)
            self.storage.records.lost += 1
            answer = UseAnswer(answer=Answer.UNKNOWN)
            if assessment.outcome is not Outcome.PASS:
                answer = UseAnswer(answer=Answer.UNASKED)
        return self._answer(scan, assessment, answer)

    def keep(self, scan: Scan, verdict: FinalDecision, clock: Clock, *, acknowledged: bool) -> None:
        """Write a decision made elsewhere; what the centre passed is remembered as used.

        What the centre has on disk already needs no wait for this one.
        """
        wanted: tuple[Use, ...] = ()
        without: tuple[int, ...] = ()
        if verdict.online and lets_in(verdict.answer.decision, verdict.answer.reason):
            group = verdict.answer.group
            without = () if group is None else tuple(position for position, _ in group.exceptions)
            profile = self.storage.bundles.profile(self.grant.place)
            assessment = self._assess(scan, profile, clock)
            passed_here = verdict.answer.decision is Outcome.PASS
            # A review for colours took nothing there, and is one here; any other review took uses.
            taken = passed_here or assessment.outcome is not Outcome.REVIEW
            if assessment.claims is not None and taken:
                # The centre knows better, but who it was both read from the same signed bytes.
                passed = msgspec.structs.replace(assessment, outcome=Outcome.PASS)
                wanted = self._uses(passed, profile)
        with self.storage.transaction(durable=not acknowledged) as transaction:
            transaction.remember(wanted, scan_id=scan.scan_id, now=clock.now, without=without)
            kept = transaction.decide(
                scan,
                verdict,
                acknowledged_at=clock.now if acknowledged else None,
                clock_unsure=not clock.sure,
            )
        self.storage.records.lost += not kept

    def _assess(self, scan: Scan, profile: ResolvedProfile | None, clock: Clock) -> Assessment:
        return assess(
            scan.text,
            known=self.storage.bundles.known,
            profile=profile,
            grant=self.grant,
            clock=clock,
            seen=self.seen,
        )

    def _uses(self, assessment: Assessment, profile: ResolvedProfile | None) -> tuple[Use, ...]:
        asked = None if profile is None else profile.profile
        return uses_of(assessment, asked, self.grant, self.storage.keys)

    def _store(
        self,
        scan: Scan,
        assessment: Assessment,
        wanted: tuple[Use, ...],
        clock: Clock,
        started: float,
    ) -> UseAnswer:
        """Take the uses and write the record: one transaction, one fsync."""
        with self.storage.transaction() as transaction:
            answer = UseAnswer(answer=Answer.UNASKED)
            if assessment.outcome is Outcome.PASS:
                answer = transaction.take(wanted, scan_id=scan.scan_id, now=clock.now)
            verdict = FinalDecision(answer=self._answer(scan, assessment, answer), online=False)
            kept = transaction.decide(
                scan,
                verdict,
                acknowledged_at=None,
                clock_unsure=not clock.sure,
                milliseconds=(time.perf_counter() - started) * 1000,
            )
        self.storage.records.lost += not kept
        return answer

    def _answer(self, scan: Scan, assessment: Assessment, taken: UseAnswer) -> TerminalAnswer:
        return terminal_answer(
            conclude(assessment, taken.answer),
            assessment,
            scan_id=scan.scan_id,
            language=self.language,
            recorded=False,
            members=taken.members,
        )


def no_code(reason: Reason, language: Language, scan_id: str) -> TerminalAnswer:
    """Answer a frame or a line in which there is no code to judge; nothing is recorded of it."""
    return TerminalAnswer(
        scan_id=scan_id,
        decision=Outcome.DENY,
        reason=reason,
        sentence=sentence(Outcome.DENY, reason, language),
        recorded=False,
    )


def decide_frame(frame: Frame, alone: Alone, *, clock: Clock, random: bytes) -> TerminalAnswer:
    """Take a grayscale frame (height, width) to a decision, in this process and thread.

    What `terminal.scan` of the bench measures: lens, assessment, uses, record on disk.
    `random` is 6 bytes for the scan_id.
    """
    milliseconds = int(clock.now * 1000)
    scan_id = make_scan_id(alone.grant.terminal, milliseconds=milliseconds, random=random)
    reading = look(frame)
    if reading.reason is not None:
        return no_code(reading.reason, alone.language, scan_id)
    return alone.decide(
        Scan(scan_id=scan_id, text=gather(reading.texts), at=clock.now, phase=Phase.ALONE), clock
    )
