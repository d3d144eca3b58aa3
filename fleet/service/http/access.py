"""Who calls: services by API keys with scopes, operators by short-lived tokens.

Keys are hashed and compared in constant time. An operator's own key opens only the door that gives
tokens; a token opens what its roles do, in its district or at its place.
"""

import hashlib
import hmac
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from aiohttp import web

from fleet.errors import TokenError
from fleet.operators import Operator
from fleet.registry import Place
from fleet.service.app import FLEET
from fleet.service.http.problems import ProblemError
from fleet.service.settings import ApiKey
from runtime.audit import AuditError
from verifier.contract.audit import Act
from verifier.contract.operator import MAX_TOKEN_CHARS, TOKEN_PREFIX, OperatorToken
from verifier.contract.vocabulary import ApiScope

MAX_KEY_CHARS: Final = 200
"""Longest API key looked at; ours have some 60 characters."""
_BEARER: Final = "Bearer "


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who calls."""

    name: str
    """Of the API key; of an operator `operator:<person>`, which is no key's name."""
    scopes: frozenset[ApiScope]
    by: str
    """With what, as the audit log says it."""
    token: OperatorToken | None = None
    """None: a service."""

    @property
    def person(self) -> str:
        """The operator's person id; empty: a service."""
        return "" if self.token is None else self.token.person

    def reaches(self, place: Place) -> bool:
        """Say whether the caller may act at a place."""
        token = self.token
        if token is None:
            return True
        return token.district in (None, place.district) and token.place in (None, place.id)


def require(request: web.Request, scope: ApiScope) -> Caller:
    """Return who calls.

    Raises:
        ProblemError: 401 `key.unknown` or `token.…`, 403 `scope.missing`.
    """
    text = _bearer(request)
    caller = _operator(request, text) if text.startswith(TOKEN_PREFIX) else _service(request, text)
    if scope not in caller.scopes:
        raise ProblemError(HTTPStatus.FORBIDDEN, "scope.missing")
    return caller


def require_place(caller: Caller, place: Place) -> None:
    """Check that a caller may act at a place.

    Raises:
        ProblemError: 403 `operator.area`.
    """
    if not caller.reaches(place):
        raise ProblemError(HTTPStatus.FORBIDDEN, "operator.area")


def operator_of(request: web.Request) -> tuple[Operator, str]:
    """Return whose own API key is shown, and the key's digest.

    Raises:
        ProblemError: 401 `key.unknown`.
    """
    text = _bearer(request)
    digest = hashlib.sha256(text.encode()).hexdigest()
    found = request.app[FLEET].operating.operators.find(digest)
    if found is None or len(text) > MAX_KEY_CHARS:
        raise ProblemError(HTTPStatus.UNAUTHORIZED, "key.unknown")
    return found, digest


async def audited(request: web.Request, act: Act) -> None:
    """Append an entry to the audit log, before what it says is done or answered.

    Raises:
        ProblemError: 503 `audit.unavailable`; then it must not be done.
    """
    try:
        await request.app[FLEET].audit.append(act)
    except AuditError as error:
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, "audit.unavailable") from error


def _bearer(request: web.Request) -> str:
    header = request.headers.get("Authorization", "")
    if len(header) > MAX_TOKEN_CHARS + len(_BEARER) or not header.isascii():
        return ""
    return header.removeprefix(_BEARER) if header.startswith(_BEARER) else ""


def _operator(request: web.Request, text: str) -> Caller:
    try:
        token = request.app[FLEET].operating.open(text)
    except TokenError as error:
        raise ProblemError(HTTPStatus.UNAUTHORIZED, error.code) from error
    return Caller(
        name=f"operator:{token.person}",
        scopes=token.scopes,
        by=f"token:{token.id}",
        token=token,
    )


def _service(request: web.Request, text: str) -> Caller:
    key = _known(text, request.app[FLEET].api_keys)
    if key is None:
        raise ProblemError(HTTPStatus.UNAUTHORIZED, "key.unknown")
    return Caller(name=key.name, scopes=frozenset(key.scopes), by=f"key:{key.name}")


def _known(text: str, keys: tuple[ApiKey, ...]) -> ApiKey | None:
    if len(text) > MAX_KEY_CHARS:
        return None
    digest = hashlib.sha256(text.encode()).hexdigest()
    found = None
    for key in keys:
        # Every key is compared, so that time tells nothing of which one was near.
        if hmac.compare_digest(digest, key.sha256):
            found = key
    return found
