"""Step (5), time: the claims' own times, the proof's freshness, the trust bundle's age.

What a foreign document says of days is read on the days of the place; where no place is asked, on
those of UTC. A day that is named as the last one counts whole.
"""

from datetime import UTC, date, tzinfo
from math import ceil
from typing import Final

from verifier.codes.claims import Claims
from verifier.contract.reasons import Reason
from verifier.policy.products import Products, first_day_of
from verifier.policy.zones import day_in, end_of_day
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
    if claims.validity is not None:
        _check_validity(course, claims)
    if course.code.proof is not None:
        shown_at = course.shown_at = course.code.proof.issued_at
        ahead = shown_at - now
        if ahead > 0:
            course.shown_ahead = min(ceil(ahead), PROOF_AHEAD + ceil(course.clock.uncertainty))
        _proof(course, ahead)
    if now > course.known.trust.expires:
        course.doubt(Reason.TRUST_STALE)
    course.ok()


def _check_validity(course: Course, claims: Claims) -> None:
    """Ask whether a document counts now by its own word, or by the day of its dose."""
    stated, now, profile = claims.validity, course.clock.now, course.profile
    if stated is None or not stated.readable:
        return  # nobody can say when: step (7) refuses it
    zone = UTC if profile is None else profile.zone
    today = day_in(zone, now)
    first = first_day(claims, course.products)
    if first is not None and today < first:
        course.refuse(Reason.TIME_NOT_YET)
    if stated.starts is not None and now + course.row.skew < stated.starts:
        course.refuse(Reason.TIME_NOT_YET)
    if stated.last_day is not None and today > stated.last_day:
        course.refuse(Reason.TIME_EXPIRED)
    if stated.ends is not None and now > stated.ends:
        course.refuse(Reason.TIME_EXPIRED)


def first_day(claims: Claims, products: Products | None) -> date | None:
    """Return the first day on which a document counts: as it states, else by its dose."""
    stated = None if claims.validity is None else claims.validity.first_day
    if stated is None and claims.dose is not None:
        return first_day_of(claims.dose, products)
    return stated


def end_of(claims: Claims, zone: tzinfo) -> float | None:
    """Return the last second at which claims count, Unix seconds; None: they have no end."""
    stated = claims.validity
    ends = [claims.expires, None if stated is None else stated.ends]
    if stated is not None and stated.last_day is not None:
        ends.append(end_of_day(zone, stated.last_day))
    return min((end for end in ends if end is not None), default=None)


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
