"""Step (5), time: the claims' own times, the proof's freshness, the trust bundle's age."""

from math import ceil
from typing import Final

from verifier.contract.reasons import Reason
from verifier.steps.course import Course

DEFAULT_WINDOW: Final = 60
"""Seconds a proof stays fresh where no profile says otherwise."""
PROOF_AHEAD: Final = 10
"""Seconds a phone's clock may run ahead of ours."""


def check_time(course: Course) -> None:
    """Ask whether now is a time at which the code counts."""
    row, claims, now = course.row, course.claims, course.clock.now
    if claims.not_before is not None and now + row.skew < claims.not_before:
        course.refuse(Reason.TIME_NOT_YET)
    if claims.expires is not None and (
        now >= claims.expires if row.expires_at_exp else now > claims.expires
    ):
        course.refuse(Reason.TIME_EXPIRED)
    if claims.issued_at is not None and now + row.skew < claims.issued_at:
        course.refuse(Reason.TIME_NOT_YET)
    if course.code.proof is not None:
        shown_at = course.shown_at = course.code.proof.issued_at
        ahead = shown_at - now
        if ahead > 0:
            course.shown_ahead = min(ceil(ahead), PROOF_AHEAD + ceil(course.clock.uncertainty))
        _proof(course, ahead)
    if now > course.known.trust.expires:
        course.doubt(Reason.TRUST_STALE)
    course.ok()


def _proof(course: Course, ahead: float) -> None:
    """Ask whether a proof, made so many seconds ahead of now, is fresh."""
    clock, profile = course.clock, course.profile
    if not clock.sure:
        course.doubt(Reason.CLOCK_UNSURE)
        return
    if ahead > PROOF_AHEAD + clock.uncertainty:
        course.refuse(Reason.PROOF_FUTURE)
    if -ahead > (DEFAULT_WINDOW if profile is None else profile.profile.window):
        course.refuse(Reason.PROOF_STALE)
