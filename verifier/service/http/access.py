"""The verifier's callers: whose keys and tokens open its doors, and what only operators may do."""

from collections.abc import Callable, Iterable
from http import HTTPStatus

from runtime.http.access import Keys, TokenReader
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
