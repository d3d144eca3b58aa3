"""Who calls, and what that opens: terminals by certificate, services by hashed API keys.

A certificate says who; what it opens is its grant's, looked up at every request, so that a revoked
grant ends on an open connection too. A key is compared in constant time.
"""

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web

from verifier.contract.vocabulary import ApiScope, GrantState
from verifier.service.http.problems import Problem
from verifier.service.knowledge import Gate, Knowledge
from verifier.service.settings import ApiKey

MAX_KEY_CHARS: Final = 200
"""Longest Authorization header looked at; ours have some 80 characters."""
_BEARER: Final = "Bearer "


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who calls: a terminal by its certificate, or a service by its key."""

    name: str
    terminal: str | None
    """As which terminal it scans."""
    fingerprint: str | None = None
    """Of the certificate; None: a key."""
    scopes: frozenset[ApiScope] | None = None
    """Of the key; None: the grant alone says."""


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
    """The API keys that a door knows."""

    def __init__(self, keys: Iterable[ApiKey]) -> None:
        self._callers = {
            key.sha256: Caller(name=key.name, terminal=key.terminal, scopes=frozenset(key.scopes))
            for key in keys
        }

    def caller(self, request: web.BaseRequest) -> Caller:
        """Return who calls.

        Raises:
            Problem: 401 key.unknown.
        """
        return self.named(request.headers.get("Authorization", ""))

    def named(self, header: str) -> Caller:
        """Return who an Authorization header names.

        Raises:
            Problem: 401 key.unknown.
        """
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


def require(caller: Caller, scope: ApiScope) -> None:
    """Check that a key has a scope.

    Raises:
        Problem: 403 scope.missing.
    """
    if caller.scopes is not None and scope not in caller.scopes:
        raise Problem(HTTPStatus.FORBIDDEN, "scope.missing")


def gate_of(caller: Caller, knowledge: Knowledge, scope: ApiScope) -> Gate:
    """Return the gate at which a caller scans.

    Raises:
        Problem: 403 with what its grant lacks.
    """
    if caller.scopes is not None and scope not in caller.scopes:
        raise Problem(HTTPStatus.FORBIDDEN, "scope.missing")
    if caller.terminal is None:
        raise Problem(HTTPStatus.FORBIDDEN, "terminal.none")
    gate = knowledge.gate(caller.terminal)
    if gate is None:
        raise Problem(HTTPStatus.FORBIDDEN, "grant.none")
    grant = gate.grant
    if grant.state is not GrantState.ACTIVE:
        raise Problem(HTTPStatus.FORBIDDEN, f"grant.{grant.state}")
    if caller.fingerprint is not None and caller.fingerprint != grant.fingerprint:
        raise Problem(HTTPStatus.FORBIDDEN, "grant.fingerprint")
    if scope not in grant.scopes:
        raise Problem(HTTPStatus.FORBIDDEN, "grant.scope")
    return gate
