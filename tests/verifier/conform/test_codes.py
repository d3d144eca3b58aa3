"""`kapok conform codes`: the answer's shape, its steps and claims, pictures, profiles, faults."""

import base64
import io
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from PIL import Image

from tests.support import health
from tests.support.city import City
from tests.support.health import AT, CARDS, COUNTRY, HOUR, card_text, chunks, health_text, jwk
from tests.support.keys import ISSUER
from tests.support.publisher import NOW
from tests.support.signers import certificate
from verifier.barcode.decoded import read_picture
from verifier.barcode.render import symbol, to_png
from verifier.barcode.scan import Finds, find
from verifier.codes.shc import join
from verifier.codes.shown import opens
from verifier.conform.codes import conform_line
from verifier.conform.lines import ProtocolFault
from verifier.contract.reasons import Reason

Answer = Mapping[str, Any]


def b64(data: bytes) -> str:
    """Encode as base64."""
    return base64.b64encode(data).decode()


HC1: Final[dict[str, Any]] = {
    "id": "a",
    "text": health_text(),
    "at": "2023-11-14T22:13:20Z",
    "keys": [{"spki": b64(COUNTRY.spki)}],
}
SHC: Final[dict[str, Any]] = dict(HC1) | {"text": card_text(), "keys": [{"jwk": jwk()}]}
CC1: Final[dict[str, Any]] = dict(HC1) | {
    "text": City().text(),
    "at": NOW,
    "keys": [{"spki": b64(ISSUER.spki)}],
}


def pictures(png: bytes) -> Finds:
    """Read the QR symbols of a picture."""
    return find(read_picture(png), opens)


def moment(seconds: float) -> str:
    """Write Unix seconds as the protocol wants them."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def ask(line: Mapping[str, Any], **changes: Any) -> Answer:
    """Ask a line with some of its members changed; None leaves one out."""
    members = {k: v for k, v in (dict(line) | changes).items() if v is not None}
    if isinstance(members.get("at"), int | float):
        members["at"] = moment(members["at"])
    found: Answer = json.loads(conform_line(json.dumps(members).encode(), pictures))
    return found


def test_a_certificate() -> None:
    """Members in the order of the protocol; the last step that ran is time."""
    found = ask(HC1)
    assert list(found) == [
        *("id", "outcome", "reason", "step", "format", "claims", "steps", "unsure"),
    ]
    assert found == {
        "id": "a",
        "outcome": "pass",
        "reason": None,
        "step": "time",
        "format": "HC1",
        "claims": {"iss": "AT", "iat": AT - HOUR, "exp": AT + HOUR, "hcert": dict(health.DCC)},
        "steps": "oooooss",
        "unsure": None,
    }


def test_a_health_card_whole_and_in_chunks() -> None:
    """The same answer; its claims are the payload."""
    found = ask(SHC)
    assert (found["outcome"], found["format"], found["step"]) == ("pass", "SHC", "time")
    assert found["claims"] == json.loads(health.card())
    assert ask(SHC, text=None, texts=chunks(3)[::-1]) == found
    assert ask(SHC, text=None, texts=[SHC["text"]]) == found


def test_a_city_code() -> None:
    """Claims by their names, bytes in hex; live, on paper, and for a group."""
    found = ask(CC1)
    assert (found["outcome"], found["reason"], found["step"]) == ("pass", None, "time")
    claims = found["claims"]
    assert list(claims) == ["iss", "exp", "iat", "cnf", "kind", "status", "sectors"]
    assert (claims["iss"], claims["kind"], claims["status"]) == ("440100", 1, [1, 77, 501])
    assert claims["sectors"] == {"1": 0, "2": 1, "3": 0, "4": 2}
    assert len(claims["cnf"]["1"]["-2"]) == 64
    assert "cnf" not in ask(CC1, text=City(phone=None).text())["claims"]


def test_claims_are_null_until_signatures_hold() -> None:
    """A bad proof shows none; what has run out shows all."""
    stranger = City(shown_by=COUNTRY).text()
    assert ask(CC1, text=stranger)["claims"] is None
    late = ask(HC1, at=AT + 2 * HOUR)
    assert (late["reason"], late["step"]) == ("time.expired", "time")
    assert late["claims"]["iss"] == "AT"


def test_expiry_and_skew_are_the_formats_own() -> None:
    """HC1 and SHC still hold at exp, CC1 no more; skew of five minutes, and of one."""
    assert ask(HC1, at=AT + HOUR)["outcome"] == "pass"
    assert ask(HC1, at=AT + HOUR + 0.5)["reason"] == "time.expired"
    assert ask(HC1, at=AT - HOUR - 300)["outcome"] == "pass"
    assert ask(HC1, at=AT - HOUR - 301)["reason"] == "time.not_yet"
    paper = City(phone=None, expires=NOW)
    assert ask(CC1, text=paper.text())["reason"] == "time.expired"
    ahead = City(phone=None, issued_at=NOW + 60)
    assert ask(CC1, text=ahead.text())["outcome"] == "pass"
    assert ask(CC1, text=City(phone=None, issued_at=NOW + 61).text())["reason"] == "time.not_yet"


def test_revoked_ids() -> None:
    """Asked for cards only; then status has run."""
    for entries, reason in (
        (["MKyCxh7p6uQ"], "status.revoked"),
        ([f"MKyCxh7p6uQ.{AT}"], "status.revoked"),
        ([f"MKyCxh7p6uQ.{AT - HOUR}"], None),
        ([], None),
    ):
        found = ask(SHC, revoked_rids=entries)
        assert (found["reason"], found["step"]) == (reason, "status")
    assert ask(HC1, revoked_rids=["MKyCxh7p6uQ"])["step"] == "time"


def test_signed_claims_nested_without_end() -> None:
    """Nothing that was signed ends the answer to its line."""
    for depth in (65, 400, 900, 100_000):
        deep = health.card(x=0).replace(b'"x": 0', b'"x": ' + b"[" * depth + b"]" * depth)
        found = ask(SHC, text=card_text(deep))
        assert (found["reason"], found["claims"]) == ("code.malformed", None)


def test_an_unknown_format_and_a_missing_key() -> None:
    """The step that refused; no format where none was recognised."""
    found = ask(HC1, text="HTTPS://example.org")
    assert (found["outcome"], found["reason"], found["step"]) == (
        "deny",
        "format.unknown",
        "recognise",
    )
    assert (found["format"], found["claims"]) == (None, None)
    assert ask(HC1, keys=[])["reason"] == "trust.unknown_key"
    assert ask(HC1, keys=[])["step"] == "keys"


@pytest.mark.parametrize(
    ("texts", "form"),
    [(chunks(3)[:2], "SHC"), ([card_text()] * 2, "SHC"), ([health_text()] * 2, "HC1")],
)
def test_chunks_that_make_no_card(texts: list[str], form: str) -> None:
    """Malformed, at decoding."""
    found = ask(SHC, text=None, texts=texts)
    assert (found["reason"], found["step"], found["format"]) == ("code.malformed", "decode", form)


PROFILE: Final[Mapping[str, Any]] = {
    "place": "hall-1",
    "stance": "closed",
    "formats": ["CC1", "HC1", "SHC"],
    "static": ["HC1", "SHC"],
    "rules": {"country": "XX"},
}


def test_a_profile_is_judged() -> None:
    """Formats and paper as at a gate; the last step is the profile. Rules are not in the line."""
    found = ask(HC1, profile=PROFILE)
    assert (found["reason"], found["step"]) == ("rule.unknown", "profile")
    city = {"place": "hall-1", "stance": "open", "formats": ["CC1"]}
    refused = ask(HC1, profile=city)
    assert (refused["reason"], refused["step"]) == ("place.format", "profile")


def test_a_profile_knows_no_plane() -> None:
    """Closed refuses what it cannot look up; open passes and says what was unsure."""
    closed = ask(CC1, profile=PROFILE)
    assert (closed["outcome"], closed["reason"]) == ("deny", "status.unknown")
    opened = ask(CC1, profile=dict(PROFILE) | {"stance": "open"})
    assert (opened["outcome"], opened["reason"], opened["step"]) == (
        "pass",
        "status.unknown",
        "profile",
    )


def picture(*texts: str) -> str:
    """Draw symbols side by side; base64 of a PNG."""
    drawn = [Image.open(io.BytesIO(to_png(symbol(text)))).convert("L") for text in texts]
    width, height = sum(d.width for d in drawn), max([d.height for d in drawn] or [64])
    sheet = Image.fromarray(np.full((height, max(width, 64)), 255, np.uint8))
    at = 0
    for each in drawn:
        sheet.paste(each, (at, 0))
        at += each.width
    out = io.BytesIO()
    sheet.save(out, "PNG")
    return b64(out.getvalue())


def test_pictures() -> None:
    """One code; a poster beside it; two codes; none; no picture at all."""
    code = health_text()
    found = ask(HC1, text=None, png=picture(code))
    assert (found["outcome"], found["text"]) == ("pass", code)
    assert list(found)[-1] == "text"
    assert ask(HC1, text=None, png=picture(code, "https://example.org"))["text"] == code
    several = ask(HC1, text=None, png=picture(code, health_text(health.claims(dob="1991-01-01"))))
    assert (several["reason"], several["text"]) == ("picture.several", None)
    card = chunks(3)
    shown = ask(SHC, text=None, png=picture(*card[::-1], "https://example.org"))
    assert (shown["outcome"], shown["text"]) == ("pass", join(card))
    assert ask(SHC, text=None, png=picture(*card[1:]))["reason"] == "code.malformed"
    others = picture(card[0], chunks(2)[0])
    assert ask(SHC, text=None, png=others)["reason"] == "picture.several"
    assert ask(HC1, text=None, png=picture())["reason"] == "picture.none"
    assert ask(HC1, text=None, png=b64(b"no picture"))["reason"] == "picture.none"


BAD: Final[Mapping[str, tuple[Mapping[str, Any], ProtocolFault]]] = {
    "no input": ({"text": None}, ProtocolFault.INPUT),
    "two inputs": ({"texts": ["HC1:"]}, ProtocolFault.INPUT),
    "text is a number": ({"text": 1}, ProtocolFault.INPUT),
    "no chunks": ({"text": None, "texts": []}, ProtocolFault.INPUT),
    "a chunk that is none": ({"text": None, "texts": [1]}, ProtocolFault.INPUT),
    "png is no base64": ({"text": None, "png": "-_"}, ProtocolFault.INPUT),
    "no moment": ({"at": None}, ProtocolFault.AT),
    "a moment that is none": ({"at": "yesterday"}, ProtocolFault.AT),
    "no keys": ({"keys": None}, ProtocolFault.KEYS),
    "keys are an object": ({"keys": {}}, ProtocolFault.KEYS),
    "a key of no kind": ({"keys": [{}]}, ProtocolFault.KEYS),
    "a key of two kinds": (
        {"keys": [{"spki": b64(COUNTRY.spki), "jwk": jwk()}]},
        ProtocolFault.KEYS,
    ),
    "a key that is none": ({"keys": [{"x5c": b64(b"0")}]}, ProtocolFault.KEYS),
    "a kid that is no hex": (
        {"keys": [{"spki": b64(COUNTRY.spki), "kid": "xy"}]},
        ProtocolFault.KEYS,
    ),
    "a private key": ({"keys": [{"jwk": jwk() | {"d": "AA"}}]}, ProtocolFault.KEYS_PRIVATE),
    "a profile that is none": ({"profile": []}, ProtocolFault.PROFILE),
    "a profile without stance": ({"profile": {"place": "hall-1"}}, ProtocolFault.PROFILE),
    "rids are text": ({"revoked_rids": "a"}, ProtocolFault.REVOKED_RIDS),
    "a rid that is none": ({"revoked_rids": ["base64=="]}, ProtocolFault.REVOKED_RIDS),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_lines(name: str) -> None:
    """Answered with the id and a fault, and nothing else."""
    changes, fault = BAD[name]
    assert ask(HC1, **changes) == {"id": "a", "error": fault.value}


def test_members_that_the_protocol_does_not_name_are_passed_over() -> None:
    """A comment changes nothing."""
    assert ask(HC1, comment="a test of time") == ask(HC1)


def test_every_reason_of_an_answer_is_of_the_table() -> None:
    """The words of the protocol are the product's own."""
    assert Reason(ask(HC1, keys=[])["reason"]) is Reason.TRUST_UNKNOWN_KEY


def test_keys_by_kid() -> None:
    """Bytes in hex for HC1 and CC1, text as it is for cards; the stated one alone counts."""
    stated = [{"spki": b64(COUNTRY.spki), "kid": COUNTRY.kid.hex()}]
    assert ask(HC1, keys=stated)["outcome"] == "pass"
    other = [{"spki": b64(COUNTRY.spki), "kid": "00" * 8}]
    assert ask(HC1, keys=other)["reason"] == "trust.unknown_key"
    card = [{"spki": b64(CARDS.spki), "kid": health.thumbprint()}]
    assert ask(SHC, keys=card)["outcome"] == "pass"
    assert ask(SHC, keys=[{"spki": b64(CARDS.spki)}])["outcome"] == "pass"
    assert ask(CC1, keys=[{"jwk": jwk(ISSUER)}])["outcome"] == "pass"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"use": "sig", "alg": "ES256"}, None),
        ({"kid": health.thumbprint()}, None),
        ({"kid": "another"}, "trust.unknown_key"),
        ({"use": "enc"}, "trust.wrong_use"),
        ({"alg": "ES384"}, "trust.wrong_use"),
        ({"key_ops": ["verify"]}, None),
        ({"key_ops": ["sign", "verify"], "use": "sig"}, None),
        ({"key_ops": ["encrypt"]}, "trust.wrong_use"),
        ({"key_ops": []}, "trust.wrong_use"),
        ({"key_ops": "verify"}, "trust.wrong_use"),
    ],
)
def test_keys_that_say_what_they_are_for(changes: Mapping[str, Any], reason: str | None) -> None:
    """A key spoils only the codes that name it."""
    assert ask(SHC, keys=[{"jwk": jwk() | changes}])["reason"] == reason


@pytest.mark.parametrize(
    ("line", "limits", "reason"),
    [
        (HC1, {"uses": ["credential", "vaccination"]}, None),
        (HC1, {"uses": ["credential", "vaccination", "test"]}, None),
        (HC1, {"uses": ["credential", "test"]}, "trust.wrong_use"),
        (HC1, {"uses": ["vaccination"]}, "trust.wrong_use"),
        (HC1, {"uses": ["credential"]}, None),
        (SHC, {"issuer": "https://other.example/cards"}, "trust.wrong_issuer"),
        (SHC, {"issuer": health.ISSUER}, None),
    ],
)
def test_limits_beside_a_key_only_narrow(
    line: Mapping[str, Any], limits: Mapping[str, Any], reason: str | None
) -> None:
    """Kinds of certificates among the uses bind it, and an issuer that is another's lets none."""
    assert ask(line, keys=[line["keys"][0] | limits])["reason"] == reason


def test_limits_widen_no_certificate() -> None:
    """One that may attest tests alone signs no vaccination, whatever the line says beside it."""
    leaf = certificate(uses=("1.3.6.1.4.1.1847.2021.1.1",))
    tests_only = {"x5c": b64(leaf), "kid": COUNTRY.kid.hex()}
    for uses in ([], ["credential"], ["credential", "vaccination"]):
        assert ask(HC1, keys=[tests_only | {"uses": uses}])["reason"] == "trust.wrong_use"


def test_a_jwk_of_an_issuer_is_not_made_anothers() -> None:
    """The address of its certificate counts beside the line's own word."""
    leaf = certificate(CARDS, address="https://other.example/cards")
    stated = {"jwk": dict(jwk()) | {"x5c": [b64(leaf)]}}
    assert ask(SHC, keys=[stated])["reason"] == "trust.wrong_issuer"
    assert ask(SHC, keys=[stated | {"issuer": health.ISSUER}])["reason"] == "trust.wrong_issuer"


def test_keys_of_a_curve_that_signs_nothing() -> None:
    """Known by its kid, and nothing holds under it; a good one beside it still does."""
    public = ec.generate_private_key(ec.SECP384R1()).public_key()
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    unfit = {"spki": b64(der), "kid": COUNTRY.kid.hex()}
    assert ask(HC1, keys=[unfit])["reason"] == "signature.bad"
    assert ask(HC1, keys=[unfit, *HC1["keys"]])["outcome"] == "pass"


@pytest.mark.parametrize(
    "key", [{"spki": "é"}, {"x5c": ["é"]}, {"x5c": "é"}, {"jwk": {"x5c": ["é"]}}]
)
def test_base64_that_is_no_ascii_is_a_fault(key: dict[str, Any]) -> None:
    """Not an exception: the line is answered like any other bad one."""
    assert ask(CC1, keys=[key])["error"] == ProtocolFault.KEYS
