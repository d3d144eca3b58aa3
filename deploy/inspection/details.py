"""What each step of an assessment looked at, in words for support staff. Pure.

Only what was verified is spoken of as a fact; of what the steps did not reach, nothing is said.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from deploy.inspection.anatomy import Anatomy
from deploy.inspection.judgement import JudgedCode, JudgementBasis
from deploy.inspection.words import printable, span, utc
from verifier.codes.claims import Claims, Unverified
from verifier.codes.formats import recognise
from verifier.contract.reasons import Reason
from verifier.contract.vocabulary import Plane, Step
from verifier.decision import STEPS
from verifier.errors import Refusal
from verifier.policy.products import diseases_of
from verifier.steps.time import DEFAULT_WINDOW, first_day
from verifier.trust.keys import TrustedKey

MAX_KID_CHARS: Final = 200
"""Characters of a kid that are shown."""
MAX_KEYS_SHOWN: Final = 8
"""Keys of one kid that are described; real ones have one or two."""
_WHY_NO_TEXT: Final[Mapping[Reason | None, str]] = {
    Reason.PICTURE_NONE: "no QR symbol that can be read is in the picture",
    Reason.PICTURE_SEVERAL: "more than one code is in the picture",
    Reason.CODE_MALFORMED: "chunks of a card: one is missing, doubled or of another card",
}


def looked_at(
    step: Step, judged: JudgedCode, asked: JudgementBasis, anatomy: Anatomy
) -> Iterator[str]:
    """Yield what a step looked at; nothing where it was not reached."""
    text = judged.shown.text
    if judged.assessment.steps[STEPS.index(step)] == "-":
        return
    if text is None:
        if step is judged.assessment.step and judged.shown.unread is None:
            yield _WHY_NO_TEXT.get(judged.assessment.reason, "there is no text to look at")
        return
    if step is Step.RECOGNISE:
        yield f"{len(text)} characters" + ("" if anatomy.format is None else f", {anatomy.format}")
        yield from anatomy.hints
    if anatomy.stopped is not None and judged.assessment.step is step:
        yield anatomy.stopped
    look = _LOOKS.get(step)
    code = None if look is None else _decoded(text)
    if look is not None and code is not None:
        yield from look(code, judged, asked)


def _decoded(text: str) -> Unverified | None:
    row = recognise(text)
    try:
        return None if row is None else row.decode(text)
    except Refusal:
        return None


def _keys(code: Unverified, _judged: JudgedCode, asked: JudgementBasis) -> Iterator[str]:
    kid = printable(code.kid if isinstance(code.kid, str) else code.kid.hex(), MAX_KID_CHARS)
    found = asked.known.trust.ring.find(code.kid)
    yield f"kid {kid or '(none)'}: {len(found)} of {len(asked.known.trust.ring)} keys have it"
    for key in found[:MAX_KEYS_SHOWN]:
        yield f"key {_key(key, asked.at)}"


def _key(key: TrustedKey, now: float) -> str:
    words = [key.key.algorithm.name, f"uses {' '.join(sorted(key.uses))}"]
    more = f" and {len(key.more_issuers)} more" if key.more_issuers else ""
    words.append(f"issuer {'any' if key.issuer is None else key.issuer}{more}")
    words.append(f"formats {' '.join(sorted(key.formats))}")
    if now < key.not_before:
        words.append(f"begins only {utc(key.not_before)}")
    elif now > key.not_after:
        words.append(f"ended {utc(key.not_after)}")
    else:
        always = key.not_after == float("inf")
        words.append("without an end" if always else f"until {utc(key.not_after)}")
    if key.issuing is not None:
        words.append(f"for codes issued {utc(key.issuing[0])} to {utc(key.issuing[1])}")
    return ", ".join(words)


def _signatures(code: Unverified, judged: JudgedCode, asked: JudgementBasis) -> Iterator[str]:
    holding = sum(code.holds(key.key) for key in asked.known.trust.ring.find(code.kid))
    yield f"the issuer's holds under {holding} of the keys"
    claims = judged.assessment.claims
    if code.proof is not None:
        if claims is not None and claims.holder is not None:
            yield "the phone's holds under the key that the credential names"
    elif claims is not None and claims.holder is None:
        yield "no phone signs it: it is what was issued, on paper or on a screen"


def _times(code: Unverified, judged: JudgedCode, asked: JudgementBasis) -> Iterator[str]:
    claims, now = judged.assessment.claims, asked.at
    yield f"judged as at {utc(now)}"
    if claims is None:
        return
    moments = (
        ("issued", claims.issued_at),
        ("not before", claims.not_before),
        ("expires", claims.expires),
    )
    for name, moment in moments:
        if moment is not None:
            yield f"{name} {utc(moment)}, {_from(moment - now)}"
    yield from _validity(claims, asked)
    if code.proof is not None:
        window = DEFAULT_WINDOW if asked.profile is None else asked.profile.profile.window
        age = now - code.proof.issued_at
        yield f"proof made {utc(code.proof.issued_at)}, {_from(-age)}; fresh for {window} s"
    if now > asked.known.trust.expires:
        yield f"the trust bundle ended {utc(asked.known.trust.expires)}"


def _validity(claims: Claims, asked: JudgementBasis) -> Iterator[str]:
    """Say what a document states of its own time; days are the place's."""
    stated = claims.validity
    if claims.form is not None:
        yield f"document: {claims.form.value}"
    if stated is not None and not stated.readable:
        yield "it states a date in no form that is known: nobody can say when it counts"
        return
    products = asked.known.profiles.products if asked.profile is None else asked.profile.products
    first, last = first_day(claims, products), None if stated is None else stated.last_day
    if first is not None or last is not None:
        yield f"counts from {first or 'always'} to {last or 'its end'}, both days whole"
    if claims.dose is not None:
        against = diseases_of(claims.dose, products)
        what = (
            "what it is against, no catalogue here says" if against is None else " ".join(against)
        )
        product = printable(claims.dose.product or "-", MAX_KID_CHARS)
        yield f"dose of {claims.dose.day}, product {product}: {what}"
    if stated is not None and stated.ends is not None:
        yield f"its own end is {utc(stated.ends)}"


def _from(seconds: float) -> str:
    return f"{span(seconds)} {'ahead' if seconds > 0 else 'ago'}"


def _status(_code: Unverified, judged: JudgedCode, asked: JudgementBasis) -> Iterator[str]:
    claims = judged.assessment.claims
    if claims is None or claims.list is None:
        yield "no status list belongs to it"
        return
    for plane in (Plane.REVOCATION, Plane.HEALTH):
        view = asked.known.status.plane(claims.list, plane)
        known = (
            "not known here"
            if view is None
            else f"version {view.version}, {_age(view.known_as_of, asked.at)}"
        )
        yield f"list {claims.list}, {plane.value}: {known}"
    if judged.status is not None:
        yield f"revocation: {judged.status.revocation}"
        if judged.status.colour is not None:
            yield f"colour: {judged.status.colour}"


def _age(as_of: float, now: float) -> str:
    return f"as of {utc(as_of)}, {_from(as_of - now)}"


def _profile(_code: Unverified, judged: JudgedCode, asked: JudgementBasis) -> Iterator[str]:
    profile = asked.profile
    if profile is None:
        yield "no place was named: nothing is asked"
        return
    yield f"place {profile.profile.place}, {profile.profile.stance.value} when unsure"
    yield f"takes {', '.join(sorted(profile.formats))}; {', '.join(profile.profile.kinds)}"
    if profile.profile.sector is not None:
        yield f"asks for the sector {profile.profile.sector}"
    if judged.assessment.rule is not None:
        yield f"the deciding rule is {judged.assessment.rule}"
    group = judged.assessment.group
    if group is not None:
        counts = group.counts
        yield (
            f"members: {counts.green} green, {counts.yellow} yellow, {counts.red} red,"
            f" {counts.none} of none; exceptions: {len(counts.exceptions)}"
        )


_Look = Callable[[Unverified, JudgedCode, JudgementBasis], Iterator[str]]
_LOOKS: Final[Mapping[Step, _Look]] = {
    Step.KEYS: _keys,
    Step.SIGNATURE: _signatures,
    Step.TIME: _times,
    Step.STATUS: _status,
    Step.PROFILE: _profile,
}
