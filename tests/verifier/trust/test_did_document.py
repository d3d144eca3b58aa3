"""DID documents of WHO's trust network: v2 with its parts, v1, references; keys by `x5c[0]`."""

import base64
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support import data_folder
from tests.support.command_line import kapok
from tests.support.health import AT, COUNTRY, b64, jwk
from tests.support.keys import STRANGER, key
from tests.support.signers import P384, VACCINATION, as_json, certificate, kid64, packed
from verifier.contract.vocabulary import CertificateUse, Format
from verifier.trust.keys import thumbprint
from verifier.trust.lists import SignerList, read_signers

DER: Final = certificate(uses=(VACCINATION,))
V2: Final = "did:web:tng.example.org:v2:trustlist"
V1: Final = "did:web:tng.example.org:trustlist"


def long(name: str) -> str:
    """Write a coordinate with a byte too many, as most of such lists do."""
    return b64(b"\0" + base64.urlsafe_b64decode(jwk(COUNTRY)[name] + "="))


def method(path: str, der: bytes = DER, kid: str | None = None, **more: Any) -> dict[str, Any]:
    """Publish a key; its numbers are written as lists do, for which readers differ."""
    stated = kid64(der) if kid is None else kid
    web_key = {"kty": "EC", "crv": "P-256", "x": long("x"), "y": long("y"), "kid": stated}
    return {
        "id": f"{path}#{stated}",
        "type": "JsonWebKey2020",
        "controller": V2,
        "publicKeyJwk": {**web_key, "x5c": [packed(der), packed(certificate(STRANGER))]} | more,
    }


def document(*methods: Any, **members: Any) -> SignerList:
    """Read a document of these methods."""
    whole = {
        "@context": ["https://www.w3.org/ns/did/v1"],
        "id": V2,
        "controller": V2,
        "verificationMethod": list(methods),
        "proof": {"type": "JsonWebSignature2020", "created": "2026-11-29T17:05:01Z", "jws": "a..b"},
    }
    return read_signers(as_json(whole | members), "did.json")


def test_a_signer_of_codes() -> None:
    """Key, kid, window and uses are the certificate's; the participant is part of the name."""
    found = document(method(f"{V2}:DCC:XXA:DSC"))
    assert len(found.offers) == 1
    offer = found.offers[0]
    assert (offer.format, offer.kid, found.unusable) == (
        Format.HC1,
        base64.b64decode(kid64(DER)),
        (),
    )
    assert thumbprint(offer.public)[:8] == COUNTRY.kid
    assert (offer.not_before, offer.not_after) == (AT - 86_400, AT + 86_400)
    assert offer.uses == {CertificateUse.VACCINATION}
    assert (offer.issuer, offer.name) == (None, "XXA AT signer one")
    assert offer.lost == ()


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (f"{V2}:ICVP:XXA:DSC", "XXA AT signer one"),
        (f"{V2}:IPS-PILGRIMAGE:XXH:DSC", "XXH AT signer one"),
        (f"{V1}:xxa", "XXA AT signer one"),
        (f"{V2}:-:-:DSC", "AT signer one"),
        (f"{V2}:DCC:-:DSC", "AT signer one"),
        (f"{V2}:-:XXA:DSC", "XXA AT signer one"),
        (f"{V1}:null", "AT signer one"),
        ("did:web:another.example:keys", "AT signer one"),
    ],
)
def test_participants(path: str, name: str) -> None:
    """By the id, in any version; where no participant is stated, that is said."""
    found = document(method(path))
    assert len(found.offers) == 1
    offer = found.offers[0]
    assert (offer.name, offer.issuer) == (name, None)
    assert bool(offer.lost) == (name == "AT signer one")


@pytest.mark.parametrize("usage", ["SCA", "UP", "TLS", "DECA", "DESC", "dsc2"])
def test_other_usages_sign_no_codes(usage: str) -> None:
    """They are passed over by name."""
    der = certificate(P384)
    found = document(method(f"{V2}:DCC:XXA:{usage}", der, crv="UNKNOWN CURVE"))
    assert (len(found.offers), len(found.unusable)) == (0, 1)
    item = found.unusable[0]
    assert (item.passed_over, usage in item.why, "XXA" in item.where) == (True, True, True)


@pytest.mark.parametrize("path", ["DCC:-:-", "-:-:-", "DCC:XXA:-", "DCC:XXA", "DCC:XXA:", "::"])
def test_a_list_over_all_usages_offers_nothing(path: str) -> None:
    """It holds authorities' keys too, and its ids do not say which; v1 has signers alone."""
    found = document(method(f"{V2}:{path}"))
    assert (found.offers, [item.passed_over for item in found.unusable]) == ((), [False])
    assert "what its key is for" in found.unusable[0].why


WRAPPED: Final[dict[str, Any]] = {
    "in an answer of a resolver": lambda *keys: {"didDocument": {"verificationMethod": [*keys]}},
    "two documents": lambda *keys: [{"verificationMethod": [one]} for one in keys],
    "under another relation": lambda *keys: {"id": V2, "assertionMethod": [*keys]},
    "one method alone": lambda *keys: {"verificationMethod": keys[0], "more": [*keys[1:]]},
}


@pytest.mark.parametrize("name", WRAPPED)
def test_a_method_is_read_by_its_usage_wherever_it_stands(name: str) -> None:
    """An authority's certificate is offered to nobody, however a list was put together."""
    authority = method(f"{V2}:DCC:XXA:SCA", certificate(key("authority")))
    found = read_signers(as_json(WRAPPED[name](method(f"{V2}:DCC:XXA:DSC"), authority)), "l")
    assert [offer.name for offer in found.offers] == ["XXA AT signer one"]
    assert ["SCA" in item.why for item in found.unusable if "usage" in item.why] == [True]


def test_kids_as_stated() -> None:
    """Of another length, twice, in the id alone, percent-encoded; none: the certificate's."""
    other = certificate(key("another"))
    short, twin = packed(b"6bytes"), packed(b"twinkid1")
    bare = method(f"{V1}:xxa")
    del bare["publicKeyJwk"]["kid"]
    encoded = {**bare, "id": bare["id"].replace("=", "%3D").replace("/", "%2F")}
    none = {**bare, "id": f"{V1}:xxa"}
    null, number = method(f"{V2}:DCC:XXA:DSC", kid=short), method(f"{V2}:DCC:XXA:DSC", kid=twin)
    null["publicKeyJwk"]["kid"], number["publicKeyJwk"]["kid"] = None, 7
    found = document(
        method(f"{V2}:DCC:XXA:DSC", kid=short),
        method(f"{V2}:DCC:XXA:DSC", kid=twin),
        method(f"{V2}:DCC:XXA:DSC", other, kid=twin),
        bare,
        encoded,
        none,
        null,
        number,
    )
    kid = base64.b64decode(kid64(DER))
    assert [offer.kid for offer in found.offers] == [
        b"6bytes",
        b"twinkid1",
        b"twinkid1",
        kid,
        kid,
        kid,
        b"6bytes",
        b"twinkid1",
    ]


def test_references_are_passed_over_and_named() -> None:
    """Beside keys and alone: where the keys are is said, and it is no fault of the list."""
    reference = f"{V2}:ICVP:XXA:TLS"
    address = "https://tng.example.org/v2/trustlist/ICVP/XXA/TLS/did.json"
    mixed = document(reference, method(f"{V2}:ICVP:XXA:DSC"))
    assert len(mixed.offers) == 1
    alone = document(reference, "did:web:host.example%3A8443", "urn:other")
    assert alone.offers == ()
    assert [item.passed_over for item in (*mixed.unusable, *alone.unusable)] == [True] * 4
    assert [address in item.why for item in (mixed.unusable[0], alone.unusable[0])] == [True, True]
    assert "https://host.example:8443/.well-known/did.json" in alone.unusable[1].why
    assert "holds" in alone.unusable[0].why


@pytest.mark.parametrize(
    "broken",
    [
        7,
        {},
        {"id": 7, "publicKeyJwk": []},
        method(f"{V2}:DCC:XXA:DSC", x5c=[]),
        method(f"{V2}:DCC:XXA:DSC", x5c=["AAAA"]),
        method(f"{V2}:DCC:XXA:DSC", kid="!"),
        {"id": f"{V2}:DCC:XXA:DSC#a", "publicKeyJwk": {"kty": "EC"}},
    ],
)
def test_a_bad_entry_spoils_only_itself(broken: Any) -> None:
    """The good one beside it is offered; without a certificate no key is taken."""
    found = document(broken, method(f"{V2}:DCC:XXA:DSC"))
    assert (len(found.offers), [item.passed_over for item in found.unusable]) == (1, [False])


def test_an_import_says_how_old_the_list_is(tmp_path: Path) -> None:
    """And that its proof is not checked; references alone are no failure."""
    data = data_folder.made(tmp_path)
    path = tmp_path / "did.json"
    proof = {"created": "2026-11-29T17:05:01Z"}
    for methods in ([method(f"{V2}:DCC:XXA:DSC")], [f"{V2}:DCC:XXA:DSC"]):
        path.write_bytes(as_json({"id": V2, "verificationMethod": methods, "proof": proof}))
        done = kapok("trust", "import", path, "--data", data)
        assert done.code == 0
        assert "2026-11-29T17:05:01Z" in done.out
        assert "not checked" in done.out
