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

from typing import Final

from verifier.asking import check_card, check_profile, check_status
from verifier.codes.claims import Claims, Unverified
from verifier.codes.formats import FormatRow, recognise
from verifier.contract.errors import MalformedError
from verifier.contract.grant import Grant
from verifier.contract.reasons import REASONS, Reason
from verifier.contract.vocabulary import CertificateUse, Outcome
from verifier.decision import STEPS, Assessment, conclude
from verifier.errors import Refusal
from verifier.policy.profiles import ResolvedProfile
from verifier.steps.course import OK, REFUSED, SKIPPED, UNASKED, Clock, Course, Unasked
from verifier.steps.verified import VerifiedCredential, VerifiedCredentials
from verifier.trust.keys import TrustedKey
from verifier.trust.known import Known
from verifier.trust.signers import Trust

__all__ = ["UNASKED", "Clock", "Known", "assess", "conclude"]

DEFAULT_WINDOW: Final = 60
"""Seconds a proof stays fresh where no profile says otherwise."""
PROOF_AHEAD: Final = 10
"""Seconds a phone's clock may run ahead of ours."""
CREDENTIAL_USE: Final = "credential"
ATTESTED: Final = frozenset(CertificateUse)
"""Uses that bind a key to kinds of certificate; a key with none of them is not bound."""


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
    asked = None if isinstance(profile, Unasked) else profile
    steps = Course(open_stance=asked is not None and asked.open_stance)
    outcome, reason = Outcome.PASS, None
    try:
        row = _recognise(text, steps)
        code = _decode(row, text, steps)
        credential = _keys_and_signature(code, known.trust, clock, seen, steps)
        _proof(code, credential.claims, steps)
        steps.claims = credential.claims
        _time(row, code, credential.claims, known.trust, asked, clock, steps)
        if isinstance(profile, Unasked):
            check_card(credential.claims, known, steps)
            steps.results.append(SKIPPED)
        else:
            review = check_status(credential.claims, known, profile, clock, steps)
            review = check_profile(code, known, profile, grant, clock, steps) or review
            if review is not None:
                outcome, reason = Outcome.REVIEW, review
    except Refusal as refusal:
        outcome, reason = Outcome.DENY, refusal.reason
        steps.results.append(REFUSED)
    letters = "".join(steps.results)
    return Assessment(
        outcome=outcome,
        reason=reason,
        step=STEPS[len(letters.rstrip(SKIPPED)) - 1] if reason is None else REASONS[reason].step,
        steps=letters.ljust(len(STEPS), "-"),
        format=steps.format,
        claims=steps.claims,
        unsure=steps.unsure,
        open_stance=steps.open_stance,
        colour=steps.colour,
        sector_class=steps.sector_class,
        group=steps.group,
        rule=None if steps.rule is None else steps.rule.id,
        rule_texts={} if steps.rule is None else steps.rule.descriptions,
        status_age=steps.status_age,
        trust_version=known.trust.version,
        status_version=steps.status_version,
        profile_version=0 if asked is None else asked.version,
    )


def _recognise(text: str, steps: Course) -> FormatRow:  # (1)
    row = recognise(text)
    if row is None:
        raise Refusal(Reason.FORMAT_UNKNOWN)
    steps.format = row.format
    if len(text) > row.max_text:
        raise Refusal(Reason.FORMAT_TOO_LONG)
    steps.results.append(OK)
    return row


def _decode(row: FormatRow, text: str, steps: Course) -> Unverified:  # (2)
    code = row.decode(text)
    steps.results.append(OK)
    return code


def _keys_and_signature(  # (3) and the credential's half of (4)
    code: Unverified, trust: Trust, clock: Clock, seen: VerifiedCredentials, steps: Course
) -> VerifiedCredential:
    remembered = seen.find(trust, code.identity)
    if remembered is not None and _in_window(remembered.key, clock.now):
        steps.results.append(OK)
        return remembered
    candidates = _keys(code, trust, clock)
    steps.results.append(OK)
    refusal: Refusal | None = None
    for key in candidates:
        if code.holds(key.key):
            try:
                verified = VerifiedCredential(claims=_claims(code, key), key=key)
            except Refusal as refused:  # another certificate of the same key may allow it
                refusal = refused
                continue
            seen.remember(trust, code.identity, verified)
            return verified
    raise refusal or Refusal(Reason.SIGNATURE_BAD)


def _in_window(key: TrustedKey, now: float) -> bool:
    return key.not_before <= now <= key.not_after


def _keys(code: Unverified, trust: Trust, clock: Clock) -> list[TrustedKey]:
    """Find the keys that may have signed this code, all of them: a kid may be shared."""
    named = trust.ring.find(code.kid)
    if not named:
        raise Refusal(Reason.TRUST_UNKNOWN_KEY)
    of_use = [k for k in named if CREDENTIAL_USE in k.uses and code.format in k.formats]
    if not of_use:
        raise Refusal(Reason.TRUST_WRONG_USE)
    current = [k for k in of_use if k.not_before <= clock.now <= k.not_after]
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
    if claims.uses and not claims.uses <= (key.uses & ATTESTED or claims.uses):
        raise Refusal(Reason.TRUST_WRONG_USE)
    return claims


def _proof(code: Unverified, claims: Claims, steps: Course) -> None:  # the other half of (4)
    if claims.holder is None:
        if code.proof is not None:
            raise Refusal(Reason.CODE_MALFORMED)
    elif code.proof is None:
        raise Refusal(Reason.PROOF_MISSING)
    elif not code.proof.holds(claims.holder):
        raise Refusal(Reason.PROOF_BAD)
    steps.results.append(OK)


def _time(  # (5)
    row: FormatRow,
    code: Unverified,
    claims: Claims,
    trust: Trust,
    profile: ResolvedProfile | None,
    clock: Clock,
    steps: Course,
) -> None:
    now = clock.now
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
    steps.done()
