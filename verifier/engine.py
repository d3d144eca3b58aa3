"""The sandwich's two slices: assess() before the store is asked, conclude() after.

    (1) recognise the format by its prefix, within a length bound
    (2) decode strictly; what comes out is unverified
    (3) find keys by kid and use, in their window; none is an answer
    (4) check signatures: the credential's, then the holder's proof
    (5) time: nbf, exp, iat with the format's skew; freshness of the proof; age of the trust bundle
    (6) status: revoked? colour? as of when?
    (7) the profile: format, kind, static, sector, audience, group

The first step that refuses gives the reason. What cannot be known (a stale bundle, an unsure
clock) is UNSURE: with the closed stance it refuses, with the open stance the steps go on, the
first such reason is kept, and a later refusal still refuses. Server and terminal run these same
functions. (8), use, is the store's.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from verifier.codes.claims import Claims, Unverified
from verifier.codes.formats import FormatRow, recognise
from verifier.contract.errors import MalformedError
from verifier.contract.grant import Grant
from verifier.contract.reasons import REASONS, Reason
from verifier.contract.vocabulary import Colour, Format, Kind, Outcome, Plane, StepResult
from verifier.decision import STEPS, Assessment, step_letters
from verifier.errors import Refusal
from verifier.groups.roster import NO_ROSTERS, Members, Rosters, unpack_members
from verifier.groups.verdict import GroupVerdict, judge
from verifier.policy.profiles import ResolvedProfile
from verifier.seen import Seen, SeenCredentials
from verifier.status.plane import PlaneView, Status
from verifier.trust.bundle import Trust
from verifier.trust.keys import TrustedKey

DEFAULT_WINDOW: Final = 60
"""Seconds a proof stays fresh where no profile says otherwise."""
PROOF_AHEAD: Final = 10
"""Seconds a phone's clock may run ahead of ours."""
CREDENTIAL_USE: Final = "credential"


class Unasked(Enum):
    """No profile is asked: status and profile are SKIPPED. For conformance, never for a gate."""

    UNASKED = "unasked"


UNASKED: Final = Unasked.UNASKED


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """What is known of the time."""

    now: float
    """Unix seconds."""
    uncertainty: float = 0.0
    """Seconds that `now` may be off."""
    sure: bool = True
    """False: below the floor, or not set since start; proofs cannot be judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Everything a scan is judged by; replaced as a whole, never changed in place."""

    trust: Trust
    status: Status
    rosters: Rosters = NO_ROSTERS


class _Steps:
    """The course of one assessment."""

    __slots__ = ("claims", "colour", "format", "group", "open_stance", "results",
                 "sector_class", "status_age", "unsure")  # fmt: skip

    def __init__(self, *, open_stance: bool) -> None:
        self.results: list[StepResult] = []
        self.open_stance = open_stance
        self.unsure: Reason | None = None
        self.claims: Claims | None = None
        self.format: Format | None = None
        self.colour: int | None = None
        self.sector_class: int | None = None
        self.group: GroupVerdict | None = None
        self.status_age: int | None = None

    def doubt(self, reason: Reason) -> None:
        """Note what cannot be known; with the closed stance it refuses."""
        if not self.open_stance:
            raise Refusal(reason)
        if self.unsure is None:
            self.unsure = reason

    def done(self, before: Reason | None) -> None:
        """Close a step that did not refuse."""
        doubted = self.unsure is not before
        self.results.append(StepResult.UNSURE if doubted else StepResult.OK)


def assess(
    text: str,
    *,
    known: Known,
    profile: ResolvedProfile | Unasked | None,
    grant: Grant | None,
    clock: Clock,
    seen: SeenCredentials,
) -> Assessment:
    """Judge a code in every step but use.

    `profile` None means that the place has none: a denial. `grant` says where the scan is made.
    """
    asked = None if isinstance(profile, Unasked) else profile
    steps = _Steps(open_stance=asked is not None and asked.open_stance)
    outcome, reason = Outcome.PASS, None
    try:
        row = _recognise(text, steps)
        code = _decode(row, text, steps)
        credential = _keys_and_signature(code, known.trust, clock, seen, steps)
        steps.claims = credential.claims
        _proof(code, credential.claims, steps)
        _time(row, code, credential.claims, known.trust, asked, clock, steps)
        if isinstance(profile, Unasked):
            steps.results += (StepResult.SKIPPED, StepResult.SKIPPED)
        else:
            review = _status(credential.claims, known, profile, clock, steps)
            review = _profile(code, known, profile, grant, clock, steps) or review
            if review is not None:
                outcome, reason = Outcome.REVIEW, review
    except Refusal as refusal:
        outcome, reason = Outcome.DENY, refusal.reason
        steps.results.append(StepResult.REFUSED)
    return Assessment(
        outcome=outcome,
        reason=reason,
        step=STEPS[len(steps.results) - 1] if reason is None else REASONS[reason].step,
        steps=step_letters(steps.results),
        format=steps.format,
        claims=steps.claims,
        unsure=steps.unsure,
        open_stance=steps.open_stance,
        colour=steps.colour,
        sector_class=steps.sector_class,
        group=steps.group,
        status_age=steps.status_age,
        trust_version=known.trust.version,
        status_version=known.status.version,
        profile_version=0 if asked is None else asked.version,
    )


def _recognise(text: str, steps: _Steps) -> FormatRow:  # (1)
    row = recognise(text)
    if row is None:
        raise Refusal(Reason.FORMAT_UNKNOWN)
    steps.format = row.format
    if len(text) > row.max_text:
        raise Refusal(Reason.FORMAT_TOO_LONG)
    steps.results.append(StepResult.OK)
    return row


def _decode(row: FormatRow, text: str, steps: _Steps) -> Unverified:  # (2)
    code = row.decode(text)
    steps.results.append(StepResult.OK)
    return code


def _keys_and_signature(  # (3) and the credential's half of (4)
    code: Unverified, trust: Trust, clock: Clock, seen: SeenCredentials, steps: _Steps
) -> Seen:
    remembered = seen.find(trust, code.identity)
    if remembered is not None and _in_window(remembered.key, clock.now):
        steps.results.append(StepResult.OK)
        return remembered
    candidates = _keys(code, trust, clock)
    steps.results.append(StepResult.OK)
    for key in candidates:
        if code.holds(key.key):
            verified = Seen(claims=_claims(code, key), key=key)
            seen.remember(trust, code.identity, verified)
            return verified
    raise Refusal(Reason.SIGNATURE_BAD)


def _in_window(key: TrustedKey, now: float) -> bool:
    return key.not_before <= now <= key.not_after


def _keys(code: Unverified, trust: Trust, clock: Clock) -> tuple[TrustedKey, ...]:
    """Find the keys that may have signed this code, all of them: a kid may be shared."""
    named = trust.ring.find(code.kid)
    if not named:
        raise Refusal(Reason.TRUST_UNKNOWN_KEY)
    of_use = [k for k in named if CREDENTIAL_USE in k.uses and code.format.value in k.formats]
    if not of_use:
        raise Refusal(Reason.TRUST_WRONG_USE)
    current = tuple(k for k in of_use if _in_window(k, clock.now))
    if not current:
        raise Refusal(Reason.TRUST_KEY_EXPIRED)
    return current


def _claims(code: Unverified, key: TrustedKey) -> Claims:
    """Read the claims and hold them against what the key may sign."""
    try:
        claims = code.claims()
    except MalformedError as error:
        raise Refusal(Reason.CODE_MALFORMED) from error
    allowed = (
        key.issuer in (None, claims.issuer)
        and (key.lists is None or claims.list is None or claims.list in key.lists)
        and (key.sectors is None or claims.sectors is None or key.sectors >= claims.sectors.keys())
    )
    if not allowed:
        raise Refusal(Reason.TRUST_WRONG_ISSUER)
    return claims


def _proof(code: Unverified, claims: Claims, steps: _Steps) -> None:  # the other half of (4)
    if claims.holder is None:
        if code.proof is not None:
            raise Refusal(Reason.CODE_MALFORMED)
    elif code.proof is None:
        raise Refusal(Reason.PROOF_MISSING)
    elif not code.proof.holds(claims.holder):
        raise Refusal(Reason.PROOF_BAD)
    steps.results.append(StepResult.OK)


def _time(  # (5)
    row: FormatRow,
    code: Unverified,
    claims: Claims,
    trust: Trust,
    profile: ResolvedProfile | None,
    clock: Clock,
    steps: _Steps,
) -> None:
    before, now = steps.unsure, clock.now
    if claims.not_before is not None and now + row.skew < claims.not_before:
        raise Refusal(Reason.TIME_NOT_YET)
    if claims.expires is not None and (
        now >= claims.expires if row.expires_at_exp else now > claims.expires
    ):
        raise Refusal(Reason.TIME_EXPIRED)
    if claims.issued_at is not None and now + row.skew < claims.issued_at:
        raise Refusal(Reason.TIME_NOT_YET)
    if code.proof is not None:
        if not clock.sure:
            steps.doubt(Reason.CLOCK_UNSURE)
        else:
            ahead = code.proof.issued_at - now
            if ahead > PROOF_AHEAD + clock.uncertainty:
                raise Refusal(Reason.PROOF_FUTURE)
            if -ahead > (DEFAULT_WINDOW if profile is None else profile.profile.window):
                raise Refusal(Reason.PROOF_STALE)
    if now > trust.expires:
        steps.doubt(Reason.TRUST_STALE)
    steps.done(before)


def _status(  # (6)
    claims: Claims,
    known: Known,
    profile: ResolvedProfile | None,
    clock: Clock,
    steps: _Steps,
) -> Reason | None:
    """Look up revocation and colour; return the reason of a review, if it asks for one."""
    if claims.list is None or claims.credential is None or profile is None:
        steps.results.append(StepResult.SKIPPED)
        return None
    before = steps.unsure
    revocation = known.status.plane(claims.list, Plane.REVOCATION)
    if revocation is None:
        steps.doubt(Reason.STATUS_UNKNOWN)
    else:
        if _value(revocation, claims.credential):
            raise Refusal(Reason.STATUS_REVOKED)
        _age(revocation, profile, clock, steps)
    review = None
    if profile.passing and claims.person is not None:
        review = _colour(claims.list, claims.person, known.status, profile, clock, steps)
    steps.done(before)
    return review


def _value(view: PlaneView, index: int) -> int:
    try:
        return view.values[index]
    except IndexError as error:
        raise Refusal(Reason.STATUS_UNKNOWN) from error


def _age(view: PlaneView, profile: ResolvedProfile, clock: Clock, steps: _Steps) -> None:
    age = max(0, int(clock.now - view.as_of))
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
    steps: _Steps,
) -> Reason | None:
    health = status.plane(number, Plane.HEALTH)
    if health is None:
        steps.doubt(Reason.STATUS_UNKNOWN)
        return None
    colour = _value(health, person)
    steps.colour = colour
    if colour not in profile.passing:
        reason = _COLOUR_REASONS[Colour(colour)]
        if colour not in profile.reviewing:
            raise Refusal(reason)
        _age(health, profile, clock, steps)
        return reason
    _age(health, profile, clock, steps)
    return None


def _profile(  # (7)
    code: Unverified,
    known: Known,
    profile: ResolvedProfile | None,
    grant: Grant | None,
    clock: Clock,
    steps: _Steps,
) -> Reason | None:
    """Hold the code against what the place asks; return the reason of a review, if any."""
    claims = steps.claims
    if profile is None or grant is None or claims is None:
        raise Refusal(Reason.PLACE_UNKNOWN)
    before = steps.unsure
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
    review = None
    if claims.kind is Kind.GROUP:
        review = _group(claims, known, profile, clock, steps)
    steps.done(before)
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


def _group(
    claims: Claims, known: Known, profile: ResolvedProfile, clock: Clock, steps: _Steps
) -> Reason | None:
    members = _members(claims, known, profile, clock)
    health = None
    if profile.passing:
        health = known.status.plane(members.list, Plane.HEALTH)
        if health is None:
            steps.doubt(Reason.STATUS_UNKNOWN)
        else:
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
    roster = known.rosters.find(group.group)
    if (
        roster is None
        or roster.version < group.roster_version
        or clock.now - roster.as_of > profile.profile.group.max_roster_age
    ):
        raise Refusal(Reason.GROUP_STALE_ROSTER)
    return roster.members
