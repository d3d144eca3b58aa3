"""Judgements where there is no text: a visitor whom staff admits, a picture that shows no one code.

`verifier.engine` judges texts; these are recorded beside its assessments, in the same form.
"""

from typing import Final

from verifier.contract.reasons import REASONS, Reason
from verifier.contract.vocabulary import Outcome, Step
from verifier.decision import STEPS, Assessment
from verifier.service.worker.knowledge import Knowledge, ScanGate
from verifier.steps.course import REFUSED

NOT_REACHED: Final = "-"


def admitted(gate: ScanGate, knowledge: Knowledge) -> Assessment:
    """Judge a visitor admitted without a code: no step is taken, but the place must be known."""
    profile = gate.profile
    return Assessment(
        outcome=Outcome.DENY if profile is None else Outcome.PASS,
        reason=Reason.PLACE_UNKNOWN if profile is None else None,
        step=Step.PROFILE,
        steps=NOT_REACHED * len(STEPS),
        open_stance=profile is not None and profile.open_stance,
        trust_version=knowledge.known.trust.version,
        profile_version=0 if profile is None else profile.version,
    )


def unread(reason: Reason, knowledge: Knowledge) -> Assessment:
    """Judge a picture in which there is not exactly one code of ours."""
    return Assessment(
        outcome=REASONS[reason].outcome,
        reason=reason,
        step=Step.RECOGNISE,
        steps=REFUSED.ljust(len(STEPS), NOT_REACHED),
        trust_version=knowledge.known.trust.version,
    )
