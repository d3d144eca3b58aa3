"""The fleet's callers: services by API keys with scopes, operators by short-lived tokens.

An operator's own key opens only the door that gives tokens; a token opens what its roles do, in its
district or at its place.
"""

from collections.abc import Iterable
from http import HTTPStatus

from aiohttp import web

from fleet.errors import TokenError
from fleet.operators import Operator, Operators
from fleet.service.operators import OperatorsInForce
from runtime.http.access import Caller, Keys, TokenReader, key_digest
from runtime.http.problems import Problem
from runtime.settings import ApiKey
from verifier.contract.operator import TOKEN_PREFIX, OperatorToken
from verifier.contract.vocabulary import ApiScope


def callers(keys: Iterable[ApiKey[ApiScope]], operating: OperatorsInForce) -> Keys:
    """Return who may call: API keys, and operators with a token of ours."""

    def read(text: str) -> OperatorToken:
        try:
            return operating.open(text)
        except TokenError as error:
            raise Problem(HTTPStatus.UNAUTHORIZED, error.code) from error

    return Keys(keys, TokenReader(prefix=TOKEN_PREFIX, read=read))


def orderer(caller: Caller) -> str:
    """Return whose commands a caller's are: a key's name, or `operator:<person>`, which is none."""
    return caller.name if caller.token is None else f"operator:{caller.token.person}"


def operator_of(request: web.BaseRequest, operators: Operators) -> tuple[Operator, str]:
    """Return whose own API key is shown, and the key's digest.

    Raises:
        Problem: 401 `key.unknown`.
    """
    digest = key_digest(request.headers.get("Authorization", ""))
    found = None if digest is None else operators.find(digest)
    if digest is None or found is None:
        raise Problem(HTTPStatus.UNAUTHORIZED, "key.unknown")
    return found, digest
