"""Operators' tokens in tests: what the fleet would sign, with one thing changed a test."""

import secrets
import time
from typing import Any, Final

from tests.support.keys import OPERATORS
from verifier.contract.operator import (
    MAX_TOKEN_S,
    OperatorRole,
    OperatorToken,
    seal_operator_token,
)
from verifier.issuing.signing_key import SigningKey

EVERYTHING: Final = tuple(OperatorRole)


def operator_token(
    person: str = "ling",
    *roles: str,
    ago: int = 0,
    key: SigningKey = OPERATORS,
    **changes: Any,
) -> str:
    """Return a token issued `ago` seconds before now; without roles it has all of them."""
    issued = int(time.time()) - ago
    members: dict[str, Any] = {
        "person": person,
        "roles": tuple(map(OperatorRole, roles)) or EVERYTHING,
        "district": None,
        "place": None,
        "iat": issued,
        "exp": issued + MAX_TOKEN_S,
        "id": secrets.token_hex(8),
    }
    token = OperatorToken(**members | changes)
    return seal_operator_token(token, kid=key.kid, sign=key.sign)
