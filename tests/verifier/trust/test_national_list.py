"""Lists of countries: bare keys by kid, rows with any names, windows and uses as written."""

import base64
import codecs
import json
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.support.health import AT, COUNTRY, jwk
from tests.support.keys import STRANGER, key
from tests.support.signers import VACCINATION, as_json, certificate, kid64, packed, pem
from verifier.contract.vocabulary import CertificateUse, Format
from verifier.trust.keys import spki_of
from verifier.trust.lists import Offer, read_signers

KID: Final = packed(b"8 bytes!")
SHORT_KID: Final = packed(b"Key1RE")
"""A kid of six bytes, which base64 writes without padding."""
DER: Final = certificate(uses=(VACCINATION,))
B64: Final = packed(DER)
SPKI: Final = packed(COUNTRY.spki)
POINT: Final = {name: packed(base64.urlsafe_b64decode(jwk(COUNTRY)[name] + "=")) for name in "xy"}
WINDOW: Final = {"notBefore": "2023-11-13T22:13:20.000Z", "notAfter": "2023-11-15T22:13:20.000Z"}


def one(content: Any) -> Offer:
    """Return the one key that a list offers."""
    found = read_signers(as_json(content), "a list")
    assert len(found.offers) == 1, found.unusable
    return found.offers[0]


BARE: Final[dict[str, Any]] = {
    "a text": {KID: SPKI},
    "PEM": {KID: pem(COUNTRY.spki, "PUBLIC KEY").decode()},
    "an object": {KID: {"serialNumber": "01", "subject": "C=AT", "publicKeyPem": SPKI}},
    "objects in a list": {KID: [{"subjectPk": SPKI, "ian": "AT", "san": "", "keyUsage": []}]},
    "inside an object": {"old_keys": [], "local": {}, "all_keys": {KID: [{"subjectPk": SPKI}]}},
    "coordinates": {KID: [{"use": "sig", "alg": "ES256", "n": None, "crv": "P-256", **POINT}]},
    "rows with a kid": [{"kid": KID, "publicKey": SPKI}],
    "rows with a key id": {"certs": [{"keyId": KID, "alg": "ES256", "crv": "P-256", **POINT}]},
    "rows in another language": [{"clave": KID, "publica": SPKI, "pais": "AT"}],
    "a name without padding": {"OCBieXRlcyE": SPKI, KID: SPKI},
    "web keys under a kid of codes": [{"kty": "EC", "crv": "P-256", "kid": KID, **POINT}],
}


@pytest.mark.parametrize("shape", BARE)
def test_a_bare_key_under_a_kid_is_a_signer_of_codes(shape: str) -> None:
    """Under the kid that is stated, for any issuer, without a window."""
    found = read_signers(as_json(BARE[shape]), "a list")
    assert (bool(found.offers), found.unusable) == (True, ())
    for offer in found.offers:
        assert (offer.format, offer.kid) == (Format.HC1, b"8 bytes!")
        assert offer.public == COUNTRY._private.public_key()
        assert (offer.issuer, offer.uses, offer.fingerprint) == (None, frozenset(), None)
        assert (offer.not_before, offer.not_after) == (None, None)


@pytest.mark.parametrize(
    ("members", "window"),
    [
        (WINDOW, (AT - 86_400, AT + 86_400)),
        ({"notAfter": "2023-11-15 22:13:20"}, (None, AT + 86_400)),
        ({"notAfter": "2023-11-16T06:13:20+08:00"}, (None, AT + 86_400)),
        ({"validFrom": AT, "validTo": AT + 60}, (AT, AT + 60)),
        ({"validFrom": AT * 1000, "validUntil": AT * 1000 + 60_000}, (AT, AT + 60)),
        ({"notAfter": None}, (None, None)),
    ],
)
def test_windows(members: dict[str, Any], window: tuple[float | None, float | None]) -> None:
    """In text of ISO 8601, seconds or milliseconds."""
    offer = one({KID: {"pk": SPKI, **members}})
    assert (offer.not_before, offer.not_after) == window


@pytest.mark.parametrize("stated", ["soon", -1, True, [], {}, "2023-13-01", 1e300])
def test_a_window_that_cannot_be_read_costs_no_key(stated: Any) -> None:
    """It is said."""
    offer = one({KID: {"pk": SPKI, "notAfter": stated}})
    assert (offer.not_after, len(offer.lost)) == (None, 1)


@pytest.mark.parametrize(
    ("member", "stated", "uses"),
    [
        ("use", "sig", set()),
        ("use", "", set()),
        ("keyUsage", [], set()),
        ("use", "v", {"vaccination"}),
        ("use", "tvr", {"test", "vaccination", "recovery"}),
        ("keyUsage", ["t", "v"], {"test", "vaccination"}),
        ("usage", ["Recovery"], {"recovery"}),
        ("use", "enc", None),
        ("use", "l", None),
        ("keyUsage", ["keyEncipherment"], None),
        ("use", 7, None),
    ],
)
def test_uses(member: str, stated: Any, uses: set[str] | None) -> None:
    """In letters and words; a key for something else is passed over."""
    found = read_signers(as_json({KID: {"pk": SPKI, member: stated}}), "a list")
    if uses is None:
        assert (found.offers, [item.passed_over for item in found.unusable]) == ((), [True])
    else:
        assert [offer.uses for offer in found.offers] == [{CertificateUse(use) for use in uses}]


def test_an_rsa_key_by_its_numbers() -> None:
    """As one country writes it: the algorithm of another signature, a modulus with a zero."""
    private = rsa.generate_private_key(65_537, 2048)
    numbers = private.public_key().public_numbers()
    n = packed(b"\0" + numbers.n.to_bytes(256, "big"))
    row = {"use": "sig", "alg": "RS256", "n": n, "e": "AQAB", "crv": None, "x": None, "y": None}
    offer = one({KID: [row]})
    assert spki_of(offer.public) == spki_of(private.public_key())


CERTIFIED: Final[dict[str, Any]] = {
    "names in another language": [{"numero": "ab" * 32, "llave": kid64(DER), "certificado": B64}],
    "names that base64 can be read of": [{"certyfikat": B64, "abcd": "x"}],
    "a name of eleven letters": [{"credentials": B64, "signature11": "AA"}],
    "one object": {"certyfikat": B64},
    "named certificates": {"signer-of-AT": B64, "credentials": B64},
    "a kid and words about the list": {kid64(DER): B64, "issuedAt": "2026", "version": 7},
    "beside a signature of the row": [{"x": B64, "y": "MEUCIQ" + "A" * 80}],
    "words beside the list": {"certificates": [{"rawData": B64}], "countries": ["AT", "DE"]},
    "words in lists": {"lists": {kid64(DER): B64}, "countries": ["AT", "DE"]},
    "PEM in a row": [{"zertifikat": pem(DER).decode()}],
}


@pytest.mark.parametrize("shape", CERTIFIED)
def test_a_name_of_a_member_is_no_kid(shape: str) -> None:
    """A certificate is found by what it is, and its kid is its own where none is stated."""
    found = read_signers(as_json(CERTIFIED[shape]), "a list")
    assert {(offer.kid, offer.format) for offer in found.offers} == {
        (base64.b64decode(kid64(DER)), Format.HC1)
    }
    assert all(item.passed_over for item in found.unusable)


def test_every_row_keeps_its_own_kid() -> None:
    """A list of 30 signers is 30 kids."""
    ders = [certificate(key(f"signer {number}")) for number in range(30)]
    rows = [{"identyfikatorKlucza": kid64(der), "certyfikat": packed(der)} for der in ders]
    found = read_signers(as_json(rows), "a list")
    assert [packed(offer.kid) for offer in found.offers] == [kid64(der) for der in ders]


KEY_BESIDE: Final[dict[str, Any]] = {
    "a key under other names": [{"clave": KID, "x509": B64, "publica": SPKI, "country": "AT"}],
    "another's key": [{"kid": KID, "x509": B64, "k": packed(STRANGER.spki), "country": "AT"}],
    "in an object": {KID: {"x509": B64, "publicKey": SPKI, "country": "AT"}},
}


@pytest.mark.parametrize("shape", KEY_BESIDE)
def test_a_certificate_and_its_key_are_one_signer(shape: str) -> None:
    """The row's kid and country stay; the certificate counts."""
    found = read_signers(as_json(KEY_BESIDE[shape]), "a list")
    assert [(o.kid, o.issuer, o.fingerprint is None) for o in found.offers] == [
        (b"8 bytes!", "AT", False)
    ]
    assert found.unusable == ()


def test_a_certificate_and_its_key_without_a_kid() -> None:
    """The country stays."""
    offer = one([{"x509": B64, "publica": SPKI, "country": "AT"}])
    assert (packed(offer.kid), offer.issuer) == (kid64(DER), "AT")


def test_an_authority_beside_its_signer() -> None:
    """The certificate that has the kid signs; where none has, the row is refused by name."""
    authority = packed(certificate(STRANGER))
    row = {"llave": kid64(DER), "csca": authority, "dsc": B64}
    assert packed(one([row]).kid) == kid64(DER)
    found = read_signers(as_json([row | {"llave": KID}]), "a list")
    assert (found.offers, ["several" in item.why for item in found.unusable]) == ((), [True])


def test_a_kid_of_another_length_beside_kids() -> None:
    """Six bytes have no padding that would show it."""
    found = read_signers(as_json({KID: SPKI, SHORT_KID: {"pk": SPKI}}), "a list")
    assert {offer.kid for offer in found.offers} == {b"8 bytes!", b"Key1RE"}


@pytest.mark.parametrize(
    "content",
    [
        {KID: {"pk": "AAAA"}},
        {KID: {}},
        {KID: {"pk": SPKI[:-8]}},
        {"countries": ["AT", "DE"]},
        {"a": {"b": {"c": {"d": {"e": {KID: SPKI}}}}}},
        [{"note": "none"}],
        [{"a": SPKI}],
        [{}],
    ],
)
def test_what_is_no_list(content: Any) -> None:
    """No key is made up."""
    found = read_signers(as_json(content), "a list")
    assert [offer for offer in found.offers if offer.format is not None] == []


MARKS: Final = {
    "UTF-8": (codecs.BOM_UTF8, "utf-8"),
    "UTF-16, little end first": (codecs.BOM_UTF16_LE, "utf-16-le"),
    "UTF-16, big end first": (codecs.BOM_UTF16_BE, "utf-16-be"),
}


@pytest.mark.parametrize("mark", MARKS)
@pytest.mark.parametrize("content", [json.dumps({kid64(DER): B64}), pem(DER).decode()])
def test_a_byte_order_mark(mark: str, content: str) -> None:
    """What an editor puts before a list is no part of it."""
    before, encoding = MARKS[mark]
    found = read_signers(before + content.encode(encoding), "a list")
    assert (len(found.offers), found.unusable) == (1, ())


def test_a_mark_behind_a_signature() -> None:
    """The list is in the second line, and its mark too."""
    found = read_signers(b"MEUCIQ==\n" + codecs.BOM_UTF8 + as_json({kid64(DER): B64}), "a list")
    assert len(found.offers) == 1
