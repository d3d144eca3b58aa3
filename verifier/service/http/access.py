"""The verifier's callers: whose keys and tokens open its doors, and what only operators may do."""

from collections.abc import Callable, Iterable
from http import HTTPStatus

from runtime.http.access import Caller, Keys, ShownToken, TokenReader, require
from runtime.http.problems import Problem
from runtime.settings import ApiKey
from verifier.contract.operator import TOKEN_PREFIX, OperatorToken
from verifier.contract.vocabulary import ApiScope
from verifier.errors import TokenCause, TokenRefused

OpenToken = Callable[[str], OperatorToken]
"""Takes a token's text; returns what it says, or raises TokenRefused."""


def no_tokens(_: str) -> OperatorToken:
    """Refuse every token: what a door does that operators do not use."""
    raise TokenRefused(TokenCause.BAD)


def callers(keys: Iterable[ApiKey[ApiScope]], open_token: OpenToken = no_tokens) -> Keys:
    """Return who may call at a door: API keys, and operators with a token."""

    def read(text: str) -> OperatorToken:
        try:
            return open_token(text)
        except TokenRefused as error:
            raise Problem(HTTPStatus.UNAUTHORIZED, f"token.{error.cause}") from error

    return Keys(keys, TokenReader(prefix=TOKEN_PREFIX, read=read))


def require_operator(caller: Caller | None, scope: ApiScope) -> ShownToken:
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
