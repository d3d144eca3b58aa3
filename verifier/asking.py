"""Steps (6) and (7): status, and what the place asks. `verifier.engine` calls them in order."""

import base64
from typing import Any, Final

from verifier.codes.claims import Claims, Unverified
from verifier.codes.names import subject_of
from verifier.contract.errors import MalformedError
from verifier.contract.grant import Grant
from verifier.contract.reasons import Reason
from verifier.contract.vocabulary import Colour, Direction, Format, Kind, Plane
from verifier.errors import Refusal
from verifier.groups.roster import Members, unpack_members
from verifier.groups.verdict import judge
from verifier.policy.profiles import ResolvedProfile
from verifier.policy.rules import (
    DocumentKind,
    RuleVerdict,
    external_inputs,
    judge_all,
    kind_of,
    seconds_iso,
)
from verifier.status.plane import PlaneView, Status
from verifier.steps.course import OK, SKIPPED, Clock, Course
from verifier.trust.known import Known


def check_status(  # (6)
    claims: Claims,
    known: Known,
    profile: ResolvedProfile | None,
    clock: Clock,
    steps: Course,
) -> Reason | None:
    """Look up revocation and colour; return the reason of a review, if it asks for one."""
    if claims.list is None or claims.credential is None or profile is None:
        check_card(claims, known, steps)
        return None
    revocation = known.status.plane(claims.list, Plane.REVOCATION)
    if revocation is None:
        steps.doubt(Reason.STATUS_UNKNOWN)
    else:
        if _value(revocation, claims.credential, steps):
            raise Refusal(Reason.STATUS_REVOKED)
        _age(revocation, profile, clock, steps)
    review = None
    if profile.passing and claims.person is not None:
        review = _colour(claims.list, claims.person, known.status, profile, clock, steps)
    steps.done()
    return review


MINUTE: Final = 60
"""Seconds."""
DOCUMENT: Final = "hcert"
"""Where an EU document stands among the claims."""


def check_card(claims: Claims, known: Known, steps: Course) -> None:
    """Look a health card up in its issuer's list (6); SKIPPED where there is none."""
    listed = None if claims.card is None else known.revoked_cards.get(claims.card[0])
    if claims.card is None or listed is None:
        steps.results.append(SKIPPED)
        return
    rid = claims.card[1]
    if rid is not None and listed.revokes(rid, claims.not_before or 0):
        raise Refusal(Reason.STATUS_REVOKED)
    steps.results.append(OK)


def _value(view: PlaneView, index: int, steps: Course) -> int:
    steps.status_version = view.version
    try:
        return view.values[index]
    except IndexError as error:
        raise Refusal(Reason.STATUS_UNKNOWN) from error


def _age(view: PlaneView, profile: ResolvedProfile, clock: Clock, steps: Course) -> None:
    age = max(0, int(clock.now - view.known_as_of))
    steps.status_age = age if steps.status_age is None else max(age, steps.status_age)
    if age > profile.profile.max_status_age:
        steps.doubt(Reason.STATUS_STALE)


_COLOUR_REASONS: Final = {
    Colour.NONE: Reason.STATUS_NONE,
    Colour.GREEN: Reason.STATUS_NONE,
    Colour.YELLOW: Reason.STATUS_YELLOW,
    Colour.RED: Reason.STATUS_RED,
}


def _colour(
    number: int,
    person: int,
    status: Status,
    profile: ResolvedProfile,
    clock: Clock,
    steps: Course,
) -> Reason | None:
    health = status.plane(number, Plane.HEALTH)
    if health is None:
        steps.doubt(Reason.STATUS_UNKNOWN)
        return None
    colour = _value(health, person, steps)
    steps.colour = colour
    if colour not in profile.passing:
        reason = _COLOUR_REASONS[Colour(colour)]
        if colour not in profile.reviewing:
            raise Refusal(reason)
        _age(health, profile, clock, steps)
        return reason
    _age(health, profile, clock, steps)
    return None


def check_profile(  # (7)
    code: Unverified,
    known: Known,
    profile: ResolvedProfile | None,
    grant: Grant | None,
    clock: Clock,
    steps: Course,
) -> Reason | None:
    """Hold the code against what the place asks; return the reason of a review, if any."""
    claims = steps.claims
    if profile is None or grant is None or claims is None:
        raise Refusal(Reason.PLACE_UNKNOWN)
    if claims.format not in profile.formats:
        raise Refusal(Reason.PLACE_FORMAT)
    if claims.kind not in profile.kinds:
        raise Refusal(Reason.PLACE_KIND)
    if claims.holder is None and claims.format is Format.CC1 and not profile.profile.static:
        raise Refusal(Reason.PLACE_STATIC)
    if profile.sector is not None and claims.kind is Kind.PERSONAL:
        if profile.sector not in known.trust.sectors_enabled:
            raise Refusal(Reason.SECTOR_DISABLED)
        if claims.sectors is None or profile.sector not in claims.sectors:
            raise Refusal(Reason.SECTOR_MISSING)
        steps.sector_class = claims.sectors[profile.sector]
    _audience(code, profile, grant)
    _appointment(claims, known, profile, grant, clock, steps)
    if claims.format is not Format.CC1:
        _document(claims, code.kid, profile, clock, steps)
    review = None
    if claims.kind is Kind.GROUP:
        review = _group(claims, known, profile, clock, steps)
    steps.done()
    return review


def _audience(code: Unverified, profile: ResolvedProfile, grant: Grant) -> None:
    if code.proof is None:
        return
    audience = code.proof.audience
    if audience is None:
        if profile.profile.audience:
            raise Refusal(Reason.PROOF_AUDIENCE)
        return
    use = profile.profile.use
    scope = f"place:{grant.place}" if use is None else use.scope_name(grant.place, grant.gate)
    if audience != scope:
        raise Refusal(Reason.PROOF_AUDIENCE)


def _appointment(
    claims: Claims,
    known: Known,
    profile: ResolvedProfile,
    grant: Grant,
    clock: Clock,
    steps: Course,
) -> None:
    """Ask that who comes in is expected here about now; nobody without a person index is."""
    if profile.profile.appointment is None or grant.direction is not Direction.IN:
        return
    if claims.list is None or claims.person is None:
        raise Refusal(Reason.PLACE_APPOINTMENT)
    asked = profile.profile
    held = known.appointments.get(asked.place)
    if held is None or not clock.sure or clock.now > held.expires:
        steps.doubt(Reason.RULE_UNKNOWN)  # nobody can say who is expected: never a plain pass
        return
    if not held.expects(
        claims.list,
        claims.person,
        clock.now,
        early=asked.early_minutes * MINUTE + clock.uncertainty,
        late=asked.late_minutes * MINUTE + clock.uncertainty,
    ):
        raise Refusal(Reason.PLACE_APPOINTMENT)


def _document(
    claims: Claims, kid: bytes | str, profile: ResolvedProfile, clock: Clock, steps: Course
) -> None:
    """Ask of a foreign document what no CC1 code is asked."""
    if profile.profile.use is not None and subject_of(claims.format, claims.document) is None:
        steps.doubt(Reason.USE_UNKNOWN)  # nobody to remember: double use would go unseen
    if profile.profile.rules is not None:
        _rules(claims, rule_inputs(claims, kid, profile, clock), profile, clock, steps)


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


def _rules(
    claims: Claims,
    external: dict[str, Any],
    profile: ResolvedProfile,
    clock: Clock,
    steps: Course,
) -> None:
    """Hold a document against every rule that applies; the first that does not pass decides."""
    document = claims.document.get(DOCUMENT) if isinstance(claims.document, dict) else None
    kind = kind_of(document) if isinstance(document, dict) else None
    rules = profile.rules.applying(
        clock.now,
        kind or DocumentKind.GENERAL,
        country=external["countryCode"],
        region=external["region"],
    )
    for outcome in judge_all(rules, document, external):
        if outcome.verdict is not RuleVerdict.PASSED:
            steps.rule = outcome
            failed = outcome.verdict is RuleVerdict.FAILED
            raise Refusal(Reason.RULE_FAILED if failed else Reason.RULE_UNKNOWN)
    if kind is None or not rules:
        # Nothing that rules are written for, or no rule at all: that is never a pass.
        raise Refusal(Reason.RULE_UNKNOWN)


def _group(
    claims: Claims, known: Known, profile: ResolvedProfile, clock: Clock, steps: Course
) -> Reason | None:
    members = _members(claims, known, profile, clock)
    health = None
    if profile.passing:
        health = known.status.plane(members.list, Plane.HEALTH)
        if health is None:
            steps.doubt(Reason.STATUS_UNKNOWN)
        else:
            steps.status_version = health.version
            _age(health, profile, clock, steps)
    try:
        steps.group = judge(members, health, profile.passing)
    except IndexError as error:
        raise Refusal(Reason.CODE_MALFORMED) from error
    if steps.group.counts.exceptions:
        if profile.profile.group.exceptions != "review":
            raise Refusal(Reason.GROUP_EXCEPTIONS)
        return Reason.GROUP_EXCEPTIONS
    return None


def _members(claims: Claims, known: Known, profile: ResolvedProfile, clock: Clock) -> Members:
    group = claims.group
    if group is None or claims.list is None:
        raise Refusal(Reason.CODE_MALFORMED)
    if group.packed is not None:
        try:
            return unpack_members(group.packed, count=group.members, number=claims.list)
        except MalformedError as error:
            raise Refusal(Reason.CODE_MALFORMED) from error
    roster = known.rosters.find(profile.profile.place, group.group)
    if (
        roster is None
        or roster.members.list != claims.list  # another issuer's group, whatever it is called
        or roster.version < group.roster_version
        or clock.now - roster.as_of > profile.profile.group.max_roster_age
    ):
        raise Refusal(Reason.GROUP_STALE_ROSTER)
    return roster.members
