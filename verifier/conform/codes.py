"""`kapok conform codes`: one code, its keys and a moment in; outcome, reason and claims out.

The core is asked exactly as a gate asks it. Without a profile, status and profile are SKIPPED; with
one, the code is judged at that place by what the line says is known there (`knowledge`). What needs
a plane or a roster that the line does not state answers as a gate that has none: by the stance.
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from datetime import UTC
from typing import Any, Final

import msgspec

from verifier.codes import city, shc
from verifier.codes.formats import recognise
from verifier.codes.scanned import clean
from verifier.codes.shown import Sight, texts_in_sight
from verifier.conform.keys import key_ring
from verifier.conform.knowledge import (
    appointments_of,
    clock_of,
    grant_of,
    rosters_of,
    status_of,
    trust_of,
)
from verifier.conform.lines import BadLine, Members, ProtocolFault, answer
from verifier.conform.moments import unix_seconds
from verifier.contract import cbor
from verifier.contract.errors import MalformedError
from verifier.contract.reasons import REASONS, Reason
from verifier.contract.vocabulary import (
    Answer,
    Format,
    Outcome,
    Step,
)
from verifier.decision import STEPS, Assessment, conclude
from verifier.engine import assess
from verifier.errors import ProfileError, Refusal
from verifier.policy.profiles import ResolvedProfile, check_profile, resolve
from verifier.status.rids import RevokedCards
from verifier.steps.course import OK, UNASKED, UNSURE, Unasked
from verifier.steps.verified import VerifiedCredentials
from verifier.trust.keys import KeyRing
from verifier.trust.known import Known

ReadPicture = Callable[[bytes], Sight]
"""A picture's bytes to what is read in it; a ValueError says that it is no picture."""

_NOTHING_SEEN: Final = VerifiedCredentials(0)
_NOWHERE: Final = "nowhere"
_CC1_NAMES: Final = {1: "iss", 4: "exp", 5: "nbf", 6: "iat", 8: "cnf"}
_CC1_PRIVATE: Final = -70001
_CC1_PRIVATE_NAMES: Final = {1: "kind", 2: "status", 3: "sectors", 4: "group"}


def conform_line(line: bytes, read_picture: ReadPicture) -> bytes:
    """Answer one line of `kapok conform codes`; no line end, never raises for what it holds."""
    return answer(line, lambda members: _judge(members, read_picture))


def _judge(members: Members, read_picture: ReadPicture) -> Members:
    at = unix_seconds(members.get("at"))
    text: str | None = None
    try:
        text = _text(members, read_picture)
        found = _assess(members, text, at)
    except Refusal as refusal:
        found = _refused(refusal.reason, members.get("texts"))
    answered: dict[str, Any] = {
        "outcome": found.outcome.value,
        "reason": conclude(found, Answer.UNASKED).reason,
        "step": _step(found).value,
        "format": found.format,
        "claims": None if text is None else _claims(found, text),
        "steps": found.steps,
        "unsure": found.unsure,
    }
    if "png" in members:
        answered["text"] = text
    return answered


def _text(members: Members, read_picture: ReadPicture) -> str:
    """Find the text to judge.

    Raises:
        BadLine: INPUT.
        Refusal: PICTURE_NONE, PICTURE_SEVERAL; CODE_MALFORMED: chunks that make no card.
    """
    given = [name for name in ("text", "texts", "png") if name in members]
    value = members[given[0]] if len(given) == 1 else None
    if given == ["text"] and isinstance(value, str):
        return clean(value)
    if given == ["texts"] and isinstance(value, list):
        if not value or not all(isinstance(text, str) for text in value):
            raise BadLine(ProtocolFault.INPUT)
        return shc.join(map(clean, value))
    if given == ["png"] and isinstance(value, str):
        try:
            picture = base64.b64decode(value, validate=True)
        except (ValueError, binascii.Error) as error:
            raise BadLine(ProtocolFault.INPUT) from error
        return _seen_in(picture, read_picture)
    raise BadLine(ProtocolFault.INPUT)


def _seen_in(picture: bytes, read_picture: ReadPicture) -> str:
    """Return the one code in a picture; a card's symbols are one, others beside it do not count."""
    try:
        sight = read_picture(picture)
    except ValueError as error:
        raise Refusal(Reason.PICTURE_NONE) from error
    found = texts_in_sight(sight)
    if isinstance(found, Reason):
        raise Refusal(found)
    return shc.gather(found)


def _refused(reason: Reason, texts: list[str] | None) -> Assessment:
    """Say that there is no one text to judge."""
    row = recognise(texts[0]) if texts else None
    return Assessment(
        outcome=Outcome.DENY,
        reason=reason,
        step=REASONS[reason].step,
        steps="",
        format=None if row is None else row.format,
    )


def _assess(members: Members, text: str, at: float) -> Assessment:
    ring = key_ring(members.get("keys"), text)
    profile = _profile(members)
    asked = isinstance(profile, ResolvedProfile)
    place = profile.profile.place if isinstance(profile, ResolvedProfile) else _NOWHERE
    known = Known(
        trust=trust_of(members, ring),
        status=status_of(members),
        rosters=rosters_of(members, place),
        appointments=appointments_of(members, place),
        revoked_cards=_revoked(members, ring, text),
    )
    return assess(
        text,
        known=known,
        profile=profile,
        grant=grant_of(members, place) if asked or "grant" in members else None,
        clock=clock_of(members, at),
        seen=_NOTHING_SEEN,
    )


def _profile(members: Members) -> ResolvedProfile | Unasked | None:
    """Read the profile; None: the place has none."""
    values = members.get("profile", UNASKED)
    if values is UNASKED or values is None:
        return values
    if not isinstance(values, dict):
        raise BadLine(ProtocolFault.PROFILE)
    try:
        return msgspec.structs.replace(resolve(check_profile(values), 1), zone=UTC)
    except ProfileError as error:
        raise BadLine(ProtocolFault.PROFILE) from error


def _revoked(members: Members, ring: KeyRing, text: str) -> Mapping[str, RevokedCards]:
    """Read the line's list as that of whichever key the card names."""
    entries = members.get("revoked_rids")
    if entries is None:
        return {}
    if not isinstance(entries, list) or not all(isinstance(entry, str) for entry in entries):
        raise BadLine(ProtocolFault.REVOKED_RIDS)
    try:
        listed = RevokedCards(entries)
    except MalformedError as error:
        raise BadLine(ProtocolFault.REVOKED_RIDS) from error
    row = recognise(text)
    if row is None or row.format is not Format.SHC:
        return {}
    return {kid: listed for kid in ring.kids() if isinstance(kid, str)}


def _step(found: Assessment) -> Step:
    """Return the step that refused, or the last that ran: SKIPPED has not run."""
    if found.reason is not None:
        return found.step
    ran = [step for step, letter in zip(STEPS, found.steps, strict=True) if letter in OK + UNSURE]
    return ran[-1]


def _claims(found: Assessment, text: str) -> Any:
    """Show what was signed, by name."""
    if found.claims is None or found.format is not Format.CC1:
        return None if found.claims is None else found.claims.document
    signed = cbor.decode(city.decode(text).payload)
    named = {name: signed[label] for label, name in _CC1_NAMES.items() if label in signed}
    private = signed[_CC1_PRIVATE]
    return named | {
        n: private[label] for label, n in _CC1_PRIVATE_NAMES.items() if label in private
    }
