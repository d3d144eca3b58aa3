"""Operator tokens: what they say, how they are written, and that each has one text."""

import base64
from typing import Any

import msgspec
import pytest

from tests.support.keys import OPERATORS
from verifier.contract.cbor import encode
from verifier.contract.envelope import SignedUse, take_apart, to_be_signed
from verifier.contract.errors import MalformedError
from verifier.contract.operator import (
    MAX_TOKEN_BYTES,
    MAX_TOKEN_CHARS,
    MAX_TOKEN_S,
    ROLE_SCOPES,
    TOKEN_PREFIX,
    OperatorRole,
    OperatorToken,
    read_operator_token,
    seal_operator_token,
    token_bytes,
)
from verifier.contract.vocabulary import ONLY_OPERATORS, ApiScope

NOW = 1_790_000_000
TOKEN = OperatorToken(
    person="ling",
    roles=(OperatorRole.OPERATOR,),
    district=None,
    place=None,
    iat=NOW,
    exp=NOW + MAX_TOKEN_S,
    id="00112233aabbccdd",
)


def sealed(token: OperatorToken = TOKEN) -> str:
    """Sign a token."""
    return seal_operator_token(token, kid=OPERATORS.kid, sign=OPERATORS.sign)


def test_a_token_is_read_as_it_was_signed() -> None:
    """Its text begins as no API key does; its signature is for tokens alone."""
    text = sealed()
    assert text.startswith(TOKEN_PREFIX)
    envelope = take_apart(token_bytes(text))
    assert read_operator_token(envelope.payload) == TOKEN
    message = to_be_signed(SignedUse.OPERATOR, envelope.protected, envelope.payload)
    assert OPERATORS.sign(message) == envelope.signature


def test_the_longest_token_fits() -> None:
    """With all roles, the longest person and place."""
    token = msgspec.structs.replace(
        TOKEN, person="p" * 32, roles=tuple(OperatorRole), place="a" * 48, id="f" * 16
    )
    text = sealed(token)
    assert len(text) <= MAX_TOKEN_CHARS
    assert len(token_bytes(text)) <= MAX_TOKEN_BYTES


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": NOW + MAX_TOKEN_S + 1},
        {"exp": NOW},
        {"exp": NOW - 1},
        {"district": "liwan", "place": "hall"},
        {"roles": (OperatorRole.VIEWER, OperatorRole.VIEWER)},
    ],
)
def test_a_token_that_must_not_be_is_neither_signed_nor_read(changes: dict[str, Any]) -> None:
    """Longer than a quarter of an hour, of two areas, of a role twice."""
    token = msgspec.structs.replace(TOKEN, **changes)
    with pytest.raises(MalformedError):
        sealed(token)
    with pytest.raises(MalformedError):
        read_operator_token(encode(msgspec.to_builtins(token)))


@pytest.mark.parametrize(
    "changes",
    [
        {"person": "L"},
        {"person": "a b"},
        {"person": ""},
        {"roles": []},
        {"roles": ["king"]},
        {"id": "x"},
        {"iat": -1},
        {"more": 1},
        {"district": "UP"},
    ],
)
def test_what_is_no_token_is_refused(changes: dict[str, Any]) -> None:
    """A role that is not known, a member more, a wrong form."""
    with pytest.raises(MalformedError):
        read_operator_token(encode(msgspec.to_builtins(TOKEN) | changes))


def test_a_token_has_one_text() -> None:
    """Padding, other letters for the last bits, another alphabet, a blank: all refused."""
    text = sealed()
    data = token_bytes(text)
    plain = base64.b64encode(data).decode().rstrip("=")
    others = {text + "=", text + " ", f" {text}", plain + "=", text[:-1] + "~", text + "\n"}
    # A text of which base64 would not read the last bits.
    if len(text) % 4:
        others |= {text[:-1] + letter for letter in "AQgw" if letter != text[-1]}
    for other in others - {text}:
        try:
            assert token_bytes(other) != data
        except MalformedError:
            continue
    with pytest.raises(MalformedError):
        token_bytes("x" * (MAX_TOKEN_CHARS + 1))


def test_roles_open_what_the_table_says() -> None:
    """Only an approver approves; a viewer changes nothing; no role of operators may issue."""
    scopes = {role: ROLE_SCOPES[role] for role in OperatorRole}
    assert {role for role in scopes if ApiScope.APPROVE in scopes[role]} == {
        OperatorRole.APPROVER,
        OperatorRole.ADMINISTRATOR,
    }
    assert not scopes[OperatorRole.VIEWER] & ONLY_OPERATORS
    assert not scopes[OperatorRole.APPROVER] & {ApiScope.PROPOSE, ApiScope.RESOLVE}
    assert {role for role in scopes if ApiScope.ADMINISTER in scopes[role]} == {
        OperatorRole.ADMINISTRATOR
    }
    assert not any(
        {ApiScope.ISSUE, ApiScope.SCAN, ApiScope.GRANTS} & found for found in scopes.values()
    )
    both = msgspec.structs.replace(TOKEN, roles=(OperatorRole.VIEWER, OperatorRole.APPROVER))
    assert both.scopes == scopes[OperatorRole.VIEWER] | scopes[OperatorRole.APPROVER]
