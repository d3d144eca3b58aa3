"""A code taken apart, format by format: its parts in hex, what each is, what it seems to claim.

Nothing here is verified, and nothing here decides: `report` says what the steps answered. A text
that stops being a code is taken apart as far as it goes, and what stopped it is said.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from deploy.inspection.diagnostic import diagnose, members
from deploy.inspection.words import printable, utc
from verifier.codes import city, cose, hcert, shc
from verifier.codes.formats import FORMATS, recognise
from verifier.contract.envelope import Algorithm, byte_string_head
from verifier.contract.errors import MalformedError
from verifier.contract.vocabulary import Format
from verifier.encoding import base45
from verifier.encoding.inflate import RAW, inflate
from verifier.encoding.strict_json import unbase64url
from verifier.errors import Refusal

MAX_SHOWN_CHARS: Final = 64 * 1024
"""Characters of a document that is shown: a card's FHIR bundle takes some thousands."""
_BOM: Final = "\ufeff"
_TIMES: Final = {"1": None, "4": "expires", "5": "not before", "6": "issued"}
_CLAIMS: Final = {
    "1": "iss, the issuer",
    "4": "exp, expires",
    "5": "nbf, not before",
    "6": "iat, issued",
    "8": "cnf, the holder's key",
    "-70001": "{1: kind, 2: status, 3: sectors, 4: group}",
    "-260": "hcert, the certificate",
}
_PROOF: Final = {"3": "aud, shown for", "6": "iat, made at", "7": "cti, random"}
_HIDDEN: Final = "a link: its key opens somebody's documents, so no part of this code is shown"
_ALGORITHMS: Final = {int(algorithm): algorithm.name for algorithm in Algorithm}


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvelopePart:
    """A piece of the envelope as it stood."""

    name: str
    data: bytes
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One thing that a code says, written down."""

    label: str
    name: str
    value: str


@dataclass(slots=True, kw_only=True)
class Anatomy:
    """What could be taken apart."""

    format: Format | None = None
    hints: list[str]
    parts: list[EnvelopePart]
    claims: list[Claim]
    proof: list[Claim]
    stopped: str | None = None
    """Why it could not be taken apart any further."""


def take_apart(text: str) -> Anatomy:
    """Take a text apart; never raises for what it is."""
    found = Anatomy(hints=list(_hints(text)), parts=[], claims=[], proof=[])
    row = recognise(text)
    if row is None:
        found.stopped = "it begins like no format that is known: " + ", ".join(
            known.prefix for known in FORMATS
        )
        return found
    found.format = row.format
    if len(text) > row.max_text:
        found.stopped = f"{len(text)} characters; no {row.format} code has more than {row.max_text}"
        return found
    try:
        _READERS[row.format](text, found)
    except MalformedError as error:
        found.stopped = str(error)
    except Refusal:
        pass  # its Reason says it; what there was to see stands in the parts
    return found


def _hints(text: str) -> list[str]:
    """Say what often goes wrong between a code and a file, without repairing it."""
    hints = []
    if text.startswith(_BOM):
        hints.append("it begins with a byte order mark: save the file without one")
    if text != text.strip():
        hints.append("there is white space at an end; a space is a character of base45")
    bare = text.lstrip(_BOM).strip()
    prefix = next(
        (row.prefix for row in FORMATS if bare.upper().startswith(row.prefix.upper())), ""
    )
    if prefix and not bare.startswith(prefix):
        hints.append(f"the prefix is {prefix}, exactly so")
    if prefix and prefix != shc.PREFIX and "%20" in bare:
        hints.append("%20 stands in it: some sender wrote a space as addresses do")
    if prefix and prefix != shc.PREFIX and any(c.islower() for c in bare[len(prefix) :]):
        hints.append("it has small letters, and base45 has none")
    return hints


def _base45(text: str, found: Anatomy) -> bytes:
    body = text[4:]
    strange = [i for i, c in enumerate(body) if ord(c) > 0x7F or ord(c) not in base45.ALPHABET]
    if strange:
        at = strange[0]
        raise MalformedError(
            f"not base45: {len(strange)} characters outside the alphabet, the first is"
            f" {printable(body[at], 1)} (U+{ord(body[at]):04X}) at character {at + 5}"
        )
    data = base45.decode(body)
    found.parts.append(
        EnvelopePart(
            name="base45", data=data, meaning=f"{len(body)} characters to {len(data)} bytes"
        )
    )
    return data


def _city(text: str, found: Anatomy) -> None:
    data = _base45(text, found)
    try:
        code = city.decode(text)
    except Refusal:
        found.parts.append(_written("as CBOR", data))
        raise
    proof = code.proof
    if proof is not None:
        head = proof.protected[: len(proof.protected) - len(code.identity)]
        found.parts += [
            EnvelopePart(
                name="tag, array", data=data[:2], meaning="COSE_Sign1 (18): a presentation"
            ),
            EnvelopePart(
                name="proof header",
                data=head,
                meaning=f"{{1: {_algorithm(proof.protected[2])}, 13: the credential that follows}}",
            ),
        ]
    else:
        found.parts.append(
            EnvelopePart(name="tag", data=data[:1], meaning="COSE_Sign1 (18): a credential")
        )
    found.parts += [
        EnvelopePart(
            name="credential header",
            data=code.protected,
            meaning=f"{{1: {_algorithm(code.protected[2])}, 4: kid {code.kid.hex()}}}",
        ),
        EnvelopePart(name="claims", data=code.payload, meaning=_sized(code.payload)),
        EnvelopePart(
            name="issuer's signature", data=code.signature, meaning="r then s, or Ed25519"
        ),
    ]
    found.claims += _claims(code.payload, _CLAIMS)
    if proof is not None:
        found.parts += [
            EnvelopePart(name="proof", data=proof.payload, meaning=_sized(proof.payload)),
            EnvelopePart(
                name="phone's signature", data=proof.signature, meaning="over header and proof"
            ),
        ]
        found.proof += _claims(proof.payload, _PROOF)


def _algorithm(byte: int) -> str:
    number = 0x1F - byte
    return f"alg {number} {_ALGORITHMS.get(number, 'unknown')}"


def _sized(data: bytes) -> str:
    return f"{len(data)} bytes of CBOR"


def _written(name: str, data: bytes) -> EnvelopePart:
    return EnvelopePart(name=name, data=b"", meaning=printable(diagnose(data), MAX_SHOWN_CHARS))


def _health(text: str, found: Anatomy) -> None:
    packed = _base45(text, found)
    data = inflate(packed, limit=hcert.MAX_COSE_BYTES)
    if hcert.holds_link(data):
        found.parts.clear()
        found.claims.append(Claim(label="-260", name=_CLAIMS["-260"], value=_HIDDEN))
        return
    found.parts.append(
        EnvelopePart(
            name="inflated", data=data, meaning=f"zlib, {len(packed)} bytes to {len(data)}"
        )
    )
    try:
        parts = cose.take_apart(data)
    except MalformedError:
        found.parts.append(_written("as CBOR", data))
        raise
    head = len(byte_string_head(len(parts.protected))) + len(parts.protected)
    tail = sum(len(byte_string_head(len(p))) + len(p) for p in (parts.payload, parts.signature))
    tags = data[: data.index(b"\x84") + 1]
    unprotected = data[len(tags) + head : len(data) - tail]
    name = _ALGORITHMS.get(parts.algorithm or 0, "not taken")
    found.parts += [
        EnvelopePart(name="tags, array", data=tags, meaning="COSE_Sign1, its tag, perhaps CWT's"),
        EnvelopePart(
            name="protected header",
            data=parts.protected,
            meaning=f"{_header(parts.protected)}: alg {parts.algorithm} {name}",
        ),
        EnvelopePart(
            name="unprotected header",
            data=unprotected,
            meaning=f"{_header(unprotected)}; its alg never counts",
        ),
        EnvelopePart(
            name="kid", data=parts.kid, meaning="SHA-256 of the signer's certificate, 8 bytes"
        ),
        EnvelopePart(name="claims", data=parts.payload, meaning=_sized(parts.payload)),
        EnvelopePart(
            name="signature", data=parts.signature, meaning=f"{len(parts.signature)} bytes"
        ),
    ]
    found.claims += _claims(parts.payload, _CLAIMS)


def _header(encoded: bytes) -> str:
    return diagnose(encoded) if encoded else "empty"


def _claims(payload: bytes, names: dict[str, str]) -> list[Claim]:
    """Write claims down one by one; as a whole where they are no plain map."""
    try:
        found = list(members(payload))
    except MalformedError:
        return [Claim(label="", name="claims", value=printable(diagnose(payload), MAX_SHOWN_CHARS))]
    return [
        Claim(label=label, name=names.get(label, ""), value=_value(label, value))
        for label, value in found
    ]


def _value(label: str, encoded: bytes) -> str:
    written = printable(diagnose(encoded), MAX_SHOWN_CHARS)
    if _TIMES.get(label) and written.isdecimal():
        return f"{written} = {utc(int(written))}"
    return written


def _card(text: str, found: Anatomy) -> None:
    chunk = shc.chunk_of(text)
    if chunk is not None:
        raise MalformedError(f"chunk {chunk[0]} of {chunk[1]}: the others are missing")
    header = unbase64url(shc.characters(text).partition(".")[0])
    shown = printable(header.decode("utf-8", "replace"), MAX_SHOWN_CHARS)
    found.parts.append(EnvelopePart(name="header", data=header, meaning=shown))
    code = shc.decode(text)
    found.parts += [
        EnvelopePart(name="kid", data=b"", meaning=printable(code.kid, MAX_SHOWN_CHARS)),
        EnvelopePart(name="payload", data=code.payload, meaning="raw DEFLATE of JSON"),
        EnvelopePart(name="signature", data=code.signature, meaning="ES256, r then s"),
    ]
    document = inflate(code.payload, limit=shc.MAX_PAYLOAD_BYTES, framing=RAW)
    shown = printable(document.decode("utf-8", "replace"), MAX_SHOWN_CHARS)
    found.claims.append(Claim(label="", name=f"JSON, {len(document)} bytes", value=shown))


_READERS: Final[dict[Format, Callable[[str, Anatomy], None]]] = {
    Format.CC1: _city,
    Format.HC1: _health,
    Format.SHC: _card,
}
