"""Keys of the line protocol: a certificate, a JSON Web Key or a bare public key, with its kid.

What is no public key spoils the line. A public key that no format lets sign (a curve, a size) is
kept under its kid and never verifies; a JSON Web Key that says of itself that it is for something
else may sign nothing. So each key spoils only the codes that name it.
"""

import base64
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from verifier.codes.formats import recognise
from verifier.conform.lines import BadLine, ProtocolFault
from verifier.contract.envelope import Algorithm
from verifier.contract.errors import MalformedError
from verifier.contract.vocabulary import Format
from verifier.steps.code import ATTESTED
from verifier.trust.certificates import read_certificate
from verifier.trust.jwk import PrivateKeyError, read_jwk, thumbprint_of
from verifier.trust.keys import KeyRing, PublicKey, TrustedKey, VerifyKey, bind, kid_of, load_public

MAX_KEYS: Final = 4096
"""Keys of a line; the EU's list of all countries had about 400."""
_FORMATS: Final = frozenset(Format)
_CREDENTIAL: Final = "credential"
_NOBODY: Final = ""
"""An issuer that no code names."""


class Unfit:
    """A public key that no format lets sign: whatever the algorithm, nothing holds under it."""

    algorithm = Algorithm.ES256
    kid = b""

    @property
    def thumbprint(self) -> bytes:
        """None: no such key signs bundles."""
        return b""

    def verify(self, message: bytes, signature: bytes) -> bool:  # noqa: ARG002 - as VerifyKey
        """Say that it does not hold."""
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stated:
    """A key as the line states it."""

    public: PublicKey
    kids: tuple[bytes | str, ...]
    uses: frozenset[str] = frozenset({_CREDENTIAL})
    not_before: float = -math.inf
    not_after: float = math.inf
    issuer: str | None = None


class _Limits(msgspec.Struct, frozen=True):
    """What a trust bundle says beside a key; null or absent: it binds nothing."""

    uses: tuple[str, ...] | None = None
    nbf: float | None = None
    exp: float | None = None
    issuer: str | None = None
    lists: tuple[int, ...] | None = None
    sectors: tuple[int, ...] | None = None
    formats: tuple[Format, ...] | None = None


def key_ring(stated: Any, text: str) -> KeyRing:
    """Make the ring that a code is judged by; its format says how a stated kid is read.

    Raises:
        BadLine: KEYS, KEYS_PRIVATE.
    """
    if not isinstance(stated, list) or len(stated) > MAX_KEYS:
        raise BadLine(ProtocolFault.KEYS)
    row = recognise(text)
    as_text = row is not None and row.format is Format.SHC
    keys: list[TrustedKey] = []
    try:
        for values in stated:
            keys += _trusted(values, as_text=as_text)
    except PrivateKeyError as error:
        raise BadLine(ProtocolFault.KEYS_PRIVATE) from error
    except MalformedError as error:
        raise BadLine(ProtocolFault.KEYS) from error
    return KeyRing(tuple(keys))


def _trusted(values: Any, *, as_text: bool) -> list[TrustedKey]:
    if not isinstance(values, dict):
        raise MalformedError("a key that is not an object")
    key, limits = _stated(values), _limits(values)
    kids = (_kid(values["kid"], as_text=as_text),) if "kid" in values else key.kids
    return [
        TrustedKey(
            kid=kid,
            key=_bound(key.public),
            uses=_narrowed(key.uses, limits.uses),
            not_before=max(key.not_before, _or(limits.nbf, -math.inf)),
            not_after=min(key.not_after, _or(limits.exp, math.inf)),
            issuer=_one_issuer(key.issuer, limits.issuer),
            lists=None if limits.lists is None else frozenset(limits.lists),
            sectors=None if limits.sectors is None else frozenset(limits.sectors),
            formats=_FORMATS if limits.formats is None else frozenset(limits.formats),
        )
        for kid in kids
    ]


def _limits(values: Mapping[str, Any]) -> _Limits:
    try:
        return msgspec.convert(values, _Limits)
    except msgspec.ValidationError as error:
        raise MalformedError("a limit of a key that is none") from error


def _narrowed(own: frozenset[str], stated: tuple[str, ...] | None) -> frozenset[str]:
    """Return the uses that a key has by itself and by the line.

    Kinds of certificates bind where either names some, and where both do only those of both.
    """
    if stated is None:
        return own
    theirs = frozenset(stated)
    kinds = [named for named in (own & ATTESTED, theirs & ATTESTED) if named]
    bound = frozenset.intersection(*kinds) if kinds else frozenset()
    return (own & theirs) - ATTESTED | bound if bound or not kinds else frozenset()


def _one_issuer(own: str | None, stated: str | None) -> str | None:
    """Return the issuer that a key signs for; nobody where the line names another than it does."""
    if own is None or stated is None:
        return stated if own is None else own
    return own if own == stated else _NOBODY


def _or(stated: float | None, otherwise: float) -> float:
    return otherwise if stated is None else stated


def _stated(values: Mapping[str, Any]) -> _Stated:
    kinds = [kind for kind in ("x5c", "jwk", "spki") if kind in values]
    if kinds == ["x5c"]:
        leaf = values["x5c"]
        certificate = read_certificate(
            _base64(leaf[0] if isinstance(leaf, list) and leaf else leaf)
        )
        return _Stated(
            public=certificate.public,
            kids=(certificate.kid, thumbprint_of(certificate.public)),
            uses=certificate.uses | {_CREDENTIAL},
            not_before=certificate.not_before,
            not_after=certificate.not_after,
        )
    if kinds == ["jwk"] and isinstance(values["jwk"], dict):
        key = read_jwk(values["jwk"])
        named = (key.thumbprint, key.stated_thumbprint) if key.named else ()
        return _Stated(
            public=key.public,
            kids=(kid_of(key.public), *named),
            uses=frozenset({_CREDENTIAL} if key.fits and key.fault is None else ()),
            issuer=key.issuer,
        )
    if kinds == ["spki"]:
        public = load_public(_base64(values["spki"]))
        return _Stated(public=public, kids=(kid_of(public), thumbprint_of(public)))
    raise MalformedError("not exactly one of x5c, jwk and spki")


def _bound(public: PublicKey) -> VerifyKey:
    try:
        return bind(public)
    except MalformedError:
        return Unfit()


def _kid(stated: Any, *, as_text: bool) -> bytes | str:
    if not isinstance(stated, str):
        raise MalformedError("a kid that is not text")
    if as_text:
        return stated
    try:
        return bytes.fromhex(stated)
    except ValueError as error:
        raise MalformedError("a kid that is not hex") from error


def _base64(text: Any) -> bytes:
    """Decode base64, wrapped or not: certificates are pasted from files."""
    if not isinstance(text, str):
        raise MalformedError("not base64")
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except ValueError as error:  # another alphabet, or no ASCII at all
        raise MalformedError("not base64") from error
