"""Steps (1) to (4): recognise, decode, find keys, check signatures. After them a code is proven."""

from math import isinf
from typing import Final

import msgspec

from verifier.codes.claims import Claims
from verifier.codes.formats import recognise as row_of
from verifier.contract.errors import MalformedError
from verifier.contract.reasons import Reason
from verifier.contract.vocabulary import CertificateUse, Format
from verifier.steps.course import Course
from verifier.steps.verified import VerifiedCredential, kept_claims
from verifier.trust.keys import TrustedKey, VerifyKey

CREDENTIAL_USE: Final = "credential"
_HC1: Final = Format.HC1
ATTESTED: Final = frozenset(CertificateUse)
"""Uses that bind a key to kinds of certificate; a key with none of them is not bound."""

_ANOTHER_ENTRY_S: Final = (Reason.SIGNATURE_BAD, Reason.TRUST_WRONG_ISSUER)
"""What an entry says that is not this code's: what the right one says tells more."""


def recognise(course: Course) -> None:
    """Step (1): find the format by its prefix, within a length bound."""
    row = row_of(course.text)
    if row is None:
        course.refuse(Reason.FORMAT_UNKNOWN)
    course.row, course.format = row, row.format
    if len(course.text) > row.max_text:
        course.refuse(Reason.FORMAT_TOO_LONG)
    course.ok()


def decode(course: Course) -> None:
    """Step (2): decode strictly; what comes out is unverified. The format's reader may refuse."""
    course.code = course.row.decode(course.text)
    course.ok()


def find_keys(course: Course) -> None:
    """Step (3): find all keys that may have signed this code; a kid may be shared.

    A credential verified before needs its own key only, which is asked all the same again.
    """
    code, trust, now = course.code, course.known.trust, course.clock.now
    remembered = course.seen.find(trust, code, now)
    if (
        remembered is not None
        and CREDENTIAL_USE in remembered.key.uses
        and code.format in remembered.key.formats
        and _in_window(remembered.key, now)
    ):
        course.remembered = remembered
        course.ok()
        return
    named = trust.ring.find(code.kid)
    if not named:
        course.refuse(Reason.TRUST_UNKNOWN_KEY)
    of_use = [k for k in named if CREDENTIAL_USE in k.uses and code.format in k.formats]
    if not of_use:
        course.refuse(Reason.TRUST_WRONG_USE)
    living = [k for k in of_use if _in_window(k, now)]
    if code.format is _HC1 and len(living) < len(of_use):
        # Ended keys still tell a certificate that ended with its key from a forged one.
        living += [k for k in of_use if not _in_window(k, now)]
    course.candidates = living
    if not course.candidates:
        course.refuse(Reason.TRUST_KEY_EXPIRED)
    course.ok()


def _in_window(key: TrustedKey, now: float) -> bool:
    return key.not_before <= now <= key.not_after


def check_signature(course: Course) -> None:
    """Step (4): check the credential's signature, then the holder's proof."""
    remembered = course.remembered
    claims = None if remembered is None else remembered.claims
    if claims is None:
        claims = _verified(course) if remembered is None else _read(course, remembered.key)
    proof = course.code.proof
    if claims.holder is None:
        if proof is not None:
            course.refuse(Reason.CODE_MALFORMED)
    elif proof is None:
        course.refuse(Reason.PROOF_MISSING)
    elif not proof.holds(claims.holder):
        course.refuse(Reason.PROOF_BAD)
    course.claims = claims
    course.ok()


def _read(course: Course, key: TrustedKey) -> Claims:
    """Read the claims of a foreign document that was verified before: names are not remembered."""
    claims = _until(course.code.claims(), key)  # they were read before it was remembered
    objection = _objection(claims, key, course.clock.now)
    return claims if objection is None else course.refuse(objection)


def _until(claims: Claims, key: TrustedKey) -> Claims:
    """Return claims of an HC1 code, which end with their key where they say no earlier end."""
    if claims.format is not _HC1:
        return claims
    ends, stated = key.not_after, claims.expires
    if (stated is not None and stated <= ends) or isinf(ends):
        return claims
    return msgspec.structs.replace(claims, expires=ends)


def _verified(course: Course) -> Claims:
    """Verify the credential under one of its candidates, and remember it."""
    code = course.code
    objection = Reason.SIGNATURE_BAD
    claims: Claims | None = None
    held: VerifyKey | None = None
    tried: dict[VerifyKey, bool] = {}  # entries of one key share it
    for key in course.candidates:
        holds = tried.get(key.key)
        if holds is None:
            holds = tried[key.key] = code.holds(key.key)
        if not holds:
            continue
        held = key.key
        if claims is None:
            try:
                claims = code.claims()
            except MalformedError:
                course.refuse(Reason.CODE_MALFORMED)
        found = _objection(claims, key, course.clock.now)
        if found is None:
            verified = VerifiedCredential(claims=kept_claims(claims), key=key)
            course.seen.remember(course.known.trust, code, verified, course.clock.now)
            return _until(claims, key)
        if objection in _ANOTHER_ENTRY_S:
            objection = found  # another entry of the same key may allow it, or say why not
        if found is Reason.TRUST_KEY_EXPIRED:
            course.claims = claims  # genuine, and over
    if objection is Reason.TRUST_WRONG_ISSUER and _has_ended(course, claims, held):
        objection = Reason.TRUST_KEY_EXPIRED
    return course.refuse(objection)


def _has_ended(course: Course, claims: Claims | None, held: VerifyKey | None) -> bool:
    """Say whether the key that holds has an entry of the code's issuer that is out of its window.

    Asked where the entries that are in their windows are other issuers'.
    """
    code, now = course.code, course.clock.now
    return claims is not None and any(
        key.key is held
        and code.format in key.formats
        and CREDENTIAL_USE in key.uses
        and key.signs_for(claims.issuer)
        and not _in_window(key, now)
        for key in course.known.trust.ring.find(code.kid)
    )


def _objection(claims: Claims, key: TrustedKey, now: float) -> Reason | None:
    """Hold claims against what the key may sign, and when; None: it may sign them now."""
    allowed = (
        key.signs_for(claims.issuer)
        and (key.lists is None or claims.list is None or claims.list in key.lists)
        and (key.sectors is None or claims.sectors is None or key.sectors >= claims.sectors.keys())
    )
    if not allowed:
        return Reason.TRUST_WRONG_ISSUER
    if key.issuing is not None:
        issued = claims.issued_at if claims.not_before is None else claims.not_before
        if not key.issued_in_time(issued):
            return Reason.TRUST_KEY_EXPIRED
    if claims.uses and not claims.uses <= (key.uses & ATTESTED or claims.uses):
        return Reason.TRUST_WRONG_USE
    return None if _in_window(key, now) else Reason.TRUST_KEY_EXPIRED
