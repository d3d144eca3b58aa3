"""Operators: the file that names them, their keys, the tokens that the fleet makes and takes."""

from hashlib import sha256

import pytest

from fleet import identity
from fleet.errors import OperatorError, TokenError
from fleet.operators import TokenKey, open_token, read_operators, seal_token, token_of
from fleet.registry import read_registry
from verifier.contract.operator import MAX_TOKEN_S, SKEW_S, OperatorRole

REGISTRY = read_registry(
    """
district = [{id = "liwan", name = "荔湾区"}]
[[place]]
id = "hall"
name = "政务大厅"
district = "liwan"
gate = [{id = "g1", direction = "in"}]
"""
)
FIRST, SECOND, OTHER = (sha256(text).hexdigest() for text in (b"one", b"two", b"three"))
GOOD = f"""
[[operator]]
person = "ling"
name = "凌"
roles = ["operator", "approver"]
keys = ["{FIRST}", "{SECOND}"]

[[operator]]
person = "mei"
name = "梅"
roles = ["viewer"]
keys = ["{OTHER}"]
district = "liwan"
"""
NOW = 1_790_000_000


def made_key() -> TokenKey:
    """Make an operator key."""
    key = identity.make_key()
    public = key.public_key()
    return TokenKey(
        kid=identity.kid_of(public), sign=identity.signer(key), holds=identity.checker(public)
    )


KEY = made_key()


def token(now: int = NOW) -> str:
    """Return ling's token."""
    operator = read_operators(GOOD, REGISTRY).find(FIRST)
    assert operator is not None
    return seal_token(token_of(operator, token_id="0" * 16, now=now), KEY)


def test_operators_are_found_by_their_keys() -> None:
    """Each of a person's keys is the same person; an unknown one is nobody."""
    operators = read_operators(GOOD, REGISTRY)
    first, second = operators.find(FIRST), operators.find(SECOND)
    assert first is not None
    assert first is second
    assert first.roles == (OperatorRole.OPERATOR, OperatorRole.APPROVER)
    assert operators.find(sha256(b"four").hexdigest()) is None


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        ('person = "mei"', 'person = "ling"', "$.operator.person"),
        (OTHER, FIRST, "$.operator.keys"),
        (OTHER, SECOND, "$.operator.keys"),
        ('"viewer"', '"king"', "roles"),
        ('"viewer"', '"viewer", "viewer"', "$.operator[person=mei].roles"),
        ('["viewer"]', "[]", "roles"),
        ('district = "liwan"', 'district = "yuexiu"', "$.operator[person=mei].district"),
        ('district = "liwan"', 'place = "museum"', "$.operator[person=mei].place"),
        ('district = "liwan"', 'place = "hall"\ndistrict = "liwan"', "$.operator[person=mei]"),
        ('district = "liwan"', 'colour = "red"', "colour"),
        (f'"{OTHER}"', '"secret"', "keys"),
        ("[[operator]]", "[[", "no TOML"),
        ('person = "mei"', 'person = "Mei Li"', "person"),
    ],
)
def test_a_file_that_does_not_hold_is_refused(before: str, after: str, named: str) -> None:
    """Naming the field; a key's digest is never repeated."""
    assert before in GOOD
    with pytest.raises(OperatorError) as found:
        read_operators(GOOD.replace(before, after), REGISTRY)
    assert named in str(found.value)
    assert FIRST not in str(found.value)


def test_a_token_is_taken_while_it_lives() -> None:
    """From a little before its issue to a quarter of an hour after, and no longer."""
    text = token()
    for now in (NOW - SKEW_S, NOW, NOW + MAX_TOKEN_S - 1):
        assert open_token(text, KEY, now).person == "ling"
    for now, code in ((NOW + MAX_TOKEN_S, "token.expired"), (NOW - SKEW_S - 1, "token.early")):
        with pytest.raises(TokenError) as found:
            open_token(text, KEY, now)
        assert found.value.code == code


def test_a_token_of_another_key_is_nobody_s() -> None:
    """Also one whose signature was altered."""
    text = token()
    altered = text[:-6] + ("AAAAAA" if text[-6:] != "AAAAAA" else "BBBBBB")
    for shown, key in ((text, made_key()), (altered, KEY), ("0oRNx", KEY), ("", KEY)):
        with pytest.raises(TokenError) as found:
            open_token(shown, key, NOW)
        assert found.value.code == "token.bad"
