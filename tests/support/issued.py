"""What the tests' city has published and issued, now: root, trust, grants, codes on phones."""

import secrets
import time
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from tests.support.health import CARDS
from tests.support.health import ISSUER as CARD_ISSUER
from tests.support.keys import BUNDLE, GRANTS, ISSUER, OPERATORS, PHONE, ROOTS, ROSTER, STATUS
from verifier.contract.bundle import RootDocument, RootKey
from verifier.contract.grant import Grant
from verifier.contract.scan import make_scan_id
from verifier.contract.vocabulary import ApiScope, Direction, GrantState, Kind
from verifier.issuing.holder import present, presentation_text
from verifier.issuing.issuer import Subject, make_credential, static_text
from verifier.issuing.publisher import TrustSource, key_entry, seal_root
from verifier.issuing.signing_key import SigningKey
from verifier.steps.use import DAY

LIST_SIZE: Final = 65_536
TERMINAL: Final = "gate-1"

ONCE: Final[Mapping[str, Any]] = {
    "place": "metro-1",
    "stance": "closed",
    "formats": ["CC1"],
    "kinds": ["personal", "group"],
    "static": True,
    "colours": ["green"],
    "use": {"scope": "place", "once_for": 600},
}
"""A place where everybody passes once in ten minutes; paper codes too."""


def grant_of(terminal: str, version: int, **changes: Any) -> Grant:
    """Return a terminal's grant at the metro's gate a."""
    grant = Grant(
        terminal=terminal,
        fingerprint="00" * 32,
        place="metro-1",
        gate="a",
        direction=Direction.IN,
        scopes=(ApiScope.SCAN, ApiScope.BUNDLES),
        state=GrantState.ACTIVE,
        version=version,
        district="liwan",
    )
    return msgspec.structs.replace(grant, **changes)


def trust_source() -> TrustSource:
    """Return which keys of the tests may sign what, for a year around now."""
    start, end = int(time.time()) - 180 * DAY, int(time.time()) + 180 * DAY

    def line(key: SigningKey, *uses: str, **more: Any) -> Any:
        return key_entry(
            key.spki,
            algorithm=int(key.algorithm),
            uses=uses,
            not_before=start,
            expires=end,
            **more,
        )

    return TrustSource(
        keys=(
            line(ISSUER, "credential", issuer="440100", lists=(1,), sectors=(1, 2, 3, 4)),
            line(STATUS, "status", lists=(1,)),
            line(ROSTER, "roster", lists=(1,)),
            line(GRANTS, "grant"),
            line(OPERATORS, "operator"),
            msgspec.structs.replace(
                line(CARDS, "credential", issuer=CARD_ISSUER), formats=("SHC",)
            ),
        ),
        lists={1: "urn:test:status:1"},
        sectors_enabled=(1, 2, 3, 4),
    )


def root_file() -> bytes:
    """Return the root file of the tests."""
    now = int(time.time())
    document = RootDocument(
        type="root",
        version=1,
        iat=now - DAY,
        exp=now + 365 * DAY,
        root_keys=tuple(RootKey(spki=key.spki) for key in ROOTS),
        threshold=2,
        bundle_keys=(RootKey(spki=BUNDLE.spki),),
    )
    return seal_root(document, ROOTS[:2])


def new_scan_id(terminal: str = TERMINAL, *, at: float | None = None) -> str:
    """Make a scan_id of a terminal."""
    now = time.time() if at is None else at
    return make_scan_id(terminal, milliseconds=int(now * 1000), random=secrets.token_bytes(6))


def credential(person: int, *, holder: SigningKey | None, ago: int = 3600, **changes: Any) -> bytes:
    """Issue a credential, some seconds ago; its index is the person's."""
    now = int(time.time())
    subject: dict[str, Any] = {
        "kind": Kind.PERSONAL,
        "list": 1,
        "credential": person,
        "person": person,
        "sectors": {1: 0, 2: 0, 3: 0, 4: 0},
    }
    return make_credential(
        Subject(**subject | changes),
        issuer="440100",
        issued_at=now - ago,
        expires=now + DAY,
        key=ISSUER,
        holder=None if holder is None else holder.confirmation,
    )


def paper(person: int, **changes: Any) -> str:
    """Return a person's static code."""
    return static_text(credential(person, holder=None, **changes))


def shown(person: int, *, phone: SigningKey = PHONE, ago: int = 0) -> str:
    """Return what a person's phone shows."""
    made = present(
        credential(person, holder=phone),
        key=phone,
        now=int(time.time()) - ago,
        cti=secrets.token_bytes(4),
    )
    return presentation_text(made)


def group_paper(index: int, group: bytes, members: int, *, version: int = 1) -> str:
    """Return a group's static code; its members stand in the roster of that version."""
    subject = Subject(
        kind=Kind.GROUP,
        list=1,
        credential=index,
        group=group,
        roster_version=version,
        members=members,
    )
    now = int(time.time())
    return static_text(
        make_credential(subject, issuer="440100", issued_at=now - 60, expires=now + DAY, key=ISSUER)
    )
