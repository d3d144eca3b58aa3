"""Step (7), what the place asks: format, kind, sector, audience, appointment, rules, group."""

import base64
from typing import Any, Final

from verifier.codes.claims import Claims
from verifier.codes.names import subject_of
from verifier.contract.errors import MalformedError
from verifier.contract.grant import Grant
from verifier.contract.reasons import Reason
from verifier.contract.vocabulary import Direction, Format, Kind, Plane
from verifier.groups.roster import Members, unpack_members
from verifier.groups.verdict import judge
from verifier.policy.documents import payload_of
from verifier.policy.profiles import ResolvedProfile
from verifier.policy.rules import (
    DocumentKind,
    RuleVerdict,
    external_inputs,
    judge_all,
    kind_of,
    seconds_iso,
)
from verifier.steps.course import Clock, Course
from verifier.steps.status import doubt_missing, note_age

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
        _check_document(course, profile)
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


def _check_document(course: Course, profile: ResolvedProfile) -> None:
    """Ask of a foreign document what no CC1 code is asked."""
    claims = course.claims
    if profile.profile.use is not None and subject_of(claims.format, claims.document) is None:
        course.doubt(Reason.USE_UNKNOWN)  # nobody to remember: double use would go unseen
    _check_rules(course, profile)


def rule_inputs(
    claims: Claims, kid: bytes | str, profile: ResolvedProfile, clock: Clock
) -> dict[str, Any]:
    """Return what rules may read beside the document: the external parameters of CertLogic."""
    asked = profile.profile.rules
    return external_inputs(
        clock.now if clock.sure else None,
        profile.value_sets,
        countryCode=None if asked is None else asked.country,
        region=None if asked is None else asked.region,
        issuerCountryCode=claims.issuer,
        kid=base64.b64encode(kid).decode() if isinstance(kid, bytes) else kid,
        exp=None if claims.expires is None else seconds_iso(claims.expires),
        iat=None if claims.issued_at is None else seconds_iso(claims.issued_at),
    )


def _check_rules(course: Course, profile: ResolvedProfile) -> None:
    """Hold a document against every rule that applies; the first that does not pass decides."""
    claims = course.claims
    external = rule_inputs(claims, course.code.kid, profile, course.clock)
    document = payload_of(claims.format, claims.document)
    if document is None or profile.profile.rules is None:
        course.refuse(Reason.RULE_UNKNOWN)  # nothing that a rule could read, or none is asked
    kind = kind_of(document)
    rules = profile.rules.applying(
        course.clock.now,
        kind or DocumentKind.GENERAL,
        code_format=claims.format,
        country=profile.profile.rules.country,
        region=profile.profile.rules.region,
    )
    for outcome in judge_all(rules, document, external):
        if outcome.verdict is not RuleVerdict.PASSED:
            course.rule = outcome
            failed = outcome.verdict is RuleVerdict.FAILED
            course.refuse(Reason.RULE_FAILED if failed else Reason.RULE_UNKNOWN)
    if kind is None or not rules:
        # Nothing that rules are written for, or no rule at all: that is never a pass.
        course.refuse(Reason.RULE_UNKNOWN)


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
