"""The engine: assess() before the store is asked, conclude() after.

The first step that refuses gives the reason. What cannot be known (a stale bundle, an unsure
clock) is UNSURE: with the closed stance it refuses, with the open stance the steps go on, the
first such reason is kept, and a later refusal still refuses. Server and terminal run these same
functions. Step (8), use, is the store's.
"""

from verifier.codes.scanned import named
from verifier.contract.grant import Grant
from verifier.contract.reasons import REASONS
from verifier.decision import STEPS, Assessment, conclude
from verifier.errors import Refusal
from verifier.policy.profiles import ResolvedProfile
from verifier.steps.code import check_signature, decode, find_keys, recognise
from verifier.steps.course import SKIPPED, UNASKED, Clock, Course, Unasked
from verifier.steps.place import check_place
from verifier.steps.status import check_status
from verifier.steps.time import check_time
from verifier.steps.verified import VerifiedCredentials
from verifier.trust.known import Known

__all__ = ["UNASKED", "Clock", "Known", "assess", "conclude"]


def assess(
    text: str,
    *,
    known: Known,
    profile: ResolvedProfile | Unasked | None,
    grant: Grant | None,
    clock: Clock,
    seen: VerifiedCredentials,
) -> Assessment:
    """Judge a code in every step but use.

    `profile` None means that the place has none: a denial. `grant` says where the scan is made.
    """
    course = Course(text, known=known, profile=profile, grant=grant, clock=clock, seen=seen)
    try:
        recognise(course)  # (1) the format, by its prefix, within a length bound
        decode(course)  # (2) strictly; what comes out is unverified
        find_keys(course)  # (3) by kid and use, in their window; none is an answer
        check_signature(course)  # (4) the credential's, then the holder's proof
        check_time(course)  # (5) nbf, exp, iat with the format's skew; proof; trust bundle
        check_status(course)  # (6) revoked? colour? as of when?
        check_place(course)  # (7) the profile: format, kind, sector, audience, rules, group
    except Refusal as refusal:
        course.refused(named(refusal, text))
    return _assessment(course)


def _assessment(course: Course) -> Assessment:
    """Keep of a course what the decision and its record need."""
    letters, reason, rule = course.letters, course.reason, course.rule
    return Assessment(
        outcome=course.outcome,
        reason=reason,
        step=STEPS[len(letters.rstrip(SKIPPED)) - 1] if reason is None else REASONS[reason].step,
        steps=letters.ljust(len(STEPS), "-"),
        format=course.format,
        claims=getattr(course, "claims", None),
        unsure=course.unsure,
        open_stance=course.open_stance,
        colour=course.colour,
        sector_class=course.sector_class,
        group=course.group,
        shown_at=course.shown_at,
        shown_ahead=course.shown_ahead,
        rule=None if rule is None else rule.id,
        rule_texts={} if rule is None else rule.descriptions,
        status_age=course.status_age,
        trust_version=course.known.trust.version,
        status_version=course.status_version,
        profile_version=0 if course.profile is None else course.profile.version,
    )
