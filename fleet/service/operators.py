"""Operating: the operators in force and the key of their tokens, read from files."""

import secrets
from typing import Final

from fleet import identity
from fleet.errors import OperatorError
from fleet.operators import (
    NOBODY,
    Operator,
    Operators,
    TokenKey,
    open_token,
    read_operators,
    seal_token,
    token_of,
)
from fleet.registry import Registry
from fleet.service.files import read_key, read_text
from runtime.clock import now_ms
from verifier.contract.operator import OperatorToken

TOKEN_ID_BYTES: Final = 8
_MS: Final = 1000


def load_operators(path: str, registry: Registry) -> Operators:
    """Read the operators' file.

    Raises:
        OperatorError: it cannot be read or does not hold.
    """
    return read_operators(read_text(path, "the operators' file", OperatorError), registry)


def load_token_key(path: str) -> TokenKey:
    """Read the key that signs operators' tokens.

    Raises:
        SettingsError: it cannot be read or is no P-256 key.
    """
    key = read_key(path, "operator_key")
    public = key.public_key()
    return TokenKey(
        kid=identity.kid_of(public), sign=identity.signer(key), holds=identity.checker(public)
    )


class OperatorsInForce:
    """Who may act, and their tokens."""

    def __init__(self, key: TokenKey) -> None:
        self.operators = NOBODY
        self._key = key

    def make(self, operator: Operator) -> OperatorToken:
        """Make the token that an operator gets now; it is not signed yet."""
        token_id = secrets.token_hex(TOKEN_ID_BYTES)
        return token_of(operator, token_id=token_id, now=now_ms() // _MS)

    def seal(self, token: OperatorToken) -> str:
        """Sign a token; returns its text."""
        return seal_token(token, self._key)

    def open(self, text: str) -> OperatorToken:
        """Return what a token says, now.

        Raises:
            TokenError: with a code.
        """
        return open_token(text, self._key, now_ms() / _MS)
