"""Step (7), what the place asks: format, kind, sector, audience, appointment, rules, group."""

import base64
from collections.abc import Mapping
from datetime import UTC
from typing import Any, Final, NoReturn

from verifier.codes.claims import Claims, Dose
from verifier.codes.names import subject_of
from verifier.contract.errors import MalformedError
from verifier.contract.grant import Grant
from verifier.contract.reasons import Reason
from verifier.contract.vocabulary import Direction, DocumentForm, Format, Kind, Plane
from verifier.groups.roster import Members, unpack_members
from verifier.groups.verdict import judge
from verifier.policy.documents import rule_payload
from verifier.policy.profiles import ResolvedProfile
from verifier.policy.rules import (
    DocumentKind,
    RuleOutcome,
    RuleVerdict,
    external_inputs,
    judge_all,
    kind_of,
    seconds_iso,
)
from verifier.policy.zones import day_in
from verifier.steps.course import Clock, Course
from verifier.steps.status import doubt_missing, note_age

# Looked up once: every scan needs them.
_CC1: Final = Format.CC1
_PERSONAL: Final = Kind.PERSONAL
_GROUP: Final = Kind.GROUP
_IN: Final = Direction.IN

MINUTE: Final = 60
"""Seconds."""
DAY_AHEAD: Final = 14 * 3600
"""Seconds by which the first places on Earth are ahead of UTC: there a dose may be of a day that
has not begun where the issuer's clock stands."""
KNOWN_TEMPLATE: Final = "1"
"""Major version of the template of an ICVP whose meaning is known."""
DOSE_RULE: Final = "ICVP.DT.1"
"""WHO's name of the rules that every ICVP must meet."""
_NOT_APPROVED: Final = {
    "en": "The vaccine product is not in the catalogue of {}.",
    "zh": "该疫苗产品不在{}的产品目录中。",
}
_LATER: Final = {
    "en": "The dose is dated later than the certificate.",
    "zh": "接种日期晚于证明签发日期。",
}


def check_place(course: Course) -> None:
    """Hold the code against the place's profile; skipped where no place is asked."""
    if course.unasked:
        _check_unasked(course, course.claims)
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


def _check_unasked(course: Course, claims: Claims) -> None:
    """Refuse, where no place is asked, what says nothing by itself, or what WHO's rules refuse."""
    if claims.form is not None:
        _check_read(course, claims)
    if claims.dose is not None and course.products is not None:
        _check_dose(course, claims.dose)


def _check_read(course: Course, claims: Claims) -> None:
    """Refuse what is genuine, and says nothing that can be read here, or not when it counts."""
    if claims.form is DocumentForm.LINK:
        course.refuse(Reason.PLACE_LINK)
    if claims.form is DocumentForm.OTHER:
        course.refuse(Reason.PLACE_DOCUMENT)
    if claims.validity is not None and not claims.validity.readable:
        course.refuse(Reason.RULE_UNKNOWN)


def _check_document(course: Course, profile: ResolvedProfile) -> None:
    """Ask of a foreign document what no CC1 code is asked."""
    claims = course.claims
    _check_read(course, claims)
    if profile.documents and claims.form not in profile.documents:
        course.refuse(Reason.PLACE_DOCUMENT)  # no rule here is about such documents
    if claims.dose is not None:
        _check_dose(course, claims.dose)
        if claims.dose.template.partition(".")[0] != KNOWN_TEMPLATE:
            course.review(Reason.RULE_UNKNOWN)  # its meaning may have changed: a person reads it
    if profile.profile.use is not None and subject_of(claims.format, claims.document) is None:
        course.doubt(Reason.USE_UNKNOWN)  # nobody to remember: double use would go unseen
    _check_rules(course, profile)


def _check_dose(course: Course, dose: Dose) -> None:
    """Hold the dose of an ICVP against the catalogue of products (ICVP.DT.1 and DT.2)."""
    issued_at, products = course.claims.issued_at, course.products
    if issued_at is not None and dose.day > day_in(UTC, issued_at + DAY_AHEAD):
        _not_valid(course, _LATER)
    if dose.product is not None:
        if products is None:
            course.refuse(Reason.RULE_UNKNOWN)
        if not products.approves(dose.product, dose.day):
            day = products.as_of.isoformat()
            _not_valid(course, {lang: text.format(day) for lang, text in _NOT_APPROVED.items()})


def _not_valid(course: Course, texts: Mapping[str, str]) -> NoReturn:
    course.rule = RuleOutcome(
        id=DOSE_RULE, version=(1, 0, 0), verdict=RuleVerdict.FAILED, descriptions=texts
    )
    course.refuse(Reason.RULE_FAILED)


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
    document = rule_payload(claims, course.products)
    if document is None or profile.profile.rules is None:
        course.refuse(Reason.RULE_UNKNOWN)  # nothing that a rule could read, or none is asked
    form = claims.form or DocumentForm.OTHER
    kind = kind_of(document, form)
    rules = profile.rules.applying(
        course.clock.now,
        kind or DocumentKind.GENERAL,
        form=form,
        country=profile.profile.rules.country,
        region=profile.profile.rules.region,
    )
    for outcome in judge_all(rules, document, external, profile.zone):
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
