"""Who calls: API keys as bearer tokens, hashed, with scopes; compared in constant time."""

import hashlib
import hmac
from http import HTTPStatus
from typing import Final

from aiohttp import web

from fleet.service.app import FLEET
from fleet.service.http.problems import ProblemError
from fleet.service.settings import ApiKey
from verifier.contract.vocabulary import ApiScope

MAX_KEY_CHARS: Final = 200
"""Longest Authorization header looked at; ours have some 80 characters."""
_BEARER: Final = "Bearer "


def require(request: web.Request, scope: ApiScope) -> ApiKey:
    """Return the caller's key.

    Raises:
        ProblemError: 401 without a known key, 403 when its scopes do not reach.
    """
    key = _known(request.headers.get("Authorization", ""), request.app[FLEET].api_keys)
    if key is None:
        raise ProblemError(HTTPStatus.UNAUTHORIZED, "key.unknown")
    if scope not in key.scopes:
        raise ProblemError(HTTPStatus.FORBIDDEN, "scope.missing")
    return key


def _known(header: str, keys: tuple[ApiKey, ...]) -> ApiKey | None:
    if not header.startswith(_BEARER) or len(header) > MAX_KEY_CHARS or not header.isascii():
        return None
    digest = hashlib.sha256(header.removeprefix(_BEARER).encode()).hexdigest()
    found = None
    for key in keys:
        # Every key is compared, so that time tells nothing of which one was near.
        if hmac.compare_digest(digest, key.sha256):
            found = key
    return found
