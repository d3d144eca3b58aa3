"""Step (7), what the place asks: format, kind, sector, audience, appointment, rules, group."""

from typing import Final

from verifier.contract.errors import MalformedError
from verifier.contract.grant import Grant
from verifier.contract.reasons import Reason
from verifier.contract.vocabulary import Direction, Format, Kind, Plane
from verifier.groups.roster import Members, unpack_members
from verifier.groups.verdict import judge
from verifier.policy.profiles import ResolvedProfile
from verifier.steps.course import Course
from verifier.steps.documents import check_document, check_unasked, rule_inputs
from verifier.steps.status import doubt_missing, note_age

__all__ = ["check_place", "rule_inputs"]

# Looked up once: every scan needs them.
_CC1: Final = Format.CC1
_PERSONAL: Final = Kind.PERSONAL
_GROUP: Final = Kind.GROUP
_IN: Final = Direction.IN

MINUTE: Final = 60
"""Seconds."""


def check_place(course: Course) -> None:
    """Hold the code against the place's profile; skipped where no place is asked."""
    if course.unasked:
        check_unasked(course)
        course.skip()
        return
    claims, profile, grant = course.claims, course.profile, course.grant
    if profile is None or grant is None:
        course.refuse(Reason.PLACE_UNKNOWN)
    if claims.format not in profile.formats:
        course.refuse(Reason.PLACE_FORMAT)
    if claims.kind not in profile.kinds:
        course.refuse(Reason.PLACE_KIND)
    if claims.holder is None and claims.format not in profile.static:
        course.refuse(Reason.PLACE_STATIC)
    if claims.kind is _PERSONAL:
        _check_sector(course, profile)
    _check_audience(course, profile, grant)
    _check_appointment(course, profile, grant)
    if claims.format is not _CC1:
        check_document(course, profile)
    if claims.kind is _GROUP:
        _check_group(course, profile)
    course.ok()


def _check_sector(course: Course, profile: ResolvedProfile) -> None:
    claims, sector = course.claims, profile.sector
    if sector is None:
        return
    if sector not in course.known.trust.sectors_enabled:
        course.refuse(Reason.SECTOR_DISABLED)
    if claims.sectors is None or sector not in claims.sectors:
        course.refuse(Reason.SECTOR_MISSING)
    course.sector_class = claims.sectors[sector]


def _check_audience(course: Course, profile: ResolvedProfile, grant: Grant) -> None:
    if course.code.proof is None:
        return
    audience = course.code.proof.audience
    if audience is None:
        if profile.profile.audience:
            course.refuse(Reason.PROOF_AUDIENCE)
        return
    use = profile.profile.use
    scope = f"place:{grant.place}" if use is None else use.scope_name(grant.place, grant.gate)
    if audience != scope:
        course.refuse(Reason.PROOF_AUDIENCE)


def _check_appointment(course: Course, profile: ResolvedProfile, grant: Grant) -> None:
    """Ask that who comes in is expected here about now; nobody without a person index is."""
    if profile.profile.appointment is None or grant.direction is not _IN:
        return
    claims, clock, asked = course.claims, course.clock, profile.profile
    if claims.list is None or claims.person is None:
        course.refuse(Reason.PLACE_APPOINTMENT)
    held = course.known.appointments.get(asked.place)
    if held is None or not clock.sure or clock.now > held.expires:
        course.doubt(Reason.RULE_UNKNOWN)  # nobody can say who is expected: never a plain pass
        return
    if not held.expects(
        claims.list,
        claims.person,
        clock.now,
        early=asked.early_minutes * MINUTE + clock.uncertainty,
        late=asked.late_minutes * MINUTE + clock.uncertainty,
    ):
        course.refuse(Reason.PLACE_APPOINTMENT)


def _check_group(course: Course, profile: ResolvedProfile) -> None:
    """Ask after every member; who may not pass is an exception, and the profile says what then."""
    members = _members(course, profile)
    health = None
    if profile.passing:
        health = course.known.status.plane(members.list, Plane.HEALTH)
        if health is None:
            doubt_missing(course, members.list, Plane.HEALTH)
        else:
            course.status_version = health.version
            note_age(course, health, profile)
    try:
        course.group = judge(members, health, profile.passing)
    except IndexError:
        course.refuse(Reason.CODE_MALFORMED)
    if course.group.counts.exceptions:
        if profile.profile.group.exceptions != "review":
            course.refuse(Reason.GROUP_EXCEPTIONS)
        course.review(Reason.GROUP_EXCEPTIONS)


def _members(course: Course, profile: ResolvedProfile) -> Members:
    """Return who belongs to the group: the code itself says it, or a roster of the place."""
    claims, group = course.claims, course.claims.group
    if group is None or claims.list is None:
        course.refuse(Reason.CODE_MALFORMED)
    if group.packed is not None:
        try:
            return unpack_members(group.packed, count=group.members, list_number=claims.list)
        except MalformedError:
            course.refuse(Reason.CODE_MALFORMED)
    roster = course.known.rosters.find(profile.profile.place, group.group)
    if (
        roster is None
        or roster.members.list != claims.list  # another issuer's group, whatever it is called
        or roster.version < group.roster_version
        or course.clock.now - roster.as_of > profile.profile.group.max_roster_age
    ):
        course.refuse(Reason.GROUP_STALE_ROSTER)
    return roster.members
