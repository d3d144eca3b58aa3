"""Operator tokens at a door: by the keys of trust that may sign them, and the clock."""

from typing import Any

import msgspec
import pytest

from tests.support.keys import OPERATORS, STATUS, STRANGER
from tests.support.publisher import NOW, entry
from verifier.contract.bundle import KeyEntry, TrustDocument
from verifier.contract.operator import (
    MAX_TOKEN_S,
    SKEW_S,
    OperatorRole,
    OperatorToken,
    seal_operator_token,
)
from verifier.errors import TokenCause, TokenRefused
from verifier.issuing.signing_key import SigningKey
from verifier.trust.keys import KeyRing
from verifier.trust.operators import open_operator_token
from verifier.trust.signers import open_trust

TOKEN = OperatorToken(
    person="ling",
    roles=(OperatorRole.OPERATOR,),
    district=None,
    place=None,
    iat=NOW,
    exp=NOW + MAX_TOKEN_S,
    id="00112233aabbccdd",
)
ENTRY = entry(OPERATORS, "operator")


def ring(*entries: KeyEntry) -> KeyRing:
    """Return what a trust bundle with these keys trusts."""
    document = TrustDocument(
        type="trust", version=1, iat=NOW, exp=NOW + 1, keys=entries, lists={}, sectors_enabled=()
    )
    return open_trust(document).ring


def text(token: OperatorToken = TOKEN, key: SigningKey = OPERATORS) -> str:
    """Sign a token."""
    return seal_operator_token(token, kid=key.kid, sign=key.sign)


def cause(found: str, trusted: KeyRing, now: float = NOW) -> TokenCause:
    """Return why a token is refused."""
    with pytest.raises(TokenRefused) as refused:
        open_operator_token(trusted, found, now)
    return refused.value.cause


def test_a_token_is_opened() -> None:
    """From a little before its issue to a quarter of an hour after."""
    for now in (NOW - SKEW_S, NOW, NOW + MAX_TOKEN_S - 0.001):
        assert open_operator_token(ring(ENTRY), text(), now) == TOKEN
    assert cause(text(), ring(ENTRY), NOW + MAX_TOKEN_S) is TokenCause.EXPIRED
    assert cause(text(), ring(ENTRY), NOW - SKEW_S - 1) is TokenCause.EARLY


def test_a_rotated_key_and_the_old_one_both_open() -> None:
    """While trust names both."""
    both = ring(ENTRY, entry(STRANGER, "operator"))
    assert open_operator_token(both, text(key=STRANGER), NOW) == TOKEN
    assert open_operator_token(both, text(), NOW) == TOKEN


@pytest.mark.parametrize(
    "changes",
    [
        {"uses": ("grant",)},
        {"uses": ()},
        {"nbf": NOW + 1},
        {"exp": NOW - 1},
        {"spki": STATUS.spki},
    ],
)
def test_only_a_key_that_may_sign_tokens_now_opens_one(changes: dict[str, Any]) -> None:
    """Its use, its window, the key itself."""
    assert cause(text(), ring(msgspec.structs.replace(ENTRY, **changes))) is TokenCause.BAD


def test_what_is_no_token_is_bad() -> None:
    """Altered, cut, foreign, or signed for another use."""
    good, trusted = text(), ring(ENTRY)
    for found in ("", "0oRN", good[:-1], good + "A", good[:40] + "AAAA" + good[44:], "x" * 2000):
        assert cause(found, trusted) is TokenCause.BAD
    assert cause(good, KeyRing(())) is TokenCause.BAD
