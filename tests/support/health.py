"""Issuers of HC1 certificates and SMART Health Cards, edited in one line per test.

`health_text(edit=…)` and `card_text(…)` sign the real way with fixed keys; each step that a faulty
issuer may take is an argument. Nothing of the verifier's own readers is used to write.
"""

import base64
import hashlib
import json
import zlib
from collections.abc import Callable, Mapping
from typing import Any, Final

import cbor2

from tests.support import rawcbor as raw
from tests.support.keys import key
from verifier.encoding import base45
from verifier.issuing.signing_key import SigningKey

COUNTRY: Final = key("a country's signer")
CARDS: Final = key("an issuer of health cards")
AT: Final = 1_700_000_000
"""The second at which both are judged."""
HOUR: Final = 3600
ISSUER: Final = "https://issuer.example/cards"

DCC: Final[Mapping[str, Any]] = {
    "ver": "1.3.0",
    "nam": {"fn": "Đặng", "gn": "Zoë", "fnt": "DANG", "gnt": "ZOE"},
    "dob": "1990-01-31",
    "v": [
        {
            "tg": "840539006",
            "dn": 2,
            "sd": 2,
            "ci": "URN:UVCI:01:AT:10807843F94AEE0EE5093FBC254BD813#B",
        }
    ],
}
CLAIMS: Final[Mapping[int, Any]] = {
    1: "AT",
    4: AT + HOUR,
    6: AT - HOUR,
    -260: {1: dict(DCC)},
}
CARD: Final[Mapping[str, Any]] = {
    "iss": ISSUER,
    "nbf": AT - HOUR + 0.5,
    "vc": {
        "type": ["https://smarthealth.cards#health-card"],
        "credentialSubject": {
            "fhirVersion": "4.0.1",
            "fhirBundle": {"resourceType": "Bundle", "type": "collection", "entry": []},
        },
        "rid": "MKyCxh7p6uQ",
    },
}
DOSE: Final[Mapping[str, Any]] = {
    "resourceType": "Immunization",
    "status": "completed",
    "vaccineCode": {"coding": [{"system": "http://hl7.org/fhir/sid/cvx", "code": "207"}]},
    "patient": {"reference": "resource:0"},
    "occurrenceDateTime": "2023-09-01",
}
"""A dose on a health card."""
Edit = Callable[[bytes], bytes]


def same(data: bytes) -> bytes:
    """Leave bytes as they are."""
    return data


def dcc(**changes: Any) -> dict[str, Any]:
    """Return a certificate's document; a member changed to None is left out."""
    return {k: v for k, v in (dict(DCC) | changes).items() if v is not None}


def claims(changes: Mapping[int, Any] | None = None, **document: Any) -> bytes:
    """Encode the claims of a certificate; a claim changed to None is left out."""
    values = dict(CLAIMS) | {-260: {1: dcc(**document)}} | dict(changes or {})
    return cbor2.dumps({k: v for k, v in values.items() if v is not None})


def protected(kid: bytes | None = COUNTRY.kid, algorithm: int = -7) -> bytes:
    """Encode a protected header."""
    pairs = [(raw.integer(1), raw.integer(algorithm))]
    if kid is not None:
        pairs.append((raw.integer(4), raw.data(kid)))
    return raw.mapping(pairs)


def cose(
    payload: bytes,
    *,
    header: bytes | None = None,
    unprotected: bytes = b"\xa0",
    tags: bytes = b"\xd2",
    signer: Callable[[bytes], bytes] = COUNTRY.sign,
) -> bytes:
    """Sign a COSE_Sign1."""
    header = protected() if header is None else header
    structure = raw.array(
        (raw.text("Signature1"), raw.data(header), raw.data(b""), raw.data(payload))
    )
    signature = signer(structure)
    parts = (raw.data(header), unprotected, raw.data(payload), raw.data(signature))
    return tags + raw.array(parts)


def health_text(payload: bytes | None = None, *, edit: Edit = same, **sign: Any) -> str:
    """Make an HC1 text; `edit` is a step on the signed bytes before they are compressed."""
    signed = cose(claims() if payload is None else payload, **sign)
    return hc1(zlib.compress(edit(signed)))


def hc1(compressed: bytes) -> str:
    """Write compressed bytes as an HC1 text."""
    return "HC1:" + base45.encode(compressed)


def b64(data: bytes) -> str:
    """Encode as base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def jwk(signer: SigningKey = CARDS) -> dict[str, str]:
    """Return a key's public JSON Web Key, without kid, use and alg."""
    point = signer._private.public_key().public_numbers()
    x, y = (b64(n.to_bytes(32, "big")) for n in (point.x, point.y))
    return {"crv": "P-256", "kty": "EC", "x": x, "y": y}


def thumbprint(signer: SigningKey = CARDS) -> str:
    """Return a key's RFC 7638 thumbprint."""
    return b64(hashlib.sha256(json.dumps(jwk(signer), separators=(",", ":")).encode()).digest())


def header(**changes: Any) -> dict[str, Any]:
    """Return a card's header; a member changed to None is left out."""
    values = {"zip": "DEF", "alg": "ES256", "kid": thumbprint()} | changes
    return {k: v for k, v in values.items() if v is not None}


def card(changes: Mapping[str, Any] | None = None, **vc: Any) -> bytes:
    """Encode a card's payload; a member changed to None is left out."""
    credential = {k: v for k, v in (dict(CARD["vc"]) | vc).items() if v is not None}
    values = dict(CARD) | {"vc": credential} | dict(changes or {})
    return json.dumps({k: v for k, v in values.items() if v is not None}).encode()


def persons_card(family: str, rid: str = "MKyCxh7p6uQ") -> bytes:
    """Encode the payload of somebody's card, which differs from anybody else's all over."""
    noise = hashlib.sha512(family.encode()).hexdigest() * 2
    patient = {"resourceType": "Patient", "birthDate": "1990-01-31", "name": [{"family": family}]}
    before, after = (dict(DOSE) | {"id": n} for n in (noise, noise[::-1]))
    entry = [{"resource": resource} for resource in (before, patient, after)]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entry}
    return card(credentialSubject={"fhirVersion": "4.0.1", "fhirBundle": bundle}, rid=rid)


def deflated(data: bytes) -> bytes:
    """Compress as raw DEFLATE."""
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return stream.compress(data) + stream.flush()


def jws(
    payload: bytes | None = None,
    *,
    head: bytes | None = None,
    compress: Edit = deflated,
    signer: Callable[[bytes], bytes] = CARDS.sign,
) -> str:
    """Sign a compact JWS over a compressed payload."""
    head = json.dumps(header()).encode() if head is None else head
    signed = f"{b64(head)}.{b64(compress(card() if payload is None else payload))}"
    return f"{signed}.{b64(signer(signed.encode()))}"


def digits(text: str) -> str:
    """Write characters as pairs of digits."""
    return "".join(f"{ord(character) - 45:02}" for character in text)


def card_text(payload: bytes | None = None, **sign: Any) -> str:
    """Make the text of a health card in one piece."""
    return "shc:/" + digits(jws(payload, **sign))


def chunks(number: int, payload: bytes | None = None) -> list[str]:
    """Make the texts of a health card in numbered pieces."""
    signed = jws(payload)
    size = -(-len(signed) // number)
    pieces = [signed[at : at + size] for at in range(0, len(signed), size)]
    return [f"shc:/{n}/{number}/{digits(piece)}" for n, piece in enumerate(pieces, 1)]
