"""Step (6), status: revocation, the person's colour, and as of when both are known."""

from typing import Final

from verifier.contract.reasons import Reason
from verifier.contract.vocabulary import Colour, Plane
from verifier.policy.profiles import ResolvedProfile
from verifier.status.plane import PlaneView
from verifier.steps.course import Course

# Looked up once: every scan needs them.
_REVOCATION: Final = Plane.REVOCATION
_HEALTH: Final = Plane.HEALTH
_COLOUR_REASONS: Final = {
    Colour.NONE: Reason.STATUS_NONE,
    Colour.GREEN: Reason.STATUS_NONE,
    Colour.YELLOW: Reason.STATUS_YELLOW,
    Colour.RED: Reason.STATUS_RED,
}


def check_status(course: Course) -> None:
    """Look up revocation and colour; of a foreign document, its issuer's list of cards."""
    claims, profile = course.claims, course.profile
    if claims.list is None or claims.credential is None or profile is None:
        _check_card(course)
        return
    revocation = course.known.status.plane(claims.list, _REVOCATION)
    if revocation is None:
        doubt_missing(course, claims.list, _REVOCATION)
    else:
        if _value(course, revocation, claims.credential):
            course.refuse(Reason.STATUS_REVOKED)
        note_age(course, revocation, profile)
    if profile.passing and claims.person is not None:
        _check_colour(course, claims.list, claims.person, profile)
    course.ok()


def _check_card(course: Course) -> None:
    """Look a health card up in its issuer's list; skipped where there is none."""
    claims = course.claims
    listed = None if claims.card is None else course.known.revoked_cards.get(claims.card[0])
    if claims.card is None or listed is None:
        course.skip()
        return
    rid = claims.card[1]
    if rid is not None and listed.revokes(rid, claims.not_before or 0):
        course.refuse(Reason.STATUS_REVOKED)
    course.ok()


def _check_colour(course: Course, number: int, person: int, profile: ResolvedProfile) -> None:
    health = course.known.status.plane(number, _HEALTH)
    if health is None:
        doubt_missing(course, number, _HEALTH)
        return
    colour = course.colour = _value(course, health, person)
    if colour not in profile.passing:
        reason = _COLOUR_REASONS[Colour(colour)]
        if colour not in profile.reviewing:
            course.refuse(reason)
        course.review(reason)
    note_age(course, health, profile)


def doubt_missing(course: Course, list_number: int, plane: Plane) -> None:
    """Doubt a plane that is not known; one that was not looked at yet refuses at any stance."""
    if not course.known.was_judged(list_number, plane):
        course.refuse(Reason.STATUS_UNKNOWN)
    course.doubt(Reason.STATUS_UNKNOWN)


def _value(course: Course, view: PlaneView, index: int) -> int:
    course.status_version = view.version
    try:
        return view.values[index]
    except IndexError:
        course.refuse(Reason.STATUS_UNKNOWN)


def note_age(course: Course, view: PlaneView, profile: ResolvedProfile) -> None:
    """Note how old a plane is that was read; past the profile's bound it is doubted."""
    age = max(0, int(course.clock.now - view.known_as_of))
    course.status_age = age if course.status_age is None else max(age, course.status_age)
    if age > profile.profile.max_status_age:
        course.doubt(Reason.STATUS_STALE)
