"""Who calls, and what that opens: terminals by certificate, services by API keys, operators.

A certificate says who; what it opens is its grant's, looked up at every request, so that a revoked
grant ends on an open connection too. A key is hashed and compared in constant time. An operator
shows a short-lived token in a key's place (docs/operators.md): a person then answers for the call.
"""

import hashlib
import hmac
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web

from verifier.contract.operator import TOKEN_PREFIX, OperatorToken
from verifier.contract.vocabulary import ApiScope
from verifier.errors import TokenCause, TokenRefused
from verifier.service.http.problems import Problem
from verifier.service.process.settings import ApiKey

MAX_KEY_CHARS: Final = 200
"""Longest Authorization header with a key that is looked at; ours have some 80 characters."""
_BEARER: Final = "Bearer "
_TOKEN: Final = f"{_BEARER}{TOKEN_PREFIX}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who calls: a terminal by its certificate, a service by its key, an operator by a token."""

    name: str
    terminal: str | None
    """As which terminal it scans."""
    fingerprint: str | None = None
    """Of the certificate; None: a key."""
    scopes: frozenset[ApiScope] | None = None
    """Of the key or the token; None: the grant alone says."""
    token: OperatorToken | None = None
    """Of an operator."""

    @property
    def by(self) -> str:
        """With what the caller acts, as the audit log says it."""
        return f"key:{self.name}" if self.token is None else f"token:{self.token.id}"


OpenToken = Callable[[str], OperatorToken]
"""Takes a token's text; returns what it says, or raises TokenRefused."""


def no_tokens(_: str) -> OperatorToken:
    """Refuse every token: what a door does that operators do not use."""
    raise TokenRefused(TokenCause.BAD)


def terminal_caller(ssl_object: Any) -> Caller | None:
    """Return the terminal of a TLS connection whose certificate was verified."""
    der = ssl_object.getpeercert(binary_form=True)
    shown: Any = ssl_object.getpeercert()
    names = [value for rdn in shown.get("subject", ()) for key, value in rdn if key == "commonName"]
    if not der or len(names) != 1:
        return None
    fingerprint = hashlib.sha256(der).hexdigest()
    return Caller(name=names[0], terminal=names[0], fingerprint=fingerprint)


class Keys:
    """The API keys that a door knows, and how it opens operators' tokens."""

    def __init__(self, keys: Iterable[ApiKey], open_token: OpenToken = no_tokens) -> None:
        self._open_token = open_token
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
        if header.startswith(_TOKEN):
            return self._operator(header[len(_BEARER) :])
        if header.startswith(_BEARER) and header.isascii() and len(header) <= MAX_KEY_CHARS:
            digest = hashlib.sha256(header[len(_BEARER) :].encode()).hexdigest()
            found = None
            for known, caller in self._callers.items():
                # Every key is compared, so that time tells nothing of which one was near.
                if hmac.compare_digest(digest, known):
                    found = caller
            if found is not None:
                return found
        raise Problem(HTTPStatus.UNAUTHORIZED, "key.unknown")

    def _operator(self, text: str) -> Caller:
        try:
            token = self._open_token(text)
        except TokenRefused as error:
            raise Problem(HTTPStatus.UNAUTHORIZED, f"token.{error.cause}") from error
        return Caller(name=token.person, terminal=None, scopes=token.scopes, token=token)


def require(caller: Caller, scope: ApiScope) -> None:
    """Check that a key has a scope.

    Raises:
        Problem: 403 scope.missing.
    """
    if caller.scopes is not None and scope not in caller.scopes:
        raise Problem(HTTPStatus.FORBIDDEN, "scope.missing")


def require_operator(caller: Caller | None, scope: ApiScope) -> OperatorToken:
    """Return the token of an operator whose roles open a scope.

    Raises:
        Problem: 401 key.unknown, 403 operator.needed or scope.missing.
    """
    if caller is None:
        raise Problem(HTTPStatus.UNAUTHORIZED, "key.unknown")
    if caller.token is None:
        raise Problem(HTTPStatus.FORBIDDEN, "operator.needed")
    require(caller, scope)
    return caller.token


def require_city(caller: Caller) -> None:
    """Check that a caller is no operator of a district or place.

    Raises:
        Problem: 403 operator.area.
    """
    token = caller.token
    if token is not None and (token.district is not None or token.place is not None):
        raise Problem(HTTPStatus.FORBIDDEN, "operator.area")
