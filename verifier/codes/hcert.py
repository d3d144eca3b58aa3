"""HC1: electronic health certificates (HCERT 1.1.1, hcert-spec 1.0.8), text to claims.

base45 of a zlib stream of a COSE_Sign1 of CWT claims. ES256 and PS256 only; an uncompressed
payload is refused. Claims are decoded after the signature holds, by a general decoder, but only
once one linear pattern has walked them: no tag but 0 and 1 (dates, taken as what they hold), no
indefinite or over-long form, a bounded number of items. Depth, duplicate keys and bytes after the
end are the decoder's own refusals. What the certificate is, `health_documents` reads. Where no EU
certificate is among them, what breaks these forms is genuine and not read (`unread_claims`).

`exp` may be missing: the end is then the key's, or the document's own. In its place stand, of an
ICVP alone, two sayings that mean a whole life.
"""

import io
import re
from typing import Any, Final

import cbor2
import msgspec

from verifier.codes import cose
from verifier.codes.claims import Claims
from verifier.codes.health_documents import HealthDocument, read_document
from verifier.codes.unread_claims import head_of
from verifier.contract.cbor import MAX_DEPTH, Grammar, scan
from verifier.contract.envelope import Algorithm
from verifier.contract.errors import MalformedError
from verifier.contract.reasons import Reason
from verifier.contract.vocabulary import DocumentForm, Format, Kind
from verifier.encoding import base45
from verifier.encoding.dates import numeric_date
from verifier.encoding.inflate import inflate
from verifier.errors import Refusal
from verifier.trust.keys import VerifyKey

PREFIX: Final = "HC1:"
MAX_TEXT: Final = 4296
"""Characters; what the largest QR symbol holds in its alphanumeric mode."""
MAX_COSE_BYTES: Final = 16 * 1024
"""Bytes inflated; real certificates take 300 to 700."""
MAX_ITEMS: Final = 512
"""Data items of the claims; real certificates have about 50."""

ISS: Final = 1
EXP: Final = 4
NBF: Final = 5
IAT: Final = 6
HCERT: Final = -260
FOR_LIFE: Final = frozenset({"life of person vaccinated", "vie entière du sujet vacciné"})
"""What the requirements of ICVP write into `exp` where a certificate has no end."""
_LINK: Final = re.compile(rb"hlink:/", re.IGNORECASE)
"""Of vhlink:/ and shlink:/, how a link begins."""

_DCC: Final = DocumentForm.DCC
_ALGORITHMS: Final = frozenset({Algorithm.ES256, Algorithm.PS256})
_GRAMMAR: Final = Grammar(
    max_items=MAX_ITEMS, tags=frozenset({0, 1}), floats=True, ordered_keys=False
)


def _strings(major: int) -> bytes:
    """Write the pattern of all byte or text strings of up to 255 bytes, shortest heads only."""
    short = [rb"\x%02x[\x00-\xff]{%d}" % (major << 5 | n, n) for n in range(24)]
    longer = [rb"\x%02x[\x00-\xff]{%d}" % (n, n) for n in range(24, 256)]
    return b"|".join(short) + rb"|\x%02x(?:" % (major << 5 | 24) + b"|".join(longer) + b")"


# What `scan` takes item by item, for the items that certificates are made of: a tenth of its time.
_ITEMS: Final = re.compile(
    rb"(?:" + _strings(3) + rb"|[\x00-\x17\x20-\x37\x80-\x97\xa0-\xb7\xf4-\xf6]"
    rb"|[\x18\x38\x98\xb8][\x18-\xff]|[\x19\x39](?!\x00)[\x00-\xff]{2}"
    rb"|[\x1a\x3a](?!\x00\x00)[\x00-\xff]{4}|\xfa[\x00-\xff]{4}|\xfb[\x00-\xff]{8}"
    rb"|[\xc0\xc1](?![\xc0\xc1])|" + _strings(2) + rb"){1,%d}+" % MAX_ITEMS
)


class UnverifiedHealth(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An HC1 code taken apart; nothing of it is verified."""

    kid: bytes
    identity: bytes
    """The COSE_Sign1 as inflated."""
    algorithm: int
    protected: bytes
    payload: bytes
    signature: bytes
    proof: None = None
    format: Format = Format.HC1

    def holds(self, key: VerifyKey) -> bool:
        """Say whether the issuer's signature holds; the header's algorithm must be the key's."""
        if key.algorithm != self.algorithm:
            return False
        return key.verify(cose.to_be_signed(self.protected, self.payload), self.signature)

    def claims(self) -> Claims:
        """Read the claims; only after the signature holds.

        Raises:
            MalformedError: they break the grammar, or are not those of a certificate.
        """
        return read_claims(self.payload)


def decode(text: str) -> UnverifiedHealth:
    """Take an HC1 text apart.

    Raises:
        Refusal: CODE_MALFORMED, CODE_UNSUPPORTED_ALG.
    """
    try:
        data = inflate(base45.decode(text[len(PREFIX) :]), limit=MAX_COSE_BYTES)
        parts = cose.take_apart(data)
    except MalformedError as error:
        raise Refusal(Reason.CODE_MALFORMED) from error
    if parts.algorithm not in _ALGORITHMS:
        raise Refusal(Reason.CODE_UNSUPPORTED_ALG)
    return UnverifiedHealth(
        kid=parts.kid,
        identity=data,
        algorithm=parts.algorithm,
        protected=parts.protected,
        payload=parts.payload,
        signature=parts.signature,
    )


def holds_link(data: bytes) -> bool:
    """Say whether bytes hold a link: its key opens a person's documents, and is never shown."""
    return _LINK.search(data) is not None


def carries_link(text: str) -> bool:
    """Say whether a text is a link, or an HC1 code that holds one; nothing is verified."""
    if not text.startswith(PREFIX):
        return holds_link(text.encode("utf-8", "replace"))
    try:
        return holds_link(inflate(base45.decode(text[len(PREFIX) :]), limit=MAX_COSE_BYTES))
    except MalformedError:
        return False


def read_claims(payload: bytes) -> Claims:
    """Read the claims of a certificate whose signature holds.

    Raises:
        MalformedError: they break the grammar; a time or an issuer that is none.
    """
    try:
        found = _decode(payload)
    except MalformedError:
        head = head_of(payload)
        if head is None:
            raise
        found = _decode(head)  # another kind of document, written in a way that is not read
    if not isinstance(found, dict):
        raise MalformedError("claims that are not a map")
    issuer = found.get(ISS)
    if issuer is not None and not isinstance(issuer, str):
        raise MalformedError("an issuer that is not text")
    document = read_document(found.get(HCERT))
    expires = _expires(found, document)
    issued_at = numeric_date(found[IAT]) if IAT in found else None
    return Claims(
        format=Format.HC1,
        kind=Kind.PERSONAL,
        issuer=issuer,
        issued_at=issued_at,
        expires=expires,
        not_before=numeric_date(found[NBF]) if NBF in found else None,
        holder=None,
        uses=document.uses,
        document=_shown(document, issuer, issued_at, expires),
        form=document.form,
        validity=document.validity,
        dose=document.dose,
    )


def _shown(
    document: HealthDocument, issuer: str | None, issued_at: float | None, expires: float | None
) -> dict[str, Any]:
    """Return what is shown of claims; what is no EU certificate is named."""
    shown = {"iss": issuer, "iat": issued_at, "exp": expires, "hcert": document.content}
    if document.form is not _DCC:
        shown["kind"] = document.form.value
    return shown


def _expires(found: dict[Any, Any], document: HealthDocument) -> float | None:
    """Read `exp`; None: the certificate has no end of its own here."""
    if EXP not in found:
        return None
    stated = found[EXP]
    if type(stated) is str and stated in FOR_LIFE and document.form is DocumentForm.ICVP:
        return None
    return numeric_date(stated)


def _decode(payload: bytes) -> Any:
    """Decode one data item that must fill `payload` exactly and stay within the grammar."""
    if _ITEMS.fullmatch(payload) is None:
        scan(payload, _GRAMMAR)  # a rarer form, or what it refuses
    stream = io.BytesIO(payload)
    try:
        found = cbor2.load(
            stream,
            semantic_decoders=_PLAIN_TAGS,
            max_depth=MAX_DEPTH,
            allow_indefinite=False,
            allow_duplicate_keys=False,
        )
    except (cbor2.CBORDecodeError, ValueError, OverflowError, TypeError) as error:
        raise MalformedError("not decodable as CBOR") from error
    if stream.tell() != len(payload):
        raise MalformedError("bytes after the end")
    return found


def _content(value: Any, _immutable: bool) -> Any:  # noqa: FBT001 - cbor2 calls it so
    return value


_PLAIN_TAGS: Final = {0: _content, 1: _content}
"""Dates stay the text or number that was signed."""
