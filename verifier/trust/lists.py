"""Published lists of signers: bytes as authorities hand them out, to keys that they offer.

What is read: a certificate (PEM or DER), lists of countries by kid or as rows (`national_list.py`),
the EU gateway's trust list, a DID document of WHO's trust network (`did_document.py`), a JSON Web
Key Set with or without certificates, a directory of card issuers (VCI: `issuerInfo`), a bare public
key (PEM or DER). An offer is no trust: whoever calls decides. The list's own signature, where it
has one, is not checked: what a list is worth is the way it came. What cannot be used is named with
its reason, and spoils only itself; a side member that cannot be read is named and costs no key.
"""

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from verifier.contract.bundle import MAX_KEYS
from verifier.contract.errors import MalformedError
from verifier.contract.vocabulary import CertificateUse, Format
from verifier.encoding.strict_json import read_json
from verifier.status.rids import MAX_COUNTER
from verifier.trust.certificates import Certificate, read_certificate
from verifier.trust.did_document import METHODS, note_of, read_document
from verifier.trust.jwk import JsonWebKey, PrivateKeyError, read_jwk, thumbprint_of
from verifier.trust.key_text import PEM, read_kid, unpacked
from verifier.trust.keys import (
    KeyRing,
    KidBound,
    PublicKey,
    TrustedKey,
    bind,
    kid_of,
    load_public,
)
from verifier.trust.list_entry import ListEntry, Unusable, printable
from verifier.trust.national_list import read_object, read_rows

MAX_LIST_BYTES: Final = 16 * 1024 * 1024
"""Bytes of a list; 4,096 certificates of 2 KB in base64 take 11 MB."""

_DER_SEQUENCE: Final = b"\x30"
_CREDENTIAL: Final = "credential"
_UTF8_MARK: Final = b"\xef\xbb\xbf"
_UTF16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A key that a list offers."""

    where: str
    """File and entry, for people."""
    public: PublicKey
    format: Format | None
    """What such lists are for: certificates HC1, key sets SHC; a bare key says nothing."""
    kid: bytes
    """As stated; else of the certificate (HC1), else of the key."""
    named: bool = True
    """False: a JSON Web Key that calls itself by another kid than its thumbprint."""
    card_kid: str | None = None
    """SHC: the thumbprint as its issuer computed it, where that is another than RFC 7638's."""
    uses: frozenset[CertificateUse] = frozenset()
    not_before: float | None = None
    not_after: float | None = None
    """Unix seconds, of the certificate; of a bare key what the list states."""
    issuing: tuple[float, float] | None = None
    """SHC, of a directory: the window of its certificate, in which the cards that count were
    issued. An issuer's own key set stands by what it publishes."""
    issuer: str | None = None
    """The one `iss` that its codes have: of a card its address, of a certificate the country that
    the list states."""
    name: str = ""
    fingerprint: bytes | None = None
    """SHA-256 of the certificate."""
    card_list: int = 0
    """Which revocation list its issuer has for it (`crlVersion`); 0: none is said."""
    lost: tuple[str, ...] = ()
    """What the list would have said of it and does not, since a member cannot be read."""


class SignerList(NamedTuple):
    """What one file offers."""

    offers: tuple[Offer, ...]
    unusable: tuple[Unusable, ...]
    note: str = ""
    """What the file says of itself, for whoever decides on it."""


class _OtherUseError(MalformedError):
    """A key that is for something else by its own word."""


class _Content(NamedTuple):
    """The entries of a file, and what it says of itself."""

    entries: Iterator[ListEntry | Unusable]
    note: str = ""


def read_signers(data: bytes, where: str) -> SignerList:
    """Read a list; never raises for what it holds."""
    offers: list[Offer] = []
    unusable: list[Unusable] = []
    try:
        content = _content(without_mark(data), where)
    except MalformedError as error:
        return SignerList((), (Unusable(where=where, why=str(error)),))
    for count, entry in enumerate(content.entries):
        if count >= MAX_KEYS:
            unusable.append(Unusable(where=where, why=f"more than {MAX_KEYS} entries"))
            break
        if isinstance(entry, Unusable):
            unusable.append(entry)
            continue
        try:
            offers.append(_offer(entry))
        except MalformedError as error:
            why, issuer = str(error), entry.issuer or ""
            other = isinstance(error, _OtherUseError)
            unusable.append(Unusable(where=entry.where, why=why, passed_over=other, issuer=issuer))
    if not offers and not unusable:
        unusable.append(Unusable(where=where, why="a list without any entry"))
    return SignerList(tuple(offers), tuple(unusable), content.note)


def offered_ring(offers: Iterable[Offer]) -> tuple[KeyRing, tuple[Unusable, ...]]:
    """Trust every offered key for every format, and say which can sign none; for looking at codes.

    Under each key's own kid and its thumbprint; no status list, sector or issuer is held against
    it that the list did not state. A key set's keys count while it is published. Never for a gate.
    """
    keys: list[TrustedKey] = []
    unfit: list[Unusable] = []
    kids_taken = KidBound()
    for offer in offers:
        try:
            key = bind(offer.public)
            kids_taken.add(offer.kid, key.thumbprint)
        except MalformedError as error:
            unfit.append(Unusable(where=offer.where, why=str(error), issuer=offer.issuer or ""))
            continue
        kids: list[bytes | str] = [offer.kid]
        if offer.named:
            kids.append(thumbprint_of(offer.public))
        if offer.named and offer.card_kid is not None:
            kids.append(offer.card_kid)
        keys += [
            TrustedKey(
                kid=kid,
                key=key,
                uses=offer.uses | {_CREDENTIAL},
                not_before=-_FOREVER if offer.not_before is None else offer.not_before,
                not_after=_FOREVER if offer.not_after is None else offer.not_after,
                issuer=offer.issuer,
                lists=None,
                sectors=None,
                formats=frozenset(Format),
                issuing=offer.issuing,
            )
            for kid in kids
        ]
    return KeyRing(tuple(keys)), tuple(unfit)


_FOREVER: Final = float("inf")


def without_mark(data: bytes) -> bytes:
    """Return a text without its byte order mark, as UTF-8; anything else unchanged."""
    if data.startswith(_UTF8_MARK):
        return data[len(_UTF8_MARK) :]
    if data.startswith(_UTF16_MARKS):
        return data.decode("utf-16", "replace").encode()
    return data


def _content(data: bytes, where: str) -> _Content:
    if len(data) > MAX_LIST_BYTES:
        raise MalformedError("longer than any list of signers")
    if data.startswith(_DER_SEQUENCE):
        return _Content(iter((ListEntry(where=where, value=data),)))
    text = data.strip()
    json = text[:1] in (b"{", b"[")
    if not json and b"-----BEGIN " in data:
        return _Content(_pem(data, where))
    if not json:
        # One authority puts the signature of its list in a first line of its own.
        text = without_mark(text.partition(b"\n")[2].strip())
    try:
        found = read_json(text)
    except MalformedError as error:
        raise MalformedError("neither a certificate, a key nor a list of them") from error
    if isinstance(found, Mapping) and isinstance(found.get(METHODS), list):
        return _Content(read_document(found, where), note_of(found))
    return _Content(_json(found, where))


def _pem(data: bytes, where: str) -> Iterator[ListEntry | Unusable]:
    blocks = list(PEM.finditer(data))
    if not blocks:
        yield Unusable(where=where, why="PEM that is cut short or damaged")
    for number, block in enumerate(blocks, 1):
        name = where if len(blocks) == 1 else f"{where} block {number}"
        kind = block[1].decode()
        if "PRIVATE" in kind:
            yield Unusable(where=name, why="a private key where public ones belong")
        elif kind in ("CERTIFICATE", "PUBLIC KEY"):
            yield ListEntry(where=name, value=b"".join(block[2].split()).decode())
        else:
            yield Unusable(where=name, why="neither a certificate nor a public key")


def _json(found: Any, where: str) -> Iterator[ListEntry | Unusable]:
    if isinstance(found, list):
        return read_rows(found, where)
    if not isinstance(found, Mapping):
        raise MalformedError("neither a certificate, a key nor a list of them")
    if isinstance(found.get("keys"), list):
        return _key_set(found["keys"], where)
    if isinstance(found.get("issuerInfo"), list):
        return _directory(found["issuerInfo"], where)
    if "kty" in found:
        return iter((ListEntry(where=where, value=found, format=Format.SHC),))
    return read_object(found, where)


def _key_set(
    keys: list[Any], where: str, *, issuer: str | None = None, name: str = ""
) -> Iterator[ListEntry | Unusable]:
    for number, values in enumerate(keys, 1):
        at = f"{where} key {number}"
        if isinstance(values, Mapping):
            yield ListEntry(where=at, value=values, format=Format.SHC, issuer=issuer, name=name)
        else:
            yield Unusable(where=at, why="not a JSON Web Key", issuer=issuer or "")


def _directory(rows: list[Any], where: str) -> Iterator[ListEntry | Unusable]:
    """Read a directory of card issuers: {"issuer": {"iss", "name"}, "keys": [...]} a row."""
    for number, row in enumerate(rows, 1):
        at = f"{where} issuer {number}"
        about = row.get("issuer") if isinstance(row, Mapping) else None
        if not isinstance(about, Mapping) or not isinstance(about.get("iss"), str):
            yield Unusable(where=at, why="a row without an issuer")
            continue
        issuer, keys = about["iss"], row.get("keys")
        if not isinstance(keys, list):
            yield Unusable(where=at, why="an issuer without keys", issuer=issuer)
        elif not keys:
            why = "an issuer that publishes no key"
            yield Unusable(where=at, why=why, passed_over=True, issuer=issuer)
        else:
            name = about.get("name")
            yield from _key_set(keys, at, issuer=issuer, name=name if isinstance(name, str) else "")


def _offer(entry: ListEntry) -> Offer:
    if isinstance(entry.value, Mapping):
        key = _web_key(entry.value)
        return (
            _of_card_key(entry, key) if entry.format is Format.SHC else _of_key(entry, key.public)
        )
    der = entry.value if isinstance(entry.value, bytes) else unpacked(entry.value)
    try:
        certificate = read_certificate(der)
    except MalformedError as error:
        try:
            public = load_public(der)
        except MalformedError:
            raise error from None
        return _of_key(entry, public)
    offer = _of_certificate(entry, der, certificate)
    return offer if entry.kid is None else replace(offer, kid=read_kid(entry.kid, certificate.kid))


def _of_certificate(entry: ListEntry, der: bytes, certificate: Certificate) -> Offer:
    return Offer(
        where=entry.where,
        public=certificate.public,
        format=Format.HC1,
        kid=certificate.kid,
        uses=certificate.uses,
        not_before=certificate.not_before,
        not_after=certificate.not_after,
        issuer=entry.issuer,
        name=printable(f"{entry.participant} {certificate.name or entry.name}".strip()),
        fingerprint=hashlib.sha256(der).digest(),
        lost=entry.lost,
    )


def _of_key(entry: ListEntry, public: PublicKey) -> Offer:
    """Offer a bare key: without a kid for no format, under a kid for the codes of its list."""
    if entry.kid is None:
        return Offer(where=entry.where, public=public, format=None, kid=kid_of(public))
    return Offer(
        where=entry.where,
        public=public,
        format=entry.format,
        kid=read_kid(entry.kid, None),
        uses=entry.uses,
        not_before=entry.not_before,
        not_after=entry.not_after,
        issuer=entry.issuer,
        name=printable(entry.name),
        lost=entry.lost,
    )


def _web_key(values: Mapping[str, Any]) -> JsonWebKey:
    try:
        key = read_jwk(values)
    except PrivateKeyError as error:
        raise MalformedError("a private key where public ones belong") from error
    if not key.fits:
        raise _OtherUseError("a key that is for something else")
    return key


def _of_card_key(entry: ListEntry, key: JsonWebKey) -> Offer:
    """Offer a key of health cards; its issuer is the directory's word, else its certificate's."""
    values = entry.value if isinstance(entry.value, Mapping) else {}
    certificate, fault = key.certificate, key.fault
    if certificate is not None and entry.issuer not in (None, key.issuer):
        certificate, fault = None, "its certificate names another issuer"
    if certificate is not None and certificate.not_after < max(certificate.not_before, 0.0):
        certificate, fault = None, "its certificate ends before it begins"
    stated = values.get("crlVersion")
    counter, wrong_counter = _counter(0 if stated is None else stated)
    offer = Offer(
        where=entry.where,
        public=key.public,
        format=Format.SHC,
        kid=kid_of(key.public),
        named=key.named,
        card_kid=None if key.stated_thumbprint == key.thumbprint else key.stated_thumbprint,
        issuer=entry.issuer,
        name=printable(entry.name),
        card_list=counter,
        lost=(*_without_certificate(entry, fault), *wrong_counter),
    )
    if certificate is None:
        return offer
    window = (max(certificate.not_before, 0.0), certificate.not_after)
    return replace(
        offer,
        issuing=None if entry.issuer is None else window,
        issuer=entry.issuer or key.issuer,
        name=offer.name or certificate.name,
        fingerprint=hashlib.sha256(base64.b64decode(values["x5c"][0])).digest(),
    )


def _without_certificate(entry: ListEntry, fault: str | None) -> tuple[str, ...]:
    if fault is None:
        return ()
    directory = "its cards count whenever they were issued"
    key_set = "it does not say whose key it is"
    return (f"{fault}: {key_set if entry.issuer is None else directory}",)


def _counter(stated: Any) -> tuple[int, tuple[str, ...]]:
    """Read a `crlVersion`; one that cannot be read says nothing."""
    if type(stated) is int and 0 <= stated <= MAX_COUNTER:
        return stated, ()
    return 0, ("its crlVersion is no whole number: nobody is told of a newer revocation list",)
