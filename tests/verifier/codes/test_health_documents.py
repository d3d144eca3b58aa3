"""What HC1 codes hold beside EU certificates: kinds, windows and uses, as a line is answered."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import cbor2
import pytest

from tests.support.health import COUNTRY, b64, dcc, health_text
from tests.support.keys import STRANGER
from tests.verifier.codes.test_hcert import trusted
from verifier.conform.codes import conform_line
from verifier.contract.vocabulary import CertificateUse
from verifier.decision import Assessment
from verifier.engine import UNASKED, Clock, Known, assess
from verifier.status.plane import NO_STATUS
from verifier.steps.verified import VerifiedCredentials
from verifier.trust.keys import KeyRing, TrustedKey
from verifier.trust.signers import Trust

AT: Final = "2026-11-30T12:00:00Z"
NOW: Final = datetime(2026, 11, 30, 12, tzinfo=UTC).timestamp()
DAY: Final = 86_400
YELLOW: Final = "YellowFeverProductd2c75a15ed309658b3968519ddb31690"
KEY: Final = "rxTgYlOaKJPFtcEd0qcceN8wEU4p94SqAwIWQe6uX7Q"

ICVP_2026: Final[Mapping[str, Any]] = {
    "n": "Aya Made-Up",
    "dob": "1999-12-31",
    "s": "female",
    "nt": "XXB",
    "vx": {"vp": YELLOW, "dv": "2026-10-01", "bo": "B-1", "is": "XXB"},
    "v": "1.0",
}
ICVP_2025: Final[Mapping[str, Any]] = {
    "n": "Aya Made-Up",
    "dob": "1999-12-31",
    "v": {"vp": YELLOW, "dt": "2026-10-01", "bo": "B-1", "cn": "Dr Made-Up"},
}
ICVP_2024: Final[Mapping[str, Any]] = {
    "n": "Aya Made-Up",
    "dob": "1999-12-31",
    "v": {"dn": "1", "tg": "1D47", "vp": "XM0N24", "ma": "Made-up", "dt": "2026-10-01", "bo": "B"},
}
VACCINATED: Final[Mapping[str, Any]] = {
    "name": "Aya Made-Up",
    "birthDate": "1999-12-31",
    "certificate": {"issuer": "made-up", "hcid": "1", "version": "RC2"},
    "vaccination": {"vaccine": {"system": "s", "code": "c"}, "date": "2026-10-01", "dose": 1},
}
TESTED: Final[Mapping[str, Any]] = {
    "name": "Aya Made-Up",
    "certificate": {"issuer": "made-up", "hcid": "1", "version": "RC2"},
    "test": {"result": {"system": "s", "code": "260415000"}, "date": "2026-11-29T06:00:00Z"},
}


def signed(number: int, document: Any, **claims: Any) -> str:
    """Sign a document under its number; `exp`, `iat`, `nbf` as they are given, none by default."""
    names = {"iss": 1, "exp": 4, "nbf": 5, "iat": 6}
    head = {names[name]: value for name, value in claims.items()}
    return health_text(cbor2.dumps({**head, -260: {number: document}}))


def answer(text: str, at: str = AT) -> dict[str, Any]:
    """Answer a conformance line of a code under a key without an end."""
    key = {"spki": b64_plain(COUNTRY.spki), "kid": COUNTRY.kid.hex()}
    line = {"id": 1, "text": text, "at": at, "keys": [key]}
    found: dict[str, Any] = json.loads(conform_line(json.dumps(line).encode(), no_picture))
    return found


def b64_plain(data: bytes) -> str:
    """Encode as base64 with padding."""
    encoded = b64(data).translate(str.maketrans("-_", "+/"))
    return encoded + "=" * (-len(encoded) % 4)


def no_picture(_: bytes) -> Any:
    """Fail: these lines hold texts."""
    raise ValueError


def link(scheme: str = "vhlink:/", **changes: Any) -> str:
    """Make a link."""
    values = {"url": "https://documents.example/list", "key": KEY, "flag": "LP", "v": 1} | changes
    kept = {name: value for name, value in values.items() if value is not None}
    return scheme + b64(json.dumps(kept, separators=(",", ":")).encode())


def icvp(document: Mapping[str, Any] = ICVP_2026, part: str = "vx", **changes: Any) -> Any:
    """Return an ICVP with changes of its dose."""
    return {**document, part: {**document[part], **changes}}


def period(document: Mapping[str, Any], **stated: Any) -> Any:
    """Return a certificate of WHO's with a period."""
    return {**document, "certificate": {**document["certificate"], "period": stated}}


READ: Final[Mapping[str, tuple[str, str]]] = {
    "ICVP of 2026": ("pass", signed(-6, ICVP_2026)),
    "of 2026, with a document's type": ("pass", signed(-6, {**ICVP_2026, "dt": "PPN", "id": "7"})),
    "of 2026, its date called dt": ("pass", signed(-6, icvp(dt="2026-10-01", dv=None))),
    "of 2025": ("pass", signed(-6, ICVP_2025)),
    "of 2025, its window": (
        "pass",
        signed(-6, icvp(ICVP_2025, "v", vls="2026-10-11", vle="2026-11-30")),
    ),
    "of 2025, lapsed yesterday": (
        "time.expired",
        signed(-6, icvp(ICVP_2025, "v", vls="2026-10-11", vle="2026-11-29")),
    ),
    "of 2025, begins tomorrow": (
        "time.not_yet",
        signed(-6, icvp(ICVP_2025, "v", vls="2026-12-01")),
    ),
    "of 2024": ("pass", signed(-6, ICVP_2024)),
    "of 2024, nine days ago": ("time.not_yet", signed(-6, icvp(ICVP_2024, "v", dt="2026-11-21"))),
    "of 2024, nine days ago, of another disease": (
        "pass",
        signed(-6, icvp(ICVP_2024, "v", dt="2026-11-21", tg="1C81")),
    ),
    "of 2026, nine days ago": ("time.not_yet", signed(-6, icvp(dv="2026-11-21"))),
    "of 2026, ten days ago": ("pass", signed(-6, icvp(dv="2026-11-20"))),
    "of 2026, polio yesterday": ("pass", signed(-6, icvp(dv="2026-11-29", vp="PolioProduct1"))),
    "of 2026, a dose of tomorrow": (
        "time.not_yet",
        signed(-6, icvp(dv="2026-12-01", vp="PolioProduct1")),
    ),
    "exp in words": ("pass", signed(-6, ICVP_2026, exp="life of person vaccinated")),
    "exp in French words": ("pass", signed(-6, ICVP_2026, exp="vie entière du sujet vacciné")),
    "exp in other words": ("code.malformed", signed(-6, ICVP_2026, exp="for ever")),
    "exp in words on another kind": (
        "code.malformed",
        signed(3, VACCINATED, exp="life of person vaccinated"),
    ),
    "exp a second ago": ("time.expired", signed(-6, ICVP_2026, exp=int(NOW) - 1)),
    "a date that is none": ("rule.unknown", signed(-6, icvp(dv="31/12/2025"))),
    "a dose without a date": ("rule.unknown", signed(-6, icvp(dv=None))),
    "an end that is no date": ("rule.unknown", signed(-6, icvp(ICVP_2025, "v", vle="for life"))),
    "a vaccination of WHO": ("pass", signed(3, VACCINATED)),
    "its period": ("pass", signed(3, period(VACCINATED, start="2026-10-02", end="2026-11-30"))),
    "its period has ended": ("time.expired", signed(3, period(VACCINATED, end="2026-11-29"))),
    "its period is a moment": (
        "time.expired",
        signed(3, period(VACCINATED, end="2026-11-30T19:59:59+08:00")),
    ),
    "its period begins": ("time.not_yet", signed(3, period(VACCINATED, start="2026-12-01"))),
    "its period is none": ("rule.unknown", signed(3, period(VACCINATED, end="next year"))),
    "a test of WHO": ("pass", signed(4, TESTED)),
    "a link": ("place.link", signed(5, link())),
    "a link of SHL": ("place.link", signed(5, link("shlink:/"))),
    "links in a list": ("place.link", signed(5, [{"u": link()}, {"u": link("shlink:/")}])),
    "a link behind a viewer": (
        "place.link",
        signed(5, "https://viewer.example/#" + link("shlink:/")),
    ),
    "a link that ends later": ("place.link", signed(5, link(exp=int(NOW) + DAY))),
    "a link that has ended": ("time.expired", signed(5, link(exp=int(NOW) - 1))),
    "one of two links has ended": (
        "time.expired",
        signed(5, [{"u": link()}, {"u": link(exp=int(NOW) - 1)}]),
    ),
    "a link to plain http": ("place.document", signed(5, link(url="http://documents.example"))),
    "a link without a key": ("place.document", signed(5, link(key=None))),
    "no link": ("place.document", signed(5, "https://example.org")),
    "another number": ("place.document", signed(2, {"a": 1})),
    "a free number": ("place.document", signed(-42, {"a": 1})),
    "another's -6": ("place.document", signed(-6, {"a": 1})),
    "1 that is no certificate": ("code.malformed", signed(1, "text")),
    "entries that are no list": ("code.malformed", signed(1, {"v": {"tg": 1}})),
    "no claim -260": ("place.document", health_text(cbor2.dumps({1: "XB"}))),
    "another number, expired": ("time.expired", signed(2, {"a": 1}, exp=int(NOW) - 1)),
    "a certificate without an end": ("pass", signed(1, dcc())),
    "a certificate and something else": (
        "pass",
        health_text(cbor2.dumps({-260: {1: dcc(), -42: {"a": 1}}})),
    ),
}


@pytest.mark.parametrize("name", READ)
def test_what_is_signed_is_read_or_named(name: str) -> None:
    """Never "damaged" where the signature holds and the claims are whole."""
    expected, text = READ[name]
    found = answer(text)
    assert (found["reason"] or found["outcome"]) == expected


def with_value(number: int, value: bytes, **claims: Any) -> str:
    """Sign what stands under a number, as bytes of CBOR that need not be of our forms."""
    plain = cbor2.dumps({4: int(NOW) + 60, **claims, -260: {number: "?"}})
    return health_text(plain.replace(cbor2.dumps("?"), value))


WRITTEN_OTHERWISE: Final[Mapping[str, bytes]] = {
    "a date of RFC 8943": cbor2.dumps(cbor2.CBORTag(1004, "2026-10-01")),
    "an identifier": cbor2.dumps(cbor2.CBORTag(37, bytes(16))),
    "a credential of its own": b"\xd2" + cbor2.dumps([b"", {}, b"x", b"y"]),
    "a big number": cbor2.dumps(2**70),
    "undefined": b"\xf7",
    "a simple value": b"\xf8\xff",
    "an open map": b"\xbf\x61a\x01\xff",
    "an open text in an open list": b"\x9f\x7f\x61a\x61b\xff\xff",
    "a number in a longer form": b"\x18\x01",
    "more items": cbor2.dumps([0] * 600),
    "deeper": b"\x81" * 40 + b"\x00",
    "shared references": b"\xd8\x1c\x81\xd8\x1d\x00",
}


@pytest.mark.parametrize("number", [2, -6, 3, -42])
@pytest.mark.parametrize("name", WRITTEN_OTHERWISE)
def test_what_is_written_otherwise_is_genuine_and_not_read(name: str, number: int) -> None:
    """Nor is it decoded; an EU certificate in such forms is wrongly made, and so is the head."""
    value = WRITTEN_OTHERWISE[name]
    found = answer(with_value(number, value))
    assert found["reason"] == "place.document"
    assert (found["claims"]["kind"], found["claims"]["hcert"]) == ("other", None)
    assert answer(with_value(1, value))["reason"] == "code.malformed"
    plain = cbor2.dumps({4: "?", -260: {number: 0}})
    head = health_text(plain.replace(cbor2.dumps("?"), value))
    assert answer(head)["reason"] == "code.malformed"


def test_the_head_of_what_is_not_read_still_counts() -> None:
    """Its end, and a claim beside -260 in a form of its own; what is cut short is malformed."""
    value = WRITTEN_OTHERWISE["an identifier"]
    ended = with_value(2, value)
    assert answer(ended, "2026-11-30T12:01:01Z")["reason"] == "time.expired"
    beside = cbor2.dumps({1: "XB", 169: "?"})
    for payload, reason in (
        (beside.replace(cbor2.dumps("?"), value), "place.document"),
        (b"\xbf" + cbor2.dumps({1: "XB", -260: {2: 0}})[1:] + b"\xff", "place.document"),
        (beside.replace(cbor2.dumps("?"), value)[:-1], "code.malformed"),
        (beside.replace(cbor2.dumps("?"), value) + b"\x00", "code.malformed"),
        (
            cbor2.dumps(dict.fromkeys(range(30), "?")).replace(cbor2.dumps("?"), value),
            "code.malformed",
        ),
    ):
        assert answer(health_text(payload))["reason"] == reason


def test_the_answer_names_the_kind() -> None:
    """Of a link nothing is given out: its key opens somebody's documents."""
    found = answer(signed(-6, ICVP_2026, iss="XB"))["claims"]
    assert (found["kind"], found["hcert"], found["exp"]) == ("ICVP", ICVP_2026, None)
    told = answer(signed(5, link(), iss="XB"))
    assert told["claims"] == {"iss": "XB", "iat": None, "exp": None, "kind": "link", "hcert": None}
    assert KEY not in json.dumps(told)


def test_a_key_bound_to_kinds_of_certificate() -> None:
    """ICVP and WHO's vaccinations need vaccination, WHO's tests test; others sign all."""
    vaccination, test = CertificateUse.VACCINATION, CertificateUse.TEST
    for number, document, use, other in (
        (-6, ICVP_2026, vaccination, test),
        (3, VACCINATED, vaccination, test),
        (4, TESTED, test, vaccination),
    ):
        text = signed(number, document)
        for uses, reason in (((), None), ((use,), None), ((other,), "trust.wrong_use")):
            assert judged(text, uses=frozenset({"credential", *uses})).reason == reason


def judged(
    text: str, *, now: float = NOW, beside: TrustedKey | None = None, **changes: Any
) -> Assessment:
    """Judge a text under a key with a window or uses of its own, and one beside it."""
    values = {"not_before": NOW - 9 * DAY, "not_after": NOW + DAY} | changes
    ring = KeyRing((trusted(**values), *(() if beside is None else (beside,))))
    trust = Trust(version=1, expires=2 * NOW, ring=ring, sectors_enabled=frozenset())
    return assess(
        text,
        known=Known(trust=trust, status=NO_STATUS),
        profile=UNASKED,
        grant=None,
        clock=Clock(now=now),
        seen=VerifiedCredentials(0),
    )


def test_a_certificate_ends_with_its_key() -> None:
    """Without an end of its own, or with a later one; what is shown as its end is the earlier."""
    ends = int(NOW) + DAY
    for exp, shown in ((None, ends), (ends + DAY, ends), (ends - 60, ends - 60)):
        text = signed(1, dcc()) if exp is None else signed(1, dcc(), exp=exp)
        found = judged(text)
        assert (found.reason, found.claims and found.claims.expires) == (None, shown)
    assert judged(signed(1, dcc()), now=ends + 1).reason == "trust.key_expired"


def test_a_key_that_has_ended_still_tells_forged_from_genuine() -> None:
    """Of a genuine one the claims are known, also where a living key shares the kid."""
    ended = NOW + 2 * DAY
    genuine = judged(signed(1, dcc()), now=ended)
    assert (genuine.reason, genuine.claims is None) == ("trust.key_expired", False)
    payload = cbor2.dumps({-260: {1: dcc()}})
    forged = judged(health_text(payload, signer=STRANGER.sign), now=ended)
    assert (forged.reason, forged.claims) == ("signature.bad", None)
    twin = trusted(spki=STRANGER.spki, not_before=0, not_after=2 * NOW)
    shared = judged(signed(1, dcc()), now=ended, beside=twin)
    assert (shared.reason, shared.claims is None) == ("trust.key_expired", False)
    renewed = trusted(not_before=0, not_after=2 * NOW)
    assert judged(signed(1, dcc()), now=ended, beside=renewed).reason is None


def test_issued_before_its_key_began() -> None:
    """Nobody is turned away for it: it is a duty of issuers, and public codes break it."""
    text = signed(1, dcc(), iat=int(NOW) - 10 * DAY, exp=int(NOW) + 60)
    assert judged(text).reason is None
