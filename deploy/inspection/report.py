"""What each step answered and why, for whoever helps the person with the code. Pure.

The steps are those of `assess`, run once, exactly as a gate runs them; this module only adds what a
step looked at. Claims are shown as UNVERIFIED until every signature holds: a refusal before that
says nothing about what is in the code.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from deploy.inspection.anatomy import Anatomy, take_apart
from deploy.inspection.details import looked_at
from deploy.inspection.inputs import ShownCode
from deploy.inspection.judgement import JudgedCode, JudgementBasis, judge
from deploy.inspection.words import utc
from verifier.contract.reasons import REASONS
from verifier.contract.vocabulary import Step, StepResult
from verifier.decision import STEPS
from verifier.steps.course import OK, REFUSED, SKIPPED, UNSURE

_ANSWERS: Final[Mapping[str, StepResult]] = {
    OK: StepResult.OK,
    SKIPPED: StepResult.SKIPPED,
    UNSURE: StepResult.UNSURE,
    REFUSED: StepResult.REFUSED,
}
_NOT_REACHED: Final = "not reached"
_CLEANED: Final = "it came as a scanner types it: what was added was taken off, as every door does"
_QUESTIONS: Final[Mapping[Step, str]] = {
    Step.RECOGNISE: "is it a code of a format that is known, and not too long?",
    Step.DECODE: "is it written exactly as its format says?",
    Step.KEYS: "is there a key of its kid that may sign this, now?",
    Step.SIGNATURE: "do the signatures hold: the issuer's, then the phone's?",
    Step.TIME: "is it in force, and fresh?",
    Step.STATUS: "is it revoked; what colour is the person; how old is that knowledge?",
    Step.PROFILE: "is it what the place asks?",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StepReport:
    """One numbered step."""

    number: int
    step: Step
    question: str
    answer: str
    """ok, skipped, unsure, refused; or not reached."""
    details: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeReport:
    """Everything about one code."""

    judged: JudgedCode
    anatomy: Anatomy
    steps: tuple[StepReport, ...]

    @property
    def verified(self) -> bool:
        """Whether every signature holds, so that the claims are what was signed."""
        return self.judged.assessment.claims is not None

    def document(self) -> Mapping[str, Any]:
        """Return what `--json` prints."""
        anatomy = self.anatomy
        claims = [{"label": c.label, "name": c.name, "value": c.value} for c in anatomy.claims]
        proof = [{"label": c.label, "name": c.name, "value": c.value} for c in anatomy.proof]
        return {
            **self.judged.line(),
            "characters": len(self.judged.shown.text or ""),
            "hints": anatomy.hints,
            "stopped": anatomy.stopped,
            "parts": [
                {"name": part.name, "hex": part.data.hex(), "meaning": part.meaning}
                for part in anatomy.parts
            ],
            "verified": self.verified,
            "claims": claims,
            "proof": proof,
            "steps": [
                {
                    "number": step.number,
                    "step": step.step.value,
                    "answer": step.answer,
                    "details": step.details,
                }
                for step in self.steps
            ],
        }


def inspect(shown: ShownCode, asked: JudgementBasis) -> CodeReport:
    """Judge a code and take it apart; never raises for what it is."""
    judged = judge(shown, asked)
    text = shown.text
    anatomy = Anatomy(hints=[], parts=[], claims=[], proof=[]) if text is None else take_apart(text)
    if shown.cleaned:
        anatomy.hints.append(_CLEANED)
    looked = {step: tuple(looked_at(step, judged, asked, anatomy)) for step in STEPS}
    steps = tuple(
        StepReport(
            number=number,
            step=step,
            question=_QUESTIONS[step],
            answer=_ANSWERS[letter].value if letter in _ANSWERS else _NOT_REACHED,
            details=looked[step],
        )
        for number, (step, letter) in enumerate(zip(STEPS, judged.assessment.steps, strict=True), 1)
    )
    return CodeReport(judged=judged, anatomy=anatomy, steps=_with_reason(steps, judged))


def _with_reason(steps: tuple[StepReport, ...], judged: JudgedCode) -> tuple[StepReport, ...]:
    """Say at the step that decided what its Reason means, in both languages."""
    reason = judged.decision.reason
    if reason is None:
        return steps
    told = (judged.reason_word, *judged.sentences().values())
    letters = judged.assessment.steps
    at = letters.find(REFUSED)
    if at < 0:  # a review, or a pass that is unsure: the step that the Reason belongs to
        at = STEPS.index(REASONS[reason].step) if REASONS[reason].step in STEPS else len(STEPS) - 1
    return tuple(
        StepReport(
            number=step.number,
            step=step.step,
            question=step.question,
            answer=step.answer,
            details=(*step.details, *told) if step.number == at + 1 else step.details,
        )
        for step in steps
    )


def verdict(report: CodeReport) -> str:
    """Return the outcome in a line."""
    return _outcome(report.judged)


def remarks(judged: JudgedCode) -> tuple[str, ...]:
    """Return what stands below the outcome: the status, and what age alone refused."""
    lines = []
    if judged.status is not None:
        as_of = judged.status.as_of
        known = "" if as_of is None else f", as of {utc(as_of)}"
        lines.append(f"status: {judged.status.words}{known}")
    if judged.but_for_age is not None:
        lines.append(f"but for its age: {_but_for_age(judged.but_for_age)}")
    return tuple(lines)


def _but_for_age(aged: JudgedCode) -> str:
    """Return what a photo would get; without a verdict its status goes with it."""
    if aged.place is not None or aged.status is None:
        return _outcome(aged)
    return f"{_outcome(aged)}, {aged.status.words}"


def _outcome(judged: JudgedCode) -> str:
    if judged.decision.reason is None:
        return judged.outcome_word
    return f"{judged.outcome_word} {judged.reason_word}"
