"""Codes to measure with: every person, index, key and byte distinct and random, none repeated.

The city has 18.7 million people and 2**27 credential indices, so that a lookup misses the
processor's caches as it would at a gate.
"""

import os
import random
import time
from dataclasses import dataclass
from typing import Final

import numpy as np

from verifier.contract.grant import Grant
from verifier.contract.vocabulary import ApiScope, Direction, GrantState, Kind, Plane
from verifier.issuing import signing_key
from verifier.issuing.holder import CTI_BYTES, present, presentation_text
from verifier.issuing.issuer import Subject, make_credential, static_text
from verifier.issuing.signing_key import SigningKey
from verifier.policy.profiles import ResolvedProfile, check_profile, resolve
from verifier.status.plane import PackedValues, PlaneView, Status, pack
from verifier.trust.keys import KeyRing, TrustedKey, kid_of, load_spki
from verifier.trust.known import Known
from verifier.trust.signers import Trust

PEOPLE: Final = 18_700_000
CREDENTIALS: Final = 1 << 27
ISSUER: Final = "440100"
LIST: Final = 1
SECTORS: Final = {1: 0, 2: 1, 3: 2, 4: 0}
_MONTH: Final = 30 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """Codes of one run."""

    static: list[str]
    presentations: list[str]


def issue(
    count: int,
    key: SigningKey,
    now: int,
    *,
    people: range = range(PEOPLE),
    credentials: range = range(CREDENTIALS),
) -> Issued:
    """Issue `count` static codes and `count` presentations, each of another person and phone."""
    persons = random.sample(people, 2 * count)
    indices = random.sample(credentials, 2 * count)
    static, presentations = [], []
    for at in range(count):
        credential = _credential(persons[at], indices[at], key, now, None)
        static.append(static_text(credential))
    for at in range(count, 2 * count):
        phone = signing_key.generate()
        credential = _credential(persons[at], indices[at], key, now, phone)
        shown = present(credential, key=phone, now=now, cti=os.urandom(CTI_BYTES))
        presentations.append(presentation_text(shown))
    return Issued(static=static, presentations=presentations)


def _credential(
    person: int, index: int, key: SigningKey, now: int, phone: SigningKey | None
) -> bytes:
    subject = Subject(
        kind=Kind.PERSONAL, list=LIST, person=person, credential=index, sectors=SECTORS
    )
    return make_credential(
        subject,
        issuer=ISSUER,
        issued_at=now - 100,
        expires=now + _MONTH,
        key=key,
        holder=None if phone is None else phone.confirmation,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class City:
    """What a scan is judged by."""

    known: Known
    profile: ResolvedProfile
    grant: Grant


def city(key: SigningKey, now: float) -> City:
    """Make a whole city of green people that trusts one issuer."""
    public, verify = load_spki(key.spki)
    trusted = TrustedKey(
        kid=kid_of(public),
        key=verify,
        uses=frozenset({"credential"}),
        not_before=0,
        not_after=now + _MONTH,
        issuer=ISSUER,
        lists=frozenset({LIST}),
        sectors=frozenset(SECTORS),
        formats=frozenset({"CC1"}),
    )
    trust = Trust(
        version=1,
        expires=now + _MONTH,
        ring=KeyRing((trusted,)),
        sectors_enabled=frozenset(SECTORS),
    )
    health = PackedValues(bits=2, size=PEOPLE, data=pack(np.ones(PEOPLE, np.uint8), 2))
    revoked = PackedValues(bits=1, size=CREDENTIALS, data=bytes(CREDENTIALS // 8))
    status = Status(
        {
            (LIST, Plane.HEALTH): PlaneView(values=health, version=1, as_of=now),
            (LIST, Plane.REVOCATION): PlaneView(values=revoked, version=1, as_of=now),
        }
    )
    return City(known=Known(trust=trust, status=status), profile=_profile(), grant=_grant())


def _profile() -> ResolvedProfile:
    return resolve(
        check_profile(
            {
                "place": "hall-1",
                "stance": "closed",
                "formats": ["CC1"],
                "static": True,
                "colours": ["green"],
                "sector": "hall",
                "use": {"scope": "place", "once_for": 60},
            }
        ),
        1,
    )


def _grant() -> Grant:
    return Grant(
        terminal="hall-1-a",
        fingerprint="0" * 64,
        place="hall-1",
        gate="a",
        direction=Direction.IN,
        scopes=(ApiScope.SCAN,),
        state=GrantState.ACTIVE,
        version=1,
    )


def now() -> int:
    """Return the present second; the bench is a shell and may look at the clock."""
    return int(time.time())
