"""Assessment and decision: what `assess` found, and what it means once the store has answered.

A decision is a pure function of (assessment, answer); a record keeps both, so that the decision
can be made again from the record alone, here and on a terminal.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Protocol

import msgspec

from verifier.codes.claims import Claims
from verifier.contract.reasons import Language, Reason, sentence
from verifier.contract.record import GroupRecord, ScanRecord
from verifier.contract.scan import GroupCounts, TerminalAnswer
from verifier.contract.vocabulary import Answer, Direction, Format, Outcome, Step
from verifier.groups.verdict import GroupVerdict

STEPS = (
    Step.RECOGNISE,
    Step.DECODE,
    Step.KEYS,
    Step.SIGNATURE,
    Step.TIME,
    Step.STATUS,
    Step.PROFILE,
)


NO_TEXTS: Final[Mapping[str, str]] = MappingProxyType({})


DOUBLE_USE: Final = "double_use"
CONTRADICTION: Final = "contradiction"
UNVERIFIED: Final = "unverified"
"""What an upload brings to light."""
MISDATED: Final = "misdated"
"""Stored with the time of its upload: its own cannot be true, or is two weeks old."""
_OF_TIME: Final = frozenset(
    (Reason.PROOF_STALE, Reason.PROOF_FUTURE, Reason.TIME_EXPIRED, Reason.TIME_NOT_YET)
)
"""What a time refutes, not the code alone."""
_PASSED_BEFORE: Final = frozenset((Answer.USED, Answer.PART))
_UNKNOWN_HERE: Final = frozenset(
    (
        *(Reason.TRUST_STALE, Reason.CLOCK_UNSURE, Reason.STATUS_STALE, Reason.STATUS_UNKNOWN),
        *(Reason.RULE_UNKNOWN, Reason.GROUP_STALE_ROSTER, Reason.USE_UNKNOWN),
        # What is past is no longer known, and at the time of the scan the bundle was another one.
        Reason.PLACE_APPOINTMENT,
    )
)
"""Denials that say what the centre does not know; they contradict nobody."""


class Assessment(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Every step but use, answered."""

    outcome: Outcome
    reason: Reason | None
    """Of the first step that refused."""
    step: Step
    """The one that refused, or the last that ran."""
    steps: str
    """One letter for each step, in the order of STEPS: o, s, u, r, or - for not reached."""
    format: Format | None = None
    claims: Claims | None = None
    """None until signatures hold."""
    unsure: Reason | None = None
    """The first thing that could not be known, where the open stance went on."""
    open_stance: bool = False
    colour: int | None = None
    sector_class: int | None = None
    group: GroupVerdict | None = None
    shown_at: int | None = None
    """Unix seconds of the holder's proof; None: paper, or a document without a proof."""
    shown_ahead: int = 0
    """Seconds that the proof lay ahead of now: it stays fresh so much longer."""
    rule: str | None = None
    """Id of the rule that decided."""
    rule_texts: Mapping[str, str] = NO_TEXTS
    """What it asks, by language."""
    status_age: int | None = None
    trust_version: int = 0
    status_version: int = 0
    """Of the plane that was asked last: health where colour is asked, else revocation; 0: none."""
    profile_version: int = 0


class Judged(Protocol):
    """What `conclude` needs: an assessment has it, and so has a record."""

    @property
    def outcome(self) -> Outcome:
        """The assessment's outcome."""

    @property
    def reason(self) -> Reason | None:
        """Why it is not a pass."""

    @property
    def unsure(self) -> Reason | None:
        """What could not be known."""

    @property
    def open_stance(self) -> bool:
        """What the place does when unsure."""


class Decision(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the gate does, and why."""

    outcome: Outcome
    reason: Reason | None


_REFUSED_BY_STORE = {
    Answer.USED: Reason.USE_REPLAYED,
    Answer.FULL: Reason.USE_FULL,
    Answer.PAIR: Reason.USE_PAIR,
}


def conclude(judged: Judged, answer: Answer) -> Decision:
    """Turn an assessment and the store's answer into the decision."""
    if judged.outcome is not Outcome.PASS:
        return Decision(outcome=judged.outcome, reason=judged.reason)
    refused = _REFUSED_BY_STORE.get(answer)
    if refused is not None:
        return Decision(outcome=Outcome.DENY, reason=refused)
    if answer is Answer.PART:
        return Decision(outcome=Outcome.REVIEW, reason=Reason.GROUP_EXCEPTIONS)
    if answer is Answer.UNKNOWN:
        outcome = Outcome.PASS if judged.open_stance else Outcome.DENY
        return Decision(outcome=outcome, reason=Reason.USE_UNKNOWN)
    return Decision(outcome=Outcome.PASS, reason=judged.unsure)


def terminal_answer(
    decision: Decision,
    judged: "Assessment | ScanRecord",
    *,
    scan_id: str,
    language: Language,
    recorded: bool,
    members: tuple[int, ...] = (),
) -> TerminalAnswer:
    """Make the small answer that a terminal may see; a group's names only while they are fresh.

    `members`: positions of those of a group who had passed already; they are exceptions too.
    """
    group = None
    if isinstance(judged, Assessment) and judged.group is not None:
        group = with_exceptions(judged.group.counts, members, judged.group.members.masked_names)
    return TerminalAnswer(
        scan_id=scan_id,
        decision=decision.outcome,
        reason=decision.reason,
        rule=judged.rule,
        rule_text=_rule_text(judged, language),
        sentence=sentence(decision.outcome, decision.reason, language),
        sector_class=judged.sector_class if decision.outcome is Outcome.PASS else None,
        group=group,
        recorded=recorded,
    )


def _rule_text(judged: "Assessment | ScanRecord", language: Language) -> str | None:
    """Return what the deciding rule asks, in the language or else in English."""
    if not isinstance(judged, Assessment):
        return None
    texts = judged.rule_texts
    return texts.get(language.value) or texts.get(language.value[:2]) or texts.get("en")


def with_exceptions(
    counts: GroupCounts, positions: tuple[int, ...], names: tuple[str, ...] | None
) -> GroupCounts:
    """Count members at these positions (from 1) among the exceptions, each once."""
    if not positions:
        return counts
    known = dict(counts.exceptions)
    for position in positions:
        known.setdefault(position, None if names is None else names[position - 1])
    return msgspec.structs.replace(counts, exceptions=tuple(sorted(known.items())))


def group_record(verdict: GroupVerdict | None) -> GroupRecord | None:
    """Reduce a group's verdict to what a record keeps."""
    if verdict is None:
        return None
    counts = verdict.counts
    return GroupRecord(
        green=counts.green,
        yellow=counts.yellow,
        red=counts.red,
        none=counts.none,
        exceptions=tuple(position for position, _ in counts.exceptions),
    )


def incident_of(record: ScanRecord, answer: Answer) -> str | None:
    """Return what does not fit between what a terminal did and what the store knew."""
    if record.incident not in (None, MISDATED) or record.final is not Outcome.PASS:
        return record.incident
    return _contradicted(record, answer) or record.incident


def _contradicted(record: ScanRecord, answer: Answer) -> str | None:
    if record.incident == MISDATED and record.outcome is Outcome.DENY and record.reason in _OF_TIME:
        return None  # by a time that may be wrong
    if answer in _PASSED_BEFORE or (answer is Answer.PAIR and record.direction == Direction.IN):
        return DOUBLE_USE
    if answer is Answer.FULL or answer is Answer.UNASKED:
        return CONTRADICTION
    return CONTRADICTION if refuted(record) else None


def refuted(judged: "Judged") -> bool:
    """Say whether a verdict contradicts a pass, rather than lacking what the terminal knew."""
    return judged.outcome is Outcome.DENY and judged.reason not in _UNKNOWN_HERE
