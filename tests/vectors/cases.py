"""The cases of our vectors, and what is expected of each; make.py writes them.

Expectations are written by hand, here or in the tables of tests/support; they are never taken from
what the verifier answers.
"""

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from tests.support.city import City
from tests.support.faults import static_bytes
from tests.support.judgements import BY_TEXT, GOOD, ON_A_PHONE, ON_PAPER, REFUSED, TYPED, UNSURE
from tests.support.keys import ISSUER, ISSUER_ED, NEW_ROOTS, ROOTS, STRANGER, other_half
from tests.support.publisher import EDITION, NOW
from tests.vectors.contents import content_cases
from tests.vectors.grammar import grammar_cases
from tests.vectors.planes import plane_cases
from tests.vectors.restarts import restart_cases
from verifier.barcode.render import symbol, to_png
from verifier.contract.bundle import KeyEntry
from verifier.contract.envelope import SignedUse
from verifier.contract.reasons import REASONS, Reason
from verifier.contract.vocabulary import Colour, Kind, Plane, Step
from verifier.encoding import base45
from verifier.groups.roster import unpack_members

MAX_KEPT_TEXT: Final = 2_000
"""Characters; longer texts are made by tests, not kept in files."""
PICTURE_SCALE: Final = 4
"""Pixels a module."""

FOUND_LATE: Final = ("a member outside the plane", "a count that is not the members'")
"""Members are unpacked by the profile's step, when the claims are known; they cannot be told."""

Document = dict[str, Any]


def cases() -> Iterator[Document]:
    """Yield every vector, each with an `id` that is its path without `.json`."""
    yield from _accepted()
    yield from _refused()
    yield from _by_grammar()
    yield from _pictures()
    yield from _bundles()
    yield from _planes()
    yield from _restarts()


def _slug(*words: str) -> str:
    return "-".join(re.sub(r"[^a-z0-9.]+", "-", word.lower()).strip("-") for word in words)


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _pass(claims: Document, step: Step = Step.PROFILE, **more: Any) -> Document:
    return {"outcome": "pass", "reason": None, "step": step.value, "claims": claims} | more


def _deny(reason: Reason, claims: Document | None) -> Document:
    step = REASONS[reason].step.value
    return {"outcome": "deny", "reason": reason.value, "step": step, "claims": claims}


def _accepted() -> Iterator[Document]:
    for name, city in GOOD.items():
        yield _placed("accept", _slug("code", name), name, city, _pass(_claims(city)))
    for name, (reason, city, steps) in UNSURE.items():
        opened = city.at(profile=dict(city.profile or {}) | {"stance": "open"})
        expect = _pass(_claims(city), reason=reason.value, unsure=reason.value, steps=steps)
        yield _placed("accept", _slug("open-stance", name), name, opened, expect)
    plain = City()
    for name, text in TYPED.items():
        yield _plain("accept", _slug("scanner", name), name, text, _pass(_claims(plain), Step.TIME))
    static = static_bytes(plain)
    shown = plain.presentation()
    turned = {
        "of the issuer": static[:-64] + other_half(static[-64:]),
        "of the phone": shown[:-64] + other_half(shown[-64:]),
    }
    for name, code in turned.items():
        yield _plain(
            "accept",
            _slug("code", "other half of the signature", name),
            f"ECDSA is malleable: r, n - s in place of r, s, {name}, changes nothing",
            _text(code),
            _pass(_claims(plain), Step.TIME),
        )
    yield _plain(
        "accept",
        "code-two-keys-share-a-kid",
        "every key of the kid is tried",
        plain.text(),
        _pass(_claims(plain), Step.TIME),
        keys=[
            {"spki": _b64(STRANGER.spki), "kid": ISSUER.kid.hex()},
            {"spki": _b64(ISSUER.spki)},
        ],
    )


def _refused() -> Iterator[Document]:
    for name, (reason, city) in REFUSED.items():
        unread = REASONS[reason].step in (Step.DECODE, Step.KEYS, Step.SIGNATURE)
        expect = _deny(reason, None if unread else _claims(city))
        if name in FOUND_LATE:
            del expect["claims"]
        yield _placed("reject", _slug(reason.value, name), name, city, expect)
    for name, (reason, text) in BY_TEXT.items():
        if len(text) > MAX_KEPT_TEXT or "\ud800" in text or name in TYPED:
            continue
        yield _plain("reject", _slug(reason.value, name), name, text, _deny(reason, None))
    yellow = City(
        colours={77: Colour.YELLOW},
        profile=dict(City().profile or {}) | {"review_colours": ["yellow"]},
    )
    red_member = ON_PAPER.at(
        colours={20: Colour.RED},
        profile=dict(City().profile or {}) | {"group": {"exceptions": "review"}},
    )
    for reason, city in ((Reason.STATUS_YELLOW, yellow), (Reason.GROUP_EXCEPTIONS, red_member)):
        expect = _deny(reason, _claims(city)) | {"outcome": "review"}
        why = "the place lets a person decide"
        yield _placed("reject", _slug(reason.value, "reviewed"), why, city, expect)
    forged, other = City(phone=None).credential(), City(phone=None, issuer_key=STRANGER)
    yield _plain(
        "reject",
        "signature.bad-another-key-under-the-issuers-kid",
        "a forger writes the issuer's kid and signs with a key of his own",
        _text(b"\xd2" + forged[:-64] + other.credential()[-64:]),
        _deny(Reason.SIGNATURE_BAD, None),
    )
    yield _plain(
        "reject",
        "signature.bad-key-of-the-other-algorithm",
        "the header says ES256, the key under this kid is Ed25519",
        City(phone=None).text(),
        _deny(Reason.SIGNATURE_BAD, None),
        keys=[{"spki": _b64(ISSUER_ED.spki), "kid": ISSUER.kid.hex()}],
    )


def _by_grammar() -> Iterator[Document]:
    for words, why, code, reason in grammar_cases():
        yield _plain("reject", _slug(*words), why, _text(code), _deny(reason, None))


def _pictures() -> Iterator[Document]:
    shown = {
        "live": City(),
        "paper": City(phone=None),
        "paper-group": ON_PAPER,
        "group": ON_A_PHONE,
    }
    for name, city in shown.items():
        png = to_png(symbol(city.text()), scale=PICTURE_SCALE)
        document = _placed("accept", f"picture-{name}", f"the {name} code as a QR symbol", city, {})
        yield document | {"png": _b64(png), "expect": _pass(_claims(city))}
    png = to_png(symbol("https://example.org/"), scale=PICTURE_SCALE)
    foreign = _plain(
        "reject",
        "picture-of-an-address",
        "a QR symbol that is no code of ours",
        "https://example.org/",
        _deny(Reason.FORMAT_UNKNOWN, None),
    )
    yield foreign | {"png": _b64(png)}


def _bundles() -> Iterator[Document]:
    second = replace(EDITION, version=2)
    rotated = replace(
        EDITION, root_version=2, root_keys=NEW_ROOTS, root_signers=(*ROOTS[:2], *NEW_ROOTS[:2])
    )
    start = (("root", EDITION.root()), ("trust", EDITION.trust()))
    late = replace(second, exp=NOW - 1)
    plane = (Plane.HEALTH, 8, {3: 1})
    table: tuple[tuple[str, str | None, tuple[tuple[str, bytes], ...]], ...] = (
        ("the next trust bundle", None, (*start, ("trust", second.trust()))),
        ("the same trust bundle again", None, (*start, ("trust", EDITION.trust()))),
        ("profiles", None, (*start, ("profiles", EDITION.profiles(City().profile or {})))),
        ("the next root", None, (*start, ("root", rotated.root()))),
        (
            "an older trust bundle",
            "rollback",
            (*start, ("trust", second.trust()), ("trust", EDITION.trust())),
        ),
        (
            "the same version with other bytes",
            "fork",
            (*start, ("trust", replace(EDITION, iat=NOW - 1).trust())),
        ),
        ("expired on arrival", "expired", (*start, ("trust", late.trust()))),
        (
            "issued more than five minutes from now",
            "future",
            (*start, ("trust", replace(second, iat=NOW + 301).trust())),
        ),
        (
            "a version above the highest",
            "leap",
            (*start, ("trust", replace(second, version=2**40 + 1).trust())),
        ),
        (
            "a version too far above the one before",
            "leap",
            (*start, ("trust", replace(second, version=2**28 + 2).trust())),
        ),
        ("before any trust bundle", "unknown_key", (start[0], ("status", second.status(*plane)))),
        (
            "signed by the issuer",
            "unknown_key",
            (*start, ("trust", replace(second, signer=ISSUER).trust())),
        ),
        (
            "signed for another use",
            "signature",
            (*start, ("trust", replace(second, use=SignedUse.STATUS).trust())),
        ),
        (
            "a member more",
            "malformed",
            (*start, ("trust", replace(second, extra={"comment": "x"}).trust())),
        ),
        ("a byte after", "malformed", (*start, ("trust", second.trust() + b"\x00"))),
        (
            "a root that skips a version",
            "order",
            (*start, ("root", replace(rotated, root_version=3).root())),
        ),
        (
            "a root signed by the new keys only",
            "signature",
            (*start, ("root", replace(rotated, root_signers=NEW_ROOTS).root())),
        ),
        (
            "a root signed by one old key too few",
            "signature",
            (*start, ("root", replace(rotated, root_signers=(ROOTS[0], *NEW_ROOTS)).root())),
        ),
    )
    contents = ((why, cause, (*start, *documents)) for why, cause, documents in content_cases())
    for why, cause, documents in (*table, *contents):
        yield _taken("bundle", why, cause, documents)


def _planes() -> Iterator[Document]:
    for case in plane_cases():
        start = (("root", EDITION.root()), ("trust", case.trust.trust()))
        expect = {} if case.plane is None else {"plane": case.plane}
        yield _taken("plane", case.why, case.cause, (*start, *case.documents), **expect)


def _restarts() -> Iterator[Document]:
    for case in restart_cases():
        expect = {"cause": case.cause} | ({} if case.plane is None else {"plane": case.plane})
        folder = "accept" if case.cause is None else "reject"
        name = _slug("restart", case.cause or "taken", case.why)
        yield {
            "id": f"{folder}/{name}",
            "why": case.why,
            "documents": [given.document(_iso) for given in case.given],
            "expect": expect,
        }


def _taken(
    what: str, why: str, cause: str | None, documents: tuple[tuple[str, bytes], ...], **expect: Any
) -> Document:
    return {
        "id": f"{'accept' if cause is None else 'reject'}/{_slug(what, cause or 'taken', why)}",
        "why": why,
        "documents": [{"kind": k, "at": _iso(NOW), "hex": data.hex()} for k, data in documents],
        "expect": {"cause": cause} | expect,
    }


def _plain(
    folder: str,
    name: str,
    why: str,
    text: str,
    expect: Document,
    keys: list[Document] | None = None,
) -> Document:
    """Write a case that needs no profile: the line of the conformance protocol and no more."""
    return {
        "id": f"{folder}/{name}",
        "why": why,
        "text": text,
        "at": _iso(NOW),
        "keys": [{"spki": _b64(ISSUER.spki)}] if keys is None else keys,
        "expect": expect,
    }


def _placed(folder: str, name: str, why: str, city: City, expect: Document) -> Document:
    """Write a case with everything that its place knows."""
    document = _plain(folder, name, why, city.text(), expect, [_key(city.trusted)])
    document["at"] = _iso(city.now)
    document["trust"] = {"exp": city.trust_exp, "sectors_enabled": list(city.sectors_enabled)}
    if city.uncertainty or not city.clock_sure:
        document["clock"] = {"uncertainty": city.uncertainty, "sure": city.clock_sure}
    document["profile"] = city.profile
    document["grant"] = None if city.grant is None else _grant(city)
    document["status"] = [_plane(city, plane) for plane in city.planes]
    if city.rosters:
        document["rosters"] = [
            msgspec.to_builtins(roster, builtin_types=(bytes,)) | {"group": roster.group.hex()}
            for roster in city.rosters
        ]
    if city.appointments is not None:
        document["appointments"] = {
            "exp": city.appointments_exp,
            "entries": [msgspec.to_builtins(entry) for entry in city.appointments],
        }
    return document


def _key(entry: KeyEntry) -> Document:
    return {
        "spki": _b64(entry.spki),
        "uses": list(entry.uses),
        "nbf": entry.nbf,
        "exp": entry.exp,
        "issuer": entry.issuer,
        "lists": list(entry.lists),
        "sectors": list(entry.sectors),
        "formats": list(entry.formats),
    }


def _grant(city: City) -> Document:
    grant = city.grant
    assert grant is not None
    return {"place": grant.place, "gate": grant.gate, "direction": grant.direction.value}


def _plane(city: City, plane: Plane) -> Document:
    values: Mapping[int, int] = (
        dict.fromkeys(sorted(city.revoked), 1)
        if plane is Plane.REVOCATION
        else {person: int(colour) for person, colour in city.colours.items()}
    )
    return {
        "list": 1,
        "plane": plane.value,
        "size": city.size,
        "fill": int(Colour.GREEN) if plane is Plane.HEALTH else 0,
        "values": {str(index): value for index, value in values.items()},
        "as_of": city.status_at,
    }


def _claims(city: City) -> Document:
    """Write what a city's credential says, from the city and not from its bytes."""
    subject = city.subject
    said: Document = {
        "iss": city.issuer,
        "exp": city.expires,
        "iat": city.issued_at,
        "kind": int(subject.kind),
        "status": [n for n in (subject.list, subject.person, subject.credential) if n is not None],
    }
    if city.not_before is not None:
        said["nbf"] = city.not_before
    if subject.sectors is not None:
        said["sectors"] = {str(sector): value for sector, value in subject.sectors.items()}
    if subject.kind is Kind.GROUP and subject.group is not None:
        said["group"] = {
            "id": subject.group.hex(),
            "roster_version": subject.roster_version,
            "count": subject.members,
        }
        if subject.packed_members is not None:
            members = unpack_members(
                subject.packed_members, count=subject.members, list_number=subject.list
            )
            said["group"]["members"] = members.persons.tolist()
    return said


def _text(code: bytes) -> str:
    return "CC1:" + base45.encode(code)


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
