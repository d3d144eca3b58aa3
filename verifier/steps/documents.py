"""Of step (7), what is asked of foreign documents: their kind, an ICVP's dose, the place's rules.

A link, and what nobody here reads, is genuine and passes nowhere. WHO's rules of a dose hold for
every ICVP, whatever a place asks; the days of a place are those of its zone.
"""

import base64
from collections.abc import Mapping
from datetime import UTC
from typing import Any, Final, NoReturn

from verifier.codes.claims import Claims, Dose
from verifier.codes.names import subject_of
from verifier.contract.reasons import Reason
from verifier.contract.vocabulary import DocumentForm
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

# Looked up once: every certificate asks.
_LINK: Final = DocumentForm.LINK
_OTHER: Final = DocumentForm.OTHER

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


def check_unasked(course: Course) -> None:
    """Refuse, where no place is asked, what says nothing by itself, or what WHO's rules refuse."""
    claims = course.claims
    if claims.form is not None:
        _check_read(course, claims)
    if claims.dose is not None and course.products is not None:
        _check_dose(course, claims.dose)


def _check_read(course: Course, claims: Claims) -> None:
    """Refuse what is genuine, and says nothing that can be read here, or not when it counts."""
    if claims.form is _LINK:
        course.refuse(Reason.PLACE_LINK)
    if claims.form is _OTHER:
        course.refuse(Reason.PLACE_DOCUMENT)
    if claims.validity is not None and not claims.validity.readable:
        course.refuse(Reason.RULE_UNKNOWN)


def check_document(course: Course, profile: ResolvedProfile) -> None:
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
    form = claims.form or _OTHER
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
