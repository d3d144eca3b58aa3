"""Lists of signers as countries publish them: by kid, or as rows; with certificates or bare keys.

Each country has its own names for the same things. So objects are read by what they hold: a name
that has the form of a kid is one, a text that is a certificate is the certificate, whatever the
member is called. Known are only the names of what a form cannot tell: windows, uses, the country.
A member that cannot be read costs what it would have said, never the key.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from verifier.contract.vocabulary import CertificateUse, Format
from verifier.encoding.dates import MAX_SECONDS
from verifier.trust.did_document import METHODS, SIGNER, is_method, read_document, read_method
from verifier.trust.key_text import (
    MIN_KEY_CHARS,
    has_kid,
    is_certificate,
    is_key,
    is_key_of,
    kids_among,
    looks_like_kid,
)
from verifier.trust.keys import country_name
from verifier.trust.list_entry import ListEntry, Unusable, printable, shown

MAX_DEPTH: Final = 4
"""Objects inside each other above the kids; known lists have two."""
_CERTIFICATES: Final = ("rawData", "certificate", "cert", "x5c", "pem")
"""Members that hold the certificate, where a row holds several texts that are one."""
_WRAPPERS: Final = ("certificates", "certificatesDCC")
"""Members that hold the list; what stands beside one is about the list."""
_KIDS: Final = ("kid", "keyId", "keyID", "key_id", "keyid")
_BEGINS: Final = ("notBefore", "validFrom", "not_before", "valid_from", "nbf")
_ENDS: Final = ("notAfter", "validUntil", "validTo", "not_after", "valid_until", "valid_to", "exp")
_USES: Final = ("use", "uses", "keyUsage", "usage")
_NAMES: Final = ("subject", "name", "country")
_ANY_USE: Final = frozenset({"", "sig", "sign", "signature", "digitalsignature"})
_USE_WORDS: Final[Mapping[str, CertificateUse]] = {
    word: use for use in CertificateUse for word in (use.value, use.value[0])
}
_NOT_OF_KEY: Final = frozenset({"kid", "use", "alg"})
"""Members of a JSON Web Key that say something else here: uses of health certificates, and RS256
of keys that sign PS256. Those that a key does not have are null in some lists."""

Found = Iterator[ListEntry | Unusable]


def read_object(found: Mapping[str, Any], where: str) -> Found:
    """Read an object: of kids, of lists inside it, or one row; what is in it besides is named."""
    why = "an object without any certificate or key"
    return _or_named(_inside(found, where, 0), where, why)


def read_rows(rows: Sequence[Any], where: str) -> Found:
    """Read a list: of certificates, of rows, or of objects of kids."""
    return _listed(rows, where, 0)


def _or_named(entries: Found, where: str, why: str) -> Found:
    """Name what holds no entry at all."""
    empty = True
    for entry in entries:
        empty = False
        yield entry
    if empty:
        yield Unusable(where=where, why=why)


def _inside(found: Mapping[str, Any], where: str, depth: int) -> Found:
    if isinstance(found.get(METHODS), list):
        yield from read_document(found, where)
        return
    if is_method(found):
        yield read_method(found, where)
        return
    wrappers = (name for name in _WRAPPERS if isinstance(found.get(name), Mapping | list))
    wrapper = next(wrappers, None)
    members = found if wrapper is None else {wrapper: found[wrapper]}
    kids = kids_among(members)
    if not kids and _is_row(members):
        yield _row(members, where, None)
        return
    for name, value in members.items():
        at = f"{where} {shown(name)}"
        if name in kids:
            yield from _of_kid(value, at, name)
        elif isinstance(value, Mapping | list):
            yield from _deeper(value, at, depth + 1)
        elif is_certificate(value) or is_key(value):
            yield ListEntry(where=at, value=value)
        elif kids:
            yield Unusable(where=at, why="neither a kid nor a list of them", passed_over=True)


def _deeper(value: Mapping[str, Any] | Sequence[Any], where: str, depth: int) -> Found:
    if depth > MAX_DEPTH:
        yield Unusable(where=where, why="too deep inside other objects", passed_over=True)
    elif isinstance(value, Mapping):
        yield from _inside(value, where, depth)
    else:
        yield from _listed(value, where, depth)


def _listed(rows: Sequence[Any], where: str, depth: int) -> Found:
    for number, row in enumerate(rows, 1):
        at = f"{where} entry {number}"
        if isinstance(row, str) and depth and len(row) < MIN_KEY_CHARS:
            yield Unusable(where=at, why="a word, and no certificate", passed_over=True)
        elif isinstance(row, str):
            yield ListEntry(where=at, value=row)
        elif not isinstance(row, Mapping):
            yield Unusable(where=at, why="neither a certificate nor a key")
        elif row.get("certificateType", SIGNER) != SIGNER:
            yield Unusable(where=at, why="a certificate that signs no codes", passed_over=True)
        elif _is_row(row):
            yield _row(row, at, None)
        else:
            entries = _deeper(row, at, depth + 1)
            yield from _or_named(entries, at, "neither a certificate nor a key")


def _of_kid(value: Any, where: str, kid: str) -> Found:
    """Yield what stands under a kid: one key, or several."""
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, Mapping):
            yield _row(one, where, kid)
        elif isinstance(one, str):
            yield ListEntry(where=where, value=one, kid=kid, format=Format.HC1)
        else:
            yield Unusable(where=where, why="neither a certificate nor a key in base64")


def _is_row(row: Mapping[str, Any]) -> bool:
    """Say whether an object is one signer: it names a certificate, or holds one key of its own."""
    if kids_among(row):
        return False
    if any(name in row for name in _CERTIFICATES) or _is_jwk(row):
        return True
    certificates = [value for value in row.values() if is_certificate(value)]
    keys = [value for value in row.values() if is_key(value)]
    if len(certificates) + len(keys) == 1:
        return True
    if _kid(row) is not None:
        return bool(certificates or keys)
    return len(certificates) == 1 and all(is_key_of(key, certificates[0]) for key in keys)


def _is_jwk(row: Mapping[str, Any]) -> bool:
    return "kty" in row or all(isinstance(row.get(n), str) for n in ("crv", "x")) or _is_rsa(row)


def _is_rsa(row: Mapping[str, Any]) -> bool:
    return all(isinstance(row.get(name), str) for name in ("n", "e"))


def _row(row: Mapping[str, Any], where: str, kid: str | None) -> ListEntry | Unusable:
    """Read one signer; `kid` is the one that it stands under."""
    stated = _kid(row) if kid is None else kid
    at = f"{where} {shown(stated)}" if kid is None and isinstance(stated, str) else where
    if kid is None and "kty" in row and not _of_codes(stated):
        return ListEntry(where=where, value=row, format=Format.SHC)
    value = _material(row, stated)
    if value is None:
        return Unusable(where=at, why="neither a certificate nor a key, or several")
    entry = ListEntry(
        where=at,
        value=value,
        kid=stated,
        format=Format.HC1,
        issuer=country_name(row.get("country")),
        name=_name(row),
    )
    if isinstance(value, str) and is_certificate(value):
        return entry
    uses = _uses(row)
    if uses is None:
        return Unusable(where=at, why="a key that is for something else", passed_over=True)
    begins, ends, lost = _window(row)
    return replace(entry, not_before=begins, not_after=ends, uses=uses, lost=lost)


def _of_codes(kid: Any) -> bool:
    """Say whether a JSON Web Key in a list is HC1's: of health cards the kid is a thumbprint."""
    return looks_like_kid(kid) or (isinstance(kid, str) and bool(kids_among([kid])))


def _kid(row: Mapping[str, Any]) -> Any:
    """Return the kid that a row states: by name, else the one text that has the form of one."""
    for name in _KIDS:
        if name in row:
            return row[name]
    found = {value for value in row.values() if looks_like_kid(value)}
    return found.pop() if len(found) == 1 else None


def _material(row: Mapping[str, Any], kid: Any) -> Any:
    """Return the certificate, key or JSON Web Key of a row; None: it has none, or several.

    Of several certificates, the signer's and its authority's, the one that has the stated kid.
    """
    for name in _CERTIFICATES:
        if name in row:
            value = row[name]
            return value[0] if isinstance(value, list) and value else value
    for is_one in (is_certificate, is_key):
        found = [value for value in row.values() if is_one(value)]
        if len(found) > 1 and is_one is is_certificate:
            found = [value for value in found if has_kid(value, kid)] or found
        if found:
            return found[0] if len(found) == 1 else None
    if not _is_jwk(row):
        return None
    key = {n: value for n, value in row.items() if n not in _NOT_OF_KEY and value is not None}
    return {"kty": "EC" if "crv" in key else "RSA"} | key


def _uses(row: Mapping[str, Any]) -> frozenset[CertificateUse] | None:
    """Return the kinds of certificate that a key is for, none: all; None: it is for others."""
    stated = next((row[name] for name in _USES if row.get(name) is not None), "")
    words = stated if isinstance(stated, list) else [stated]
    if not all(isinstance(word, str) for word in words):
        return None
    words = [word.lower() for word in words]
    if len(words) == 1 and words[0] and set(words[0]) <= {"t", "v", "r"}:
        words = list(words[0])
    if all(word in _ANY_USE for word in words):
        return frozenset()
    uses = frozenset(_USE_WORDS[word] for word in words if word in _USE_WORDS)
    return uses or None


def _window(row: Mapping[str, Any]) -> tuple[float | None, float | None, tuple[str, ...]]:
    moments: list[float | None] = []
    lost = []
    for names, word in ((_BEGINS, "begins"), (_ENDS, "ends")):
        stated = next((row[name] for name in names if row.get(name) is not None), None)
        moment = None if stated is None else _moment(stated)
        if moment is None and stated is not None:
            lost.append(f"when it {word} cannot be read")
        moments.append(moment)
    return moments[0], moments[1], tuple(lost)


def _moment(stated: Any) -> float | None:
    """Read a time: seconds or milliseconds since 1970, or a text of ISO 8601; UTC without zone.

    A number that is past the year 9999 in seconds is one of milliseconds.
    """
    if type(stated) in (int, float):
        seconds = stated / 1000 if stated > MAX_SECONDS else stated
        return float(seconds) if 0 <= seconds <= MAX_SECONDS else None
    if not isinstance(stated, str):
        return None
    try:
        found = datetime.fromisoformat(stated)
    except ValueError:
        return None
    moment = (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    return min(moment, MAX_SECONDS)


def _name(row: Mapping[str, Any]) -> str:
    name = next((row[name] for name in _NAMES if isinstance(row.get(name), str)), "")
    return printable(name)
