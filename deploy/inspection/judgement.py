"""One code judged: every step but use, with the profile of a place or with none.

Without a profile nothing is asked but what the code is, so no verdict is given: it is genuine, or
refused. Where the revocation plane of its list is known, a revoked credential is refused all the
same. Status and colour are said in any case. A photo of a phone's code is always too old; what it
would get but for its age is said too. Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo
from typing import Any, Final

import msgspec

from deploy.inspection.code_status import CodeStatus, status_of
from deploy.inspection.inputs import ShownCode
from verifier.contract.grant import Grant
from verifier.contract.reasons import REASONS, Language, Reason, sentence
from verifier.contract.vocabulary import (
    Answer,
    ApiScope,
    Direction,
    Format,
    GrantState,
    Outcome,
    Plane,
    Step,
)
from verifier.decision import STEPS, Assessment, Decision, conclude
from verifier.engine import assess
from verifier.policy.profiles import ResolvedProfile
from verifier.steps.course import OK, REFUSED, UNASKED, Clock
from verifier.steps.time import end_of
from verifier.steps.verified import VerifiedCredentials
from verifier.trust.known import Known

_NOTHING_SEEN: Final = VerifiedCredentials(0)
_GATE: Final = "inspection"
GENUINE: Final = "genuine"
"""The word for a code that nothing refused, where no place was named that gives a verdict."""
NO_VERDICT: Final[Mapping[Language, str]] = {
    Language.ZH: "真实有效的码；未指定场所，未作通行判定。",
    Language.EN: "A genuine code. No place was named, so no verdict was given.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgementBasis:
    """What codes are judged by."""

    known: Known
    profile: ResolvedProfile | None = None
    """None: no place asks anything."""
    at: float
    """Unix seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedCode:
    """A code and what came of it."""

    shown: ShownCode
    assessment: Assessment
    decision: Decision
    status: CodeStatus | None
    """What the planes say; None: it was not verified, or no list belongs to it."""
    place: str | None
    """Where it was judged; None: at no place."""
    zone: tzinfo = UTC
    """Whose days count: the place's; without a place UTC's."""
    but_for_age: "JudgedCode | None" = None
    """Of a proof that is too old: the judgement as at the moment that it was made."""

    @property
    def passed(self) -> bool:
        """Whether a gate would open; at no place, whether nothing speaks against the code."""
        if self.decision.outcome is not Outcome.PASS:
            return False
        return self.place is not None or self.status is None or not self.status.speaks_against

    @property
    def outcome_word(self) -> str:
        """The outcome; `genuine` where no place was named and nothing refused the code."""
        outcome = self.decision.outcome
        return GENUINE if self.place is None and outcome is Outcome.PASS else outcome.value

    @property
    def status_word(self) -> str:
        """The status in a few words, or a dash."""
        return "-" if self.status is None else self.status.words

    @property
    def format_word(self) -> str:
        """The format, or a dash."""
        return "-" if self.assessment.format is None else self.assessment.format.value

    @property
    def reason_word(self) -> str:
        """The reason, or a dash; of a file in which nothing was looked at, what it is."""
        if self.shown.unread is not None:
            return self.shown.unread.code
        return "-" if self.decision.reason is None else self.decision.reason.value

    def sentences(self) -> dict[str, str]:
        """Return what a person reads, by language."""
        if self.shown.unread is not None:
            return self.shown.unread.sentences()
        outcome, reason = self.decision.outcome, self.decision.reason
        if self.outcome_word == GENUINE:
            return {language.value: text for language, text in NO_VERDICT.items()}
        return {language.value: sentence(outcome, reason, language) for language in Language}

    def line(self) -> Mapping[str, Any]:
        """Return what a JSON line says: of the person only the colour, no index, no text."""
        found, claims, aged = self.assessment, self.assessment.claims, self.but_for_age
        return {
            "name": self.shown.name,
            "outcome": self.outcome_word,
            "reason": None if self.decision.reason is None else self.reason_word,
            "step": self.assessment.step.value,
            "format": None if found.format is None else found.format.value,
            "issuer": None if claims is None else claims.issuer,
            "expires": None if claims is None else end_of(claims, self.zone),
            "place": self.place,
            "status": None if self.status is None else self.status.document(),
            "but_for_age": None
            if aged is None
            else {"outcome": aged.outcome_word, "reason": aged.decision.reason},
            "sentence": self.sentences(),
        }


def judge(shown: ShownCode, asked: JudgementBasis) -> JudgedCode:
    """Judge a code as a gate would, short of whether it was used."""
    if shown.text is None:
        return _judged(shown, _no_text(shown.reason or Reason.PICTURE_NONE), asked)
    found = assess_text(shown.text, asked)
    judged = _judged(shown, found, asked)
    if found.reason is not Reason.PROOF_STALE or found.shown_at is None:
        return judged
    then = replace(asked, at=found.shown_at)
    aged = _judged(shown, assess_text(shown.text, then), then)
    return replace(judged, but_for_age=aged)


def _judged(shown: ShownCode, found: Assessment, asked: JudgementBasis) -> JudgedCode:
    place = None if asked.profile is None else asked.profile.profile.place
    return JudgedCode(
        shown=shown,
        assessment=found,
        decision=conclude(found, Answer.UNASKED),
        status=status_of(found.claims, asked.known, place),
        place=place,
        zone=UTC if asked.profile is None else asked.profile.zone,
    )


def assess_text(text: str, asked: JudgementBasis) -> Assessment:
    """Assess a text at an entrance of the profile's place, or at none."""
    profile = asked.profile
    found = assess(
        text,
        known=asked.known,
        profile=UNASKED if profile is None else profile,
        grant=None if profile is None else _entrance(profile.profile.place),
        clock=Clock(now=asked.at),
        seen=_NOTHING_SEEN,
    )
    return _revocation(found, asked.known) if profile is None else found


def _entrance(place: str) -> Grant:
    return Grant(
        terminal=_GATE,
        fingerprint="00" * 32,
        place=place,
        gate=_GATE,
        direction=Direction.IN,
        scopes=(ApiScope.SCAN,),
        state=GrantState.ACTIVE,
        version=1,
    )


def _revocation(found: Assessment, known: Known) -> Assessment:
    """Look a credential up in its list's revocation plane, where that is known."""
    claims = found.claims
    if found.outcome is not Outcome.PASS or claims is None or claims.list is None:
        return found
    view = known.status.plane(claims.list, Plane.REVOCATION)
    if view is None or claims.credential is None:
        return found
    if not 0 <= claims.credential < view.values.size:
        return _refused(found, Reason.STATUS_UNKNOWN)
    if view.values[claims.credential]:
        return _refused(found, Reason.STATUS_REVOKED)
    return msgspec.structs.replace(found, steps=_with_status(found.steps, OK), step=Step.STATUS)


def _refused(found: Assessment, reason: Reason) -> Assessment:
    steps = _with_status(found.steps, REFUSED)[: STEPS.index(Step.STATUS) + 1]
    return msgspec.structs.replace(
        found,
        outcome=Outcome.DENY,
        reason=reason,
        step=REASONS[reason].step,
        steps=steps.ljust(len(STEPS), "-"),
    )


def _with_status(steps: str, letter: str) -> str:
    at = STEPS.index(Step.STATUS)
    return steps[:at] + letter + steps[at + 1 :]


def _no_text(reason: Reason) -> Assessment:
    step = REASONS[reason].step
    letters = OK * STEPS.index(step) + REFUSED
    return Assessment(
        outcome=Outcome.DENY,
        reason=reason,
        step=step,
        steps=letters.ljust(len(STEPS), "-"),
        # Only chunks are known to be of a format before there is a text.
        format=Format.SHC if reason is Reason.CODE_MALFORMED else None,
    )
