"""Who calls, and what that opens: terminals by certificate, services by API keys, operators.

A certificate says who; what it opens is the service's to look up at every request, so that what is
revoked ends on an open connection too. A key is hashed and compared in constant time. An operator
shows a short-lived token in a key's place: a person then answers for the call. Which scopes there
are and how a token is read, the service says.
"""

import hashlib
import hmac
import math
import re
import ssl
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, Protocol

from aiohttp import web

from runtime.http.problems import Problem
from runtime.settings import ApiKey

MAX_KEY_CHARS: Final = 200
"""Longest Authorization header with a key that is looked at; ours have some 80 characters."""
_BEARER: Final = re.compile("bearer +(?P<text>.*)", re.IGNORECASE)
"""An Authorization header; its first word may be written in any case (RFC 9110, 11.1)."""
_IDENTITY: Final = re.compile(r"([a-z0-9-]{4,32})\.([1-9][0-9]{0,5})", re.ASCII)
"""CN of a terminal's certificate: its id and generation."""


class ShownToken(Protocol):
    """What an operator's token says, as far as a door asks."""

    @property
    def id(self) -> str:
        """What the audit log calls the token."""

    @property
    def person(self) -> str:
        """Who acts."""

    @property
    def scopes(self) -> AbstractSet[str]:
        """What the roles open."""

    @property
    def district(self) -> str | None:
        """The one district in which it counts."""

    @property
    def place(self) -> str | None:
        """The one place at which it counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who calls: a terminal by its certificate, a service by its key, an operator by a token."""

    name: str
    terminal: str | None
    """As which terminal it scans."""
    fingerprint: str | None = None
    """Of the certificate; None: a key."""
    generation: int | None = None
    """Which enrolment of the terminal the certificate is of; None: a key."""
    scopes: AbstractSet[str] | None = None
    """Of the key or the token; None: the grant alone says."""
    token: ShownToken | None = None
    """Of an operator."""

    @property
    def by(self) -> str:
        """With what the caller acts, as the audit log says it."""
        return f"key:{self.name}" if self.token is None else f"token:{self.token.id}"

    @property
    def share(self) -> str:
        """Whose share of a door's places the caller takes."""
        if self.token is not None:
            return f"operator:{self.token.person}"
        return f"key:{self.name}" if self.fingerprint is None else f"terminal:{self.name}"


NOBODY: Final = Caller(name="", terminal=None, scopes=frozenset())
"""Who calls where nobody is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenReader:
    """How a service reads operators' tokens."""

    prefix: str
    """How every token's text begins, and no key's."""
    read: Callable[[str], ShownToken]
    """Takes a token's text; returns what it says, or raises Problem 401 token.…."""


def terminal_caller(ssl_object: Any) -> Caller | None:
    """Return the terminal of a TLS connection whose certificate was verified."""
    der = ssl_object.getpeercert(binary_form=True)
    shown: Any = ssl_object.getpeercert()
    names = [value for rdn in shown.get("subject", ()) for key, value in rdn if key == "commonName"]
    identity = _IDENTITY.fullmatch(names[0]) if len(names) == 1 else None
    if not der or identity is None:
        return None
    return Caller(
        name=identity[1],
        terminal=identity[1],
        fingerprint=hashlib.sha256(der).hexdigest(),
        generation=int(identity[2]),
    )


def certificate_end(ssl_object: Any) -> float:
    """Return when the peer's certificate ends, in Unix seconds; infinity: it showed none."""
    shown = (ssl_object.getpeercert() or {}).get("notAfter")
    return math.inf if shown is None else float(ssl.cert_time_to_seconds(shown))


class Keys:
    """The API keys that a door knows, and how it reads operators' tokens."""

    def __init__(self, keys: Iterable[ApiKey[Any]], tokens: TokenReader) -> None:
        self._tokens = tokens
        self._callers = {
            key.sha256: Caller(name=key.name, terminal=key.terminal, scopes=frozenset(key.scopes))
            for key in keys
        }

    def caller(self, request: web.BaseRequest) -> Caller:
        """Return who calls.

        Raises:
            Problem: 401 key.unknown or token.….
        """
        return self.named(request.headers.get("Authorization", ""))

    def named(self, header: str) -> Caller:
        """Return who an Authorization header names.

        Raises:
            Problem: 401 key.unknown or token.….
        """
        text = _text_of(header)
        if text is not None and text.startswith(self._tokens.prefix):
            token = self._tokens.read(text)
            return Caller(name=token.person, terminal=None, scopes=token.scopes, token=token)
        digest = key_digest(header)
        found = None
        if digest is not None:
            for known, caller in self._callers.items():
                # Every key is compared, so that time tells nothing of which one was near.
                if hmac.compare_digest(digest, known):
                    found = caller
        if found is None:
            raise Problem(HTTPStatus.UNAUTHORIZED, "key.unknown")
        return found


def key_digest(header: str) -> str | None:
    """Return the SHA-256 of the key in an Authorization header; None: it holds no key."""
    text = _text_of(header)
    if text is not None and header.isascii() and len(header) <= MAX_KEY_CHARS:
        return hashlib.sha256(text.encode()).hexdigest()
    return None


def _text_of(header: str) -> str | None:
    """Return the key or token in an Authorization header; None: it holds none."""
    found = _BEARER.fullmatch(header)
    return None if found is None else found["text"]


def require(caller: Caller, scope: str) -> None:
    """Check that a key has a scope.

    Raises:
        Problem: 403 scope.missing.
    """
    if caller.scopes is not None and scope not in caller.scopes:
        raise Problem(HTTPStatus.FORBIDDEN, "scope.missing")


def require_city(caller: Caller) -> None:
    """Check that a caller is no operator of a district or place.

    Raises:
        Problem: 403 operator.area.
    """
    if not is_of_city(caller):
        raise Problem(HTTPStatus.FORBIDDEN, "operator.area")


def reaches(caller: Caller, place: str, district: str | None) -> bool:
    """Say whether a place, in a district or in none, lies in a caller's area.

    Keys of services have no area: theirs is the whole city. A terminal's place is its grant's.
    """
    token = caller.token
    if token is None:
        return True
    return token.district in (None, district) and token.place in (None, place)


def is_of_city(caller: Caller) -> bool:
    """Say whether a caller's area is the whole city."""
    token = caller.token
    return token is None or (token.district is None and token.place is None)


def require_place(caller: Caller, place: str, district: str | None) -> None:
    """Check that a place lies in a caller's area.

    Raises:
        Problem: 403 operator.area.
    """
    if not reaches(caller, place, district):
        raise Problem(HTTPStatus.FORBIDDEN, "operator.area")


def token_of(caller: Caller) -> ShownToken:
    """Return the token of an operator.

    Raises:
        Problem: 403 operator.needed, it is none.
    """
    if caller.token is None:
        raise Problem(HTTPStatus.FORBIDDEN, "operator.needed")
    return caller.token
