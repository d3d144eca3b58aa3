"""An entry of a list of signers as it stands there, its key unread; and one that offers none."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from verifier.contract.vocabulary import CertificateUse, Format


@dataclass(frozen=True, slots=True, kw_only=True)
class ListEntry:
    """One entry of a list."""

    where: str
    """File and entry, for people."""
    value: str | bytes | Mapping[str, Any]
    """A certificate or a SubjectPublicKeyInfo in text or bytes, or a JSON Web Key."""
    kid: Any = None
    """As stated; None: the list states none."""
    format: Format | None = None
    """Of a bare key or a JSON Web Key: what such lists are for. A certificate is HC1's."""
    issuer: str | None = None
    name: str = ""
    participant: str = ""
    """Of a trust network: whose signer it is; shown before the name that its certificate has."""
    not_before: float | None = None
    not_after: float | None = None
    """Unix seconds, where the list states them; those of a certificate count instead."""
    uses: frozenset[CertificateUse] = frozenset()
    lost: tuple[str, ...] = ()
    """What its members would have said and do not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unusable:
    """An entry of a list that offers no key."""

    where: str
    why: str
    passed_over: bool = False
    """It is for something else by its own word, and no fault of the list."""
    issuer: str = ""
    """Whose codes its key would have signed, where the list says so."""


def printable(text: str) -> str:
    """Return text that comes from a list as it may be shown."""
    return "".join(c if c.isprintable() else "?" for c in text)


def shown(kid: object) -> str:
    """Return a kid, or the name of a member, short enough for a line."""
    return printable(str(kid))[:24]
