"""Operator tokens as a door checks them: by the keys that trust names for them, and the clock.

A key signs tokens only with the use `operator`, in its window. No network, no clock here.
Document: docs/operators.md.
"""

from typing import Final

from verifier.contract.envelope import SignedUse, take_apart, to_be_signed
from verifier.contract.errors import MalformedError
from verifier.contract.operator import (
    SKEW_S,
    OperatorToken,
    read_operator_token,
    token_bytes,
)
from verifier.errors import TokenCause, TokenRefused
from verifier.trust.keys import KeyRing

USE: Final = "operator"
"""Word of `uses` in the trust bundle."""


def open_operator_token(ring: KeyRing, text: str, now: float) -> OperatorToken:
    """Return what a token says, when a key of the ring that may sign tokens now has signed it.

    Raises:
        TokenRefused: BAD, EXPIRED or EARLY.
    """
    try:
        envelope = take_apart(token_bytes(text))
    except MalformedError as error:
        raise TokenRefused(TokenCause.BAD) from error
    message = to_be_signed(SignedUse.OPERATOR, envelope.protected, envelope.payload)
    if not any(
        USE in key.uses
        and key.not_before <= now <= key.not_after
        and key.key.algorithm == envelope.algorithm
        and key.key.verify(message, envelope.signature)
        for key in ring.find(envelope.kid)
    ):
        raise TokenRefused(TokenCause.BAD)
    try:
        token = read_operator_token(envelope.payload)
    except MalformedError as error:
        raise TokenRefused(TokenCause.BAD) from error
    if now >= token.exp:
        raise TokenRefused(TokenCause.EXPIRED)
    if token.iat > now + SKEW_S:
        raise TokenRefused(TokenCause.EARLY)
    return token
