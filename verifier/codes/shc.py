"""SMART Health Cards (shc:/, framework 1.4): digits to a compact JWS to claims.

Two digits per character, ES256 only, payload raw DEFLATE of JSON. A card may come in numbered
chunks (`shc:/2/3/…`), one symbol each; `join` puts them in order, all of one total, each once. The
signature is checked over the text as it stands; only then is the payload inflated and read, so
that of unverified bytes only the short header meets a JSON reader. The medical content (FHIR) is
not judged here: a profile's rules ask what a place needs.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from typing import Any, Final

import msgspec

from verifier.codes.claims import Claims
from verifier.contract.envelope import Algorithm
from verifier.contract.errors import MalformedError
from verifier.contract.reasons import Reason
from verifier.contract.scan import MAX_CHUNKS
from verifier.contract.vocabulary import DocumentForm, Format, Kind
from verifier.encoding.dates import numeric_date
from verifier.encoding.inflate import RAW, inflate
from verifier.encoding.strict_json import read_json, unbase64url
from verifier.errors import Refusal
from verifier.trust.keys import VerifyKey

PREFIX: Final = "shc:/"
MAX_TEXT: Final = 20_000
"""Characters, chunks joined; three full symbols take 6,600."""
MAX_HEADER_CHARS: Final = 1024
"""Characters of the encoded header; alg, zip and kid take 112."""
MAX_PAYLOAD_BYTES: Final = 256 * 1024
"""Bytes inflated; a card of three symbols holds 30 KB."""
MAX_RID_CHARS: Final = 24
"""Characters of a revocation id (framework, "Revocation")."""
REMEMBERED_HEADERS: Final = 1024
"""Headers kept read; every card of an issuer's key has the same one."""

HEALTH_CARD: Final = "https://smarthealth.cards#health-card"
RID: Final = re.compile(rf"[A-Za-z0-9_-]{{1,{MAX_RID_CHARS}}}")

_CARD: Final = re.compile(r"shc:/(?:([1-9][0-9]?)/([1-9][0-9]?)/)?((?:[0-9]{2})+)")
_CHUNK: Final = re.compile(r"shc:/([1-9][0-9]?)/([1-9][0-9]?)/")
_OFFSET: Final = ord("-")
"""A pair of digits is the character's code less this."""
_LAST_PAIR: Final = ord("z") - _OFFSET
"""77: no character of a JWS comes after z."""
_ISSUER: Final = re.compile(r"https://[^\s/?#]+(?:/[^\s?#]*)?(?<!/)")


class UnverifiedCard(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A health card taken apart; nothing of it is verified."""

    kid: str
    identity: str
    """The compact JWS."""
    signed: bytes
    """Header and payload as they stand in the JWS."""
    payload: bytes
    """Compressed."""
    signature: bytes
    proof: None = None
    format: Format = Format.SHC

    def holds(self, key: VerifyKey) -> bool:
        """Say whether the issuer's signature holds; only ES256 is allowed."""
        return key.algorithm == Algorithm.ES256 and key.verify(self.signed, self.signature)

    def claims(self) -> Claims:
        """Read the claims; only after the signature holds.

        Raises:
            MalformedError: they are not those of a health card.
        """
        payload = read_json(inflate(self.payload, limit=MAX_PAYLOAD_BYTES, framing=RAW))
        return read_claims(payload, self.kid)


def chunk_of(text: str) -> tuple[int, int] | None:
    """Return number and total of a text that is one chunk of several, or None."""
    found = _CHUNK.match(text)
    return None if found is None or found[2] == "1" else (int(found[1]), int(found[2]))


def is_issuer(address: str) -> bool:
    """Say whether an address can be the `iss` of a card."""
    return _ISSUER.fullmatch(address) is not None


def join(texts: Iterable[str]) -> str:
    """Put the chunks of one card, in any order, into one text; one whole card stays what it is.

    Raises:
        Refusal: CODE_MALFORMED: chunks missing, doubled, of different totals, or not chunks.
    """
    listed = list(texts)
    if len(listed) == 1:
        return listed[0]
    if not 1 <= len(listed) <= MAX_CHUNKS or sum(map(len, listed)) > MAX_TEXT:
        raise Refusal(Reason.CODE_MALFORMED)
    chunks: dict[int, str] = {}
    for text in listed:
        found = _CARD.fullmatch(text)
        if found is None or found[2] is None or int(found[2]) != len(listed):
            raise Refusal(Reason.CODE_MALFORMED)
        chunks[int(found[1])] = found[3]
    if chunks.keys() != set(range(1, len(listed) + 1)):
        raise Refusal(Reason.CODE_MALFORMED)
    return PREFIX + "".join(chunks[number] for number in sorted(chunks))


def gather(texts: Sequence[str]) -> str:
    """Return the one text that was read: itself, or that of a card's chunks, whatever their order.

    What makes no card comes back as a text that decodes as none, the same in any order, so that
    whoever judges it refuses it for what it is.
    """
    if len(texts) == 1:
        return texts[0]
    try:
        return join(texts)
    except Refusal:
        return "\n".join(sorted(texts, key=lambda text: (chunk_of(text) is None, text)))


def of_one_card(texts: Collection[str]) -> bool:
    """Say whether texts can be chunks of one card: all of one total, each number once."""
    chunks = [chunk_of(text) for text in texts]
    found = {chunk for chunk in chunks if chunk is not None}
    return len(found) == len(chunks) and len({total for _, total in found}) == 1


def whole_chunk_of(text: str) -> tuple[int, int] | None:
    """Return number and total of a text that has all the form of a chunk; its others may come."""
    chunk = chunk_of(text)
    possible = chunk is not None and chunk[0] <= chunk[1] and _CARD.fullmatch(text) is not None
    return chunk if possible else None


def decode(text: str) -> UnverifiedCard:
    """Take the text of a whole card apart.

    Raises:
        Refusal: CODE_MALFORMED, CODE_UNSUPPORTED_ALG.
    """
    try:
        return _take_apart(characters(text))
    except MalformedError as error:
        raise Refusal(Reason.CODE_MALFORMED) from error


def characters(text: str) -> str:
    """Turn pairs of digits into the characters of the JWS."""
    found = _CARD.fullmatch(text)
    if found is None or found[2] not in (None, "1") or found[1] not in (None, "1"):
        raise MalformedError("not the digits of one card")
    digits = found[3].encode()
    pairs = [10 * a + b - 11 * 0x30 for a, b in zip(digits[::2], digits[1::2], strict=True)]
    if max(pairs) > _LAST_PAIR:
        raise MalformedError("a pair of digits past the alphabet")
    return bytes(pair + _OFFSET for pair in pairs).decode("ascii")


def _take_apart(jws: str) -> UnverifiedCard:
    parts = jws.split(".")
    if len(parts) != 3 or len(parts[0]) > MAX_HEADER_CHARS:
        raise MalformedError("not a compact JWS")
    header, payload, signature = parts
    return UnverifiedCard(
        kid=_kid(header),
        identity=jws,
        signed=jws[: len(header) + 1 + len(payload)].encode(),
        payload=unbase64url(payload),
        signature=_signature(signature),
    )


def _signature(encoded: str) -> bytes:
    signature = unbase64url(encoded)
    if len(signature) != 64:
        raise MalformedError("a signature that is not r and s")
    return signature


@lru_cache(maxsize=REMEMBERED_HEADERS)
def _kid(encoded: str) -> str:
    """Read the header and return its kid.

    Raises:
        MalformedError: not a header of a health card.
        Refusal: CODE_UNSUPPORTED_ALG.
    """
    header = read_json(unbase64url(encoded))
    if not isinstance(header, dict) or "crit" in header:
        raise MalformedError("not a header, or one that nobody here understands")
    if header.get("alg") != "ES256":
        raise Refusal(Reason.CODE_UNSUPPORTED_ALG)
    kid = header.get("kid")
    if header.get("zip") != "DEF" or not isinstance(kid, str):
        raise MalformedError("a header without compression or kid")
    return kid


def read_claims(payload: Any, kid: str) -> Claims:
    """Read the payload of a card whose signature holds.

    Raises:
        MalformedError: it is not the payload of a health card.
    """
    if not isinstance(payload, dict):
        raise MalformedError("a payload that is not an object")
    issuer, credential = payload.get("iss"), payload.get("vc")
    if not isinstance(issuer, str) or not is_issuer(issuer):
        raise MalformedError("an issuer that is not an https address without a slash at its end")
    if not isinstance(credential, dict):
        raise MalformedError("no credential")
    types, subject = credential.get("type"), credential.get("credentialSubject")
    if not isinstance(types, list) or HEALTH_CARD not in types:
        raise MalformedError("a credential of another type")
    if (
        not isinstance(subject, dict)
        or not isinstance(subject.get("fhirVersion"), str)
        or not isinstance(subject.get("fhirBundle"), dict)
    ):
        raise MalformedError("a credential without its bundle")
    return Claims(
        format=Format.SHC,
        kind=Kind.PERSONAL,
        issuer=issuer,
        issued_at=numeric_date(payload["iat"]) if "iat" in payload else None,
        expires=numeric_date(payload["exp"]) if "exp" in payload else None,
        not_before=numeric_date(payload.get("nbf")),
        holder=None,
        card=(kid, _rid(credential)),
        document=payload,
        form=DocumentForm.CARD,
    )


def _rid(credential: dict[str, Any]) -> str | None:
    if "rid" not in credential:
        return None
    rid = credential["rid"]
    if not isinstance(rid, str) or RID.fullmatch(rid) is None:
        raise MalformedError("not a revocation id")
    return rid
