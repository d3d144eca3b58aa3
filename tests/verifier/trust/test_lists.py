"""Lists of signers: every published shape offers the same key; what cannot be used is named."""

import base64
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.health import AT, CARDS, COUNTRY, ISSUER
from tests.support.keys import key
from tests.support.signers import (
    P384,
    VACCINATION,
    as_json,
    certificate,
    kid64,
    packed,
    pem,
    web_key,
)
from verifier.contract.bundle import MAX_KEYS
from verifier.contract.vocabulary import CertificateUse, Format
from verifier.trust.lists import MAX_LIST_BYTES, offered_ring, read_signers

DER: Final = certificate(uses=(VACCINATION,))
B64: Final = packed(DER)
KID: Final = kid64(DER)
HEX_KID: Final = base64.b64decode(KID).hex()
GATEWAY: Final = {
    "kid": KID,
    "timestamp": "2021-07-01T02:00:00+02:00",
    "country": "AT",
    "certificateType": "DSC",
    "thumbprint": "00",
    "signature": "AA==",
    "rawData": B64,
}
CERTIFICATES: Final[dict[str, bytes]] = {
    "DER": DER,
    "PEM": pem(DER),
    "PEM after text": b"subject=AT\n" + pem(DER),
    "object of kid": as_json({KID: B64}),
    "object of kid, hex": as_json({HEX_KID: B64}),
    "object of kid, list of certificates": as_json({KID: [B64]}),
    "object of kid, PEM": as_json({KID: pem(DER).decode()}),
    "object of kid, PEM in base64": as_json({KID: packed(pem(DER))}),
    "object inside an object": as_json({"certificatesDCC": {KID: B64}}),
    "list of pairs": as_json([{KID: B64}]),
    "list of certificates": as_json([B64]),
    "list of kid and certificate": as_json([{"kid": KID, "certificate": B64}]),
    "gateway": as_json([GATEWAY]),
    "gateway behind its signature": b"MEUCIQ==\n" + as_json({"certificates": [GATEWAY]}),
}


@pytest.mark.parametrize("shape", CERTIFICATES)
def test_every_shape_offers_the_same_certificate(shape: str) -> None:
    """Key, kid, window, uses, name and fingerprint."""
    found = read_signers(CERTIFICATES[shape], "a list")
    assert found.unusable == ()
    (offer,) = found.offers
    assert (offer.kid, offer.format) == (base64.b64decode(KID), Format.HC1)
    assert (offer.not_before, offer.not_after) == (AT - 86_400, AT + 86_400)
    assert offer.uses == {CertificateUse.VACCINATION}
    stated = "AT" if "gateway" in shape else None
    assert (offer.name, offer.issuer) == ("AT signer one", stated)
    assert offer.fingerprint is not None
    assert offer.fingerprint[:8] == offer.kid


@pytest.mark.parametrize(
    ("stated", "issuer"),
    [("AT", "AT"), ("at", "AT"), ("EL", "GR"), ("GR", "GR"), ("UK", "GB"), ("ATX", None),
     ("", None), (7, None), (None, None), ("A1", None)],
)  # fmt: skip
def test_a_country_is_the_issuer_of_its_signers(stated: object, issuer: str | None) -> None:
    """As the gateway's list states it, in ISO's name; what is no country binds nobody."""
    (offer,) = read_signers(as_json([GATEWAY | {"country": stated}]), "a list").offers
    assert offer.issuer == issuer


def test_a_kid_as_stated_counts() -> None:
    """Codes carry what the list says, also where it is not the certificate's."""
    found = read_signers(as_json({packed(b"another1"): B64, packed(b"short"): B64}), "a list")
    assert [offer.kid for offer in found.offers] == [b"another1", b"short"]


def test_a_key_set() -> None:
    """A bare key names no issuer; its certificate does. Both count while they are published."""
    with_chain = web_key(CARDS, x5c=[packed(certificate(CARDS, address=ISSUER))])
    bare, certified = read_signers(as_json({"keys": [web_key(CARDS), with_chain]}), "a set").offers
    assert (bare.format, bare.issuer, bare.not_after) == (Format.SHC, None, None)
    assert (certified.issuer, certified.not_after) == (ISSUER, None)
    assert certified.fingerprint is not None
    assert bare.kid == certified.kid == CARDS.kid


def test_a_directory_of_issuers() -> None:
    """Each row names whose keys follow."""
    rows = [
        {"issuer": {"iss": ISSUER, "name": "A clinic"}, "keys": [web_key(CARDS)]},
        {"issuer": {"name": "nobody"}, "keys": []},
    ]
    found = read_signers(as_json({"issuerInfo": rows}), "a directory")
    assert [(o.issuer, o.name) for o in found.offers] == [(ISSUER, "A clinic")]
    assert len(found.unusable) == 1


def test_a_bare_public_key_says_nothing_of_a_format() -> None:
    """It may be looked at codes with, never imported."""
    for data in (COUNTRY.spki, pem(COUNTRY.spki, "PUBLIC KEY")):
        (offer,) = read_signers(data, "a key").offers
        assert (offer.format, offer.kid) == (None, COUNTRY.kid)


UNUSABLE: Final[dict[str, Any]] = {
    "nothing": b"",
    "text": b"hello",
    "a number": b"7",
    "an empty object": b"{}",
    "a key twice": b'{"a": "x", "a": "y"}',
    "cut short": as_json({KID: B64})[:-40],
    "a broken PEM": pem(DER)[:-30],
    "a private key": COUNTRY.to_pem(),
    "a private JSON Web Key": as_json({"keys": [web_key(CARDS, d="AAAA")]}),
    "a number for a certificate": as_json({KID: 7}),
    "not base64": as_json({KID: "ÄÖÜ"}),
    "a kid that is no text": as_json([{"kid": 7, "certificate": B64}]),
    "DER of something else": b"\x30\x03\x02\x01\x05",
    "longer than any": b" " * (MAX_LIST_BYTES + 1),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_what_offers_no_key(name: str) -> None:
    """It is named, and offers nothing."""
    found = read_signers(UNUSABLE[name], "a list")
    assert found.offers == ()
    assert [item.passed_over for item in found.unusable] == [False]


def test_a_bad_entry_spoils_only_itself() -> None:
    """The good ones around it are offered."""
    other = certificate(key("another signer"))
    found = read_signers(as_json({KID: B64, "AAAA": "AAAA", kid64(other): packed(other)}), "l")
    assert (len(found.offers), len(found.unusable)) == (2, 1)


def test_certificates_that_sign_no_codes_are_passed_over() -> None:
    """The gateway's list holds authorities too."""
    found = read_signers(as_json([GATEWAY, {**GATEWAY, "certificateType": "CSCA"}]), "a list")
    assert len(found.offers) == 1
    assert [item.passed_over for item in found.unusable] == [True]


@pytest.mark.parametrize(
    "members", [{"use": "enc"}, {"key_ops": ["encrypt"]}, {"alg": "ECDH-ES"}, {"key_ops": []}]
)
def test_a_web_key_for_something_else_is_passed_over(members: dict[str, Any]) -> None:
    """In a set and in a directory, as in a country's list: it is no fault of theirs."""
    keys = [web_key(CARDS), web_key(COUNTRY, **members)]
    row = {"issuer": {"iss": "https://clinic.example"}, "keys": keys}
    for content in ({"keys": keys}, {"issuerInfo": [row]}):
        found = read_signers(as_json(content), "a list")
        assert (len(found.offers), [item.passed_over for item in found.unusable]) == (1, [True])


def test_no_more_entries_than_a_bundle_holds() -> None:
    """The rest is said to be left out."""
    found = read_signers(as_json([1] * (MAX_KEYS + 5)), "a list")
    assert len(found.unusable) == MAX_KEYS + 1


def test_a_ring_of_offers() -> None:
    """Under kid and thumbprint, for every format; what can sign none is named."""
    data = as_json({KID: B64, kid64(certificate(P384)): packed(certificate(P384))})
    ring, unfit = offered_ring(read_signers(data, "a list").offers)
    (trusted,) = ring.find(base64.b64decode(KID))
    assert trusted.uses == {"credential", "vaccination"}
    assert (trusted.not_after, trusted.lists, len(ring)) == (AT + 86_400, None, 2)
    assert len(unfit) == 1


@given(st.binary(max_size=200), st.sampled_from(sorted(CERTIFICATES)), st.integers(0, 400))
def test_nothing_raises(noise: bytes, shape: str, at: int) -> None:
    """Whatever stands in a list, or in the middle of one."""
    read_signers(noise, "noise")
    whole = CERTIFICATES[shape]
    read_signers(whole[:at] + noise[:3] + whole[at:], "a spoilt list")
    read_signers(whole[:at], "a list cut short")
