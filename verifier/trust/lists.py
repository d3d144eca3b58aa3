"""Published lists of signers: bytes as authorities hand them out, to keys that they offer.

What is read: a certificate (PEM or DER), a list or object of kid -> certificate as national
backends publish, the EU gateway's trust list, a JSON Web Key Set with or without certificates, a
directory of card issuers (VCI: `issuerInfo`), a bare public key (PEM or DER). An offer is no trust:
whoever calls decides. The list's own signature, where it has one, is not checked: what a list is
worth is the way it came. What cannot be used is named with its reason, and spoils only itself.
"""

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from verifier.contract.bundle import MAX_KEYS
from verifier.contract.errors import MalformedError
from verifier.contract.vocabulary import CertificateUse, Format
from verifier.encoding.strict_json import read_json
from verifier.status.rids import MAX_COUNTER
from verifier.trust.certificates import MAX_CERTIFICATE_BYTES, Certificate, read_certificate
from verifier.trust.jwk import PrivateKeyError, read_jwk, thumbprint_of
from verifier.trust.keys import (
    KeyRing,
    PublicKey,
    TrustedKey,
    bind,
    country_name,
    kid_of,
    load_public,
)

MAX_LIST_BYTES: Final = 16 * 1024 * 1024
"""Bytes of a list; 4,096 certificates of 2 KB in base64 take 11 MB."""
MAX_KID_BYTES: Final = 64
"""Bytes of a stated kid; the specified ones have 8."""

_PEM: Final = re.compile(
    rb"-----BEGIN ([A-Z0-9 ]{1,40})-----([A-Za-z0-9+/=\s]{0,%d})-----END \1-----"
    % (2 * MAX_CERTIFICATE_BYTES)
)
_HEX_KID: Final = re.compile(r"(?:[0-9a-f]{2}){8}")
_CERTIFICATE_MEMBERS: Final = ("rawData", "certificate", "cert", "x5c", "pem")
_SIGNER: Final = "DSC"
"""The gateway's word for certificates that sign codes; the others sign certificates or uploads."""
_DER_SEQUENCE: Final = b"\x30"
_CREDENTIAL: Final = "credential"


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
    uses: frozenset[CertificateUse] = frozenset()
    not_before: float | None = None
    not_after: float | None = None
    """Unix seconds, of the certificate."""
    issuer: str | None = None
    """The one `iss` that its codes have: of a card its address, of a certificate the country that
    the list states."""
    name: str = ""
    fingerprint: bytes | None = None
    """SHA-256 of the certificate."""
    card_list: int = 0
    """Which revocation list its issuer has for it (`crlVersion`); 0: none is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unusable:
    """An entry of a list that offers no key."""

    where: str
    why: str
    passed_over: bool = False
    """It is for something else by its own word, and no fault of the list."""


class SignerList(NamedTuple):
    """What one file offers."""

    offers: tuple[Offer, ...]
    unusable: tuple[Unusable, ...]


class _Entry(NamedTuple):
    """One entry as it stands in a list."""

    where: str
    kid: Any
    value: Any
    """A certificate in text or bytes, or the members of a JSON Web Key."""
    issuer: str | None = None
    name: str = ""


def read_signers(data: bytes, where: str) -> SignerList:
    """Read a list; never raises for what it holds."""
    offers: list[Offer] = []
    unusable: list[Unusable] = []
    try:
        entries = _entries(data, where)
    except MalformedError as error:
        return SignerList((), (Unusable(where=where, why=str(error)),))
    for count, entry in enumerate(entries):
        if count >= MAX_KEYS:
            unusable.append(Unusable(where=where, why=f"more than {MAX_KEYS} entries"))
            break
        if isinstance(entry, Unusable):
            unusable.append(entry)
            continue
        try:
            offers.append(_offer(entry))
        except MalformedError as error:
            unusable.append(Unusable(where=entry.where, why=str(error)))
    if not offers and not unusable:
        unusable.append(Unusable(where=where, why="a list without any entry"))
    return SignerList(tuple(offers), tuple(unusable))


def offered_ring(offers: Iterable[Offer]) -> tuple[KeyRing, tuple[Unusable, ...]]:
    """Trust every offered key for every format, and say which can sign none; for looking at codes.

    Under each key's own kid and its thumbprint; no status list, sector or issuer is held against
    it that the list did not state. A key set's keys count while it is published, whatever window
    their certificates have (as in `kapok conform`). Never for a gate.
    """
    keys: list[TrustedKey] = []
    unfit: list[Unusable] = []
    for offer in offers:
        try:
            key = bind(offer.public)
        except MalformedError as error:
            unfit.append(Unusable(where=offer.where, why=str(error)))
            continue
        published = offer.format is Format.SHC
        kids: list[bytes | str] = [offer.kid]
        if offer.named:
            kids.append(thumbprint_of(offer.public))
        keys += [
            TrustedKey(
                kid=kid,
                key=key,
                uses=offer.uses | {_CREDENTIAL},
                not_before=-_FOREVER if published or offer.not_before is None else offer.not_before,
                not_after=_FOREVER if published or offer.not_after is None else offer.not_after,
                issuer=offer.issuer,
                lists=None,
                sectors=None,
                formats=frozenset(Format),
            )
            for kid in kids
        ]
    return KeyRing(tuple(keys)), tuple(unfit)


_FOREVER: Final = float("inf")


def _entries(data: bytes, where: str) -> Iterator[_Entry | Unusable]:
    if len(data) > MAX_LIST_BYTES:
        raise MalformedError("longer than any list of signers")
    if data.startswith(_DER_SEQUENCE):
        return iter((_Entry(where, None, data),))
    text = data.strip()
    json = text[:1] in (b"{", b"[")
    if not json and b"-----BEGIN " in data:
        return _pem(data, where)
    if not json:
        # One authority puts the signature of its list in a first line of its own.
        text = text.partition(b"\n")[2].strip()
    try:
        found = read_json(text)
    except MalformedError as error:
        raise MalformedError("neither a certificate, a key nor a list of them") from error
    return _json(found, where)


def _pem(data: bytes, where: str) -> Iterator[_Entry | Unusable]:
    blocks = list(_PEM.finditer(data))
    if not blocks:
        yield Unusable(where=where, why="PEM that is cut short or damaged")
    for number, block in enumerate(blocks, 1):
        name = where if len(blocks) == 1 else f"{where} block {number}"
        kind = block[1].decode()
        if "PRIVATE" in kind:
            yield Unusable(where=name, why="a private key where public ones belong")
        elif kind in ("CERTIFICATE", "PUBLIC KEY"):
            yield _Entry(name, None, b"".join(block[2].split()).decode())
        else:
            yield Unusable(where=name, why="neither a certificate nor a public key")


def _json(found: Any, where: str) -> Iterator[_Entry | Unusable]:
    if isinstance(found, Mapping):
        if isinstance(found.get("keys"), list):
            return _key_set(found["keys"], where)
        if isinstance(found.get("issuerInfo"), list):
            return _directory(found["issuerInfo"], where)
        for wrapper in ("certificates", "certificatesDCC"):
            if isinstance(found.get(wrapper), list | Mapping):
                return _json(found[wrapper], where)
        if "kty" in found:
            return iter((_Entry(where, None, found),))
        return _by_kid(found, where)
    if isinstance(found, list):
        return _listed(found, where)
    raise MalformedError("neither a certificate, a key nor a list of them")


def _by_kid(found: Mapping[str, Any], where: str) -> Iterator[_Entry | Unusable]:
    for kid, value in found.items():
        values = value if isinstance(value, list) else [value]
        for one in values:
            certificate = _certificate_of(one) if isinstance(one, Mapping) else one
            yield _Entry(f"{where} {_shown(kid)}", kid, certificate)


def _listed(found: list[Any], where: str) -> Iterator[_Entry | Unusable]:
    for number, item in enumerate(found, 1):
        name = f"{where} entry {number}"
        if isinstance(item, str):
            yield _Entry(name, None, item)
        elif not isinstance(item, Mapping):
            yield Unusable(where=name, why="neither a certificate nor a key")
        elif "kty" in item:
            yield _Entry(name, None, item)
        elif item.get("certificateType", _SIGNER) != _SIGNER:
            yield Unusable(where=name, why="a certificate that signs no codes", passed_over=True)
        elif _certificate_of(item) is not None:
            kid, country = item.get("kid"), item.get("country")
            yield _Entry(
                f"{name} {_shown(kid)}" if isinstance(kid, str) else name,
                kid,
                _certificate_of(item),
                issuer=country_name(country),
                name=country if isinstance(country, str) else "",
            )
        else:
            yield from _by_kid(item, name)


def _certificate_of(item: Mapping[str, Any]) -> Any:
    value = next((item[name] for name in _CERTIFICATE_MEMBERS if name in item), None)
    return value[0] if isinstance(value, list) and value else value


def _key_set(
    keys: list[Any], where: str, *, issuer: str | None = None, name: str = ""
) -> Iterator[_Entry | Unusable]:
    for number, values in enumerate(keys, 1):
        at = f"{where} key {number}"
        if isinstance(values, Mapping):
            yield _Entry(at, None, values, issuer, name)
        else:
            yield Unusable(where=at, why="not a JSON Web Key")


def _directory(rows: list[Any], where: str) -> Iterator[_Entry | Unusable]:
    """Read a directory of card issuers: {"issuer": {"iss", "name"}, "keys": [...]} a row."""
    for number, row in enumerate(rows, 1):
        at = f"{where} issuer {number}"
        about = row.get("issuer") if isinstance(row, Mapping) else None
        if not isinstance(about, Mapping) or not isinstance(about.get("iss"), str):
            yield Unusable(where=at, why="a row without an issuer")
        elif not isinstance(row.get("keys"), list):
            yield Unusable(where=at, why="an issuer without keys")
        else:
            name = about.get("name")
            yield from _key_set(
                row["keys"], at, issuer=about["iss"], name=name if isinstance(name, str) else ""
            )


def _offer(entry: _Entry) -> Offer:
    if isinstance(entry.value, Mapping):
        return _of_jwk(entry)
    der = entry.value if isinstance(entry.value, bytes) else _base64(entry.value)
    try:
        certificate = read_certificate(der)
    except MalformedError as error:
        if entry.kid is not None:
            raise
        return _of_bare_key(entry, der, error)
    offer = _of_certificate(entry, der, certificate)
    return offer if entry.kid is None else replace(offer, kid=_kid(entry.kid, certificate.kid))


def _of_certificate(entry: _Entry, der: bytes, certificate: Certificate) -> Offer:
    return Offer(
        where=entry.where,
        public=certificate.public,
        format=Format.HC1,
        kid=certificate.kid,
        uses=certificate.uses,
        not_before=certificate.not_before,
        not_after=certificate.not_after,
        issuer=entry.issuer,
        name=certificate.name or _printable(entry.name),
        fingerprint=hashlib.sha256(der).digest(),
    )


def _of_bare_key(entry: _Entry, der: bytes, error: MalformedError) -> Offer:
    try:
        public = load_public(der)
    except MalformedError:
        raise error from None
    return Offer(where=entry.where, public=public, format=None, kid=kid_of(public))


def _of_jwk(entry: _Entry) -> Offer:
    try:
        key = read_jwk(entry.value)
    except PrivateKeyError as error:
        raise MalformedError("a private key where public ones belong") from error
    if not key.fits:
        raise MalformedError("a key that is for something else, or its certificate is another's")
    if None not in (key.issuer, entry.issuer) and key.issuer != entry.issuer:
        raise MalformedError("a key whose certificate names another issuer")
    offer = Offer(
        where=entry.where,
        public=key.public,
        format=Format.SHC,
        kid=kid_of(key.public),
        named=key.named,
        issuer=key.issuer or entry.issuer,
        name=_printable(entry.name),
        card_list=_counter(entry.value.get("crlVersion", 0)),
    )
    if "x5c" not in entry.value:
        return offer
    der = _base64(entry.value["x5c"][0])
    certificate = read_certificate(der)
    return replace(
        offer,
        not_before=certificate.not_before,
        not_after=certificate.not_after,
        name=offer.name or certificate.name,
        fingerprint=hashlib.sha256(der).digest(),
    )


def _counter(stated: Any) -> int:
    if type(stated) is not int or not 0 <= stated <= MAX_COUNTER:
        raise MalformedError("a crlVersion that is no whole number")
    return stated


def _kid(stated: Any, computed: bytes) -> bytes:
    """Read a kid in hex or base64; which of them it is shows by what the certificate's is."""
    if not isinstance(stated, str) or not stated:
        raise MalformedError("a kid that is not text")
    if stated.lower() == computed.hex() or _HEX_KID.fullmatch(stated):
        return bytes.fromhex(stated)
    kid = _base64(stated.translate(str.maketrans("-_", "+/")))
    if not 1 <= len(kid) <= MAX_KID_BYTES:
        raise MalformedError("a kid of no possible length")
    return kid


def _base64(text: Any) -> bytes:
    """Decode base64, wrapped or not, padded or not; a PEM inside it is unwrapped."""
    if not isinstance(text, str) or len(text) > 4 * MAX_CERTIFICATE_BYTES:
        raise MalformedError("neither a certificate nor a key in base64")
    block = _PEM.search(text.encode("utf-8", "replace"))
    data = _decoded(block[2].decode() if block else text)
    inner = _PEM.search(data)
    return _decoded(inner[2].decode()) if inner else data


def _decoded(text: str) -> bytes:
    packed = "".join(text.split()).rstrip("=")
    try:
        return base64.b64decode(packed + "=" * (-len(packed) % 4), validate=True)
    except ValueError as error:
        raise MalformedError("not base64") from error


def _shown(kid: object) -> str:
    return _printable(str(kid))[:24]


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)
