"""A simulated city: an issuer, a phone and a place, edited in one line a test.

`City(expires=NOW).judge()` is a code that expires this second, judged by the real core against
bundles that were signed, taken and opened the real way. Keys, times and random bytes are fixed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Final

import msgspec

from tests.support.keys import ISSUER, PHONE
from tests.support.publisher import DAY, HOUR, ISSUER_ENTRY, NOW, OTHER_ENTRIES, Edition
from verifier.contract.bundle import Appointment, KeyEntry, Roster
from verifier.contract.cbor import encode
from verifier.contract.grant import Grant
from verifier.contract.vocabulary import (
    ApiScope,
    Colour,
    Direction,
    GrantState,
    Kind,
    Plane,
)
from verifier.decision import Assessment
from verifier.engine import UNASKED, Clock, Known, assess
from verifier.groups.roster import NO_ROSTERS
from verifier.issuing.holder import presentation_text, sign_presentation
from verifier.issuing.issuer import Subject, make_credential, sign_claims, static_text
from verifier.issuing.signing_key import SigningKey
from verifier.policy.profiles import ResolvedProfile, check_profile, resolve
from verifier.status.plane import NO_STATUS, PlaneView, Status
from verifier.steps.verified import VerifiedCredentials
from verifier.trust.kinds import APPOINTMENTS, ROSTERS, take

PERSON: Final = Subject(
    kind=Kind.PERSONAL, list=1, person=77, credential=501, sectors={1: 0, 2: 1, 3: 0, 4: 2}
)
GROUP_ID: Final = bytes.fromhex("0102030405060708")
CTI: Final = bytes.fromhex("0badcafe")
LIST_SIZE: Final = 4096

PROFILE: Final[Mapping[str, Any]] = {
    "place": "hall-1",
    "stance": "closed",
    "formats": ["CC1"],
    "kinds": ["personal", "group"],
    "static": True,
    "sector": "hall",
    "colours": ["green"],
    "max_status_age": 600,
    "use": {"scope": "place", "once_for": 300},
}
GRANT: Final = Grant(
    terminal="hall-1-east",
    fingerprint="00" * 32,
    place="hall-1",
    gate="east",
    direction=Direction.IN,
    scopes=(ApiScope.SCAN,),
    state=GrantState.ACTIVE,
    version=1,
)


def asks(**changes: Any) -> dict[str, Any]:
    """Return the place's profile with some of its fields changed."""
    return dict(PROFILE) | changes


@dataclass(frozen=True, slots=True, kw_only=True)
class City:
    """All that decides about one scan; each field stands for one thing that may be wrong."""

    now: float = NOW
    uncertainty: float = 0.0
    clock_sure: bool = True

    issuer: str = "440100"
    issued_at: int = NOW - HOUR
    expires: int = NOW + 30 * DAY
    not_before: int | None = None
    subject: Subject = PERSON
    issuer_key: SigningKey = ISSUER
    edit_claims: Callable[[bytes], bytes] | None = None
    """A faulty issuer's step on the encoded claims, before they are signed."""

    phone: SigningKey | None = PHONE
    """None: a static code."""
    shown_by: SigningKey | None = None
    """Whose phone signs the proof, if not the holder's."""
    shown_at: int = NOW - 2
    audience: str | None = None
    edit_proof: Callable[[bytes], bytes] | None = None
    """A faulty phone's step on the encoded proof, before it is signed."""

    trusted: KeyEntry = ISSUER_ENTRY
    sectors_enabled: tuple[int, ...] = (1, 2, 3, 4)
    trust_exp: int = NOW + DAY

    planes: tuple[Plane, ...] = (Plane.REVOCATION, Plane.HEALTH)
    revoked: frozenset[int] = frozenset()
    colours: Mapping[int, Colour] = field(default_factory=dict)
    """Person index to colour; everybody else is green."""
    status_at: int = NOW - 30
    size: int = LIST_SIZE
    rosters: tuple[Roster, ...] = ()
    appointments: tuple[Appointment, ...] | None = None
    """None: there is no bundle of them."""
    appointments_exp: int = NOW + DAY

    profile: Mapping[str, Any] | None = field(default_factory=lambda: PROFILE)
    """None: the place has none; empty: nothing is asked."""
    grant: Grant | None = GRANT

    def credential(self) -> bytes:
        """Return the credential as an untagged COSE array."""
        made = make_credential(
            self.subject,
            issuer=self.issuer,
            issued_at=self.issued_at,
            expires=self.expires,
            key=self.issuer_key,
            not_before=self.not_before,
            holder=None if self.phone is None else self.phone.confirmation,
        )
        if self.edit_claims is None:
            return made
        return sign_claims(self.edit_claims(claims_of(made)), key=self.issuer_key)

    def text(self) -> str:
        """Return what the phone or the paper shows."""
        if self.phone is None:
            return static_text(self.credential())
        return presentation_text(self.presentation())

    def presentation(self) -> bytes:
        """Return the phone's presentation."""
        payload: dict[int, Any] = {6: self.shown_at, 7: CTI}
        if self.audience is not None:
            payload[3] = self.audience
        encoded = encode(payload)
        if self.edit_proof is not None:
            encoded = self.edit_proof(encoded)
        signer = self.shown_by or self.phone or PHONE
        return sign_presentation(self.credential(), encoded, key=signer)

    def known(self) -> Known:
        """Return what a gate has taken from the publisher; signed, verified, opened."""
        return _known(
            trusted=self.trusted,
            sectors=self.sectors_enabled,
            trust_exp=self.trust_exp,
            planes=self.planes,
            revoked=tuple(sorted(self.revoked)),
            colours=tuple(sorted(self.colours.items())),
            status_at=self.status_at,
            size=self.size,
            rosters=self.rosters,
            appointments=self.appointments,
            appointments_exp=self.appointments_exp,
        )

    def asked(self) -> ResolvedProfile | None:
        """Return the resolved profile of the place."""
        return None if self.profile is None else resolve(check_profile(self.profile), 1)

    def judge(self, text: str | None = None, seen: VerifiedCredentials | None = None) -> Assessment:
        """Assess the city's code, or another text, at the city's gate."""
        return assess(
            self.text() if text is None else text,
            known=self.known(),
            profile=UNASKED if self.profile == {} else self.asked(),
            grant=self.grant,
            clock=Clock(now=self.now, uncertainty=self.uncertainty, sure=self.clock_sure),
            seen=VerifiedCredentials(16) if seen is None else seen,
        )

    def at(self, **changes: Any) -> "City":
        """Return a city in which some things are otherwise."""
        return replace(self, **changes)


def claims_of(credential: bytes) -> bytes:
    """Return the encoded claims of an untagged credential."""
    head = credential[16:19]
    start, length = (17, head[0] & 31) if head[0] < 0x58 else (18, head[1])
    if head[0] == 0x59:
        start, length = 19, int.from_bytes(head[1:], "big")
    return credential[start : start + length]


@lru_cache(maxsize=256)
def _known(  # one argument per thing that may differ, so that equal cities share their bundles
    *,
    trusted: KeyEntry,
    sectors: tuple[int, ...],
    trust_exp: int,
    planes: tuple[Plane, ...],
    revoked: tuple[int, ...],
    colours: tuple[tuple[int, Colour], ...],
    status_at: int,
    size: int,
    rosters: tuple[Roster, ...],
    appointments: tuple[Appointment, ...] | None,
    appointments_exp: int,
) -> Known:
    edition = Edition(
        keys=(trusted, *OTHER_ENTRIES),
        sectors_enabled=sectors,
        exp=trust_exp,
        iat=min(NOW - HOUR, trust_exp - 1),
    )
    taken = edition.trusted()
    snapshot = replace(edition, iat=status_at, exp=status_at + DAY)
    status: Status = NO_STATUS
    for plane in planes:
        values: dict[int, int] = dict(colours)
        if plane is Plane.REVOCATION:
            values = dict.fromkeys(revoked, 1)
        fill = int(Colour.GREEN) if plane is Plane.HEALTH else 0
        signed = snapshot.status(plane, size, values, fill=fill)
        view: PlaneView = taken.take_status(signed, NOW, held=True).value
        status = status.replaced(1, plane, view)
    known_rosters = NO_ROSTERS
    if rosters:
        signed = edition.rosters(*rosters, place=GRANT.place)
        opened = take(taken, ROSTERS.of(GRANT.place), signed, NOW, held=True)
        known_rosters = known_rosters.replaced(opened.value)
    expected = {}
    if appointments is not None:
        signed = replace(edition, exp=appointments_exp, iat=NOW - DAY).appointments(*appointments)
        opened = take(taken, APPOINTMENTS.of("hall-1"), signed, NOW, held=True)
        expected["hall-1"] = opened.value
    return Known(trust=taken.trust, status=status, rosters=known_rosters, appointments=expected)


def trusting(**changes: Any) -> KeyEntry:
    """Return the issuer's line of the trust bundle with some of its members changed."""
    return msgspec.structs.replace(ISSUER_ENTRY, **changes)
