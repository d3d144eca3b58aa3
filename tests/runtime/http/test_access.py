import hashlib
from enum import StrEnum
from http import HTTPStatus

import msgspec
import pytest

from runtime.http.access import Keys, TokenReader, require
from runtime.http.problems import Problem
from runtime.settings import ApiKey

KEY = "key_" + "s" * 40


class Right(StrEnum):
    """The scopes of a service that is none of ours."""

    READ = "read"
    SIGN = "sign"

    @property
    def only_operators(self) -> bool:
        """Only a person signs."""
        return self is Right.SIGN


class Shown(msgspec.Struct, frozen=True):
    """What its tokens say."""

    id: str
    person: str
    scopes: frozenset[Right]
    district: str | None = None
    place: str | None = None


def read(text: str) -> Shown:
    """Read a token."""
    if text != "tok.good":
        raise Problem(HTTPStatus.UNAUTHORIZED, "token.bad")
    return Shown("1", "ling", frozenset({Right.SIGN}))


def keys() -> Keys:
    """Return who may call."""
    digest = hashlib.sha256(KEY.encode()).hexdigest()
    key = ApiKey(name="a", sha256=digest, scopes=(Right.READ,))
    return Keys((key,), TokenReader(prefix="tok.", read=read))


def test_the_scopes_are_the_service_s() -> None:
    """A key opens those it has."""
    caller = keys().named(f"Bearer {KEY}")
    assert (caller.name, caller.by) == ("a", "key:a")
    require(caller, Right.READ)
    with pytest.raises(Problem) as found:
        require(caller, Right.SIGN)
    assert found.value.code == "scope.missing"


def test_tokens_are_read_by_the_service() -> None:
    """By how their text begins; what it refuses is refused."""
    caller = keys().named("Bearer tok.good")
    assert (caller.name, caller.by) == ("ling", "token:1")
    require(caller, Right.SIGN)
    with pytest.raises(Problem) as found:
        keys().named("Bearer tok.other")
    assert found.value.code == "token.bad"


def test_a_key_may_not_have_what_only_operators_have() -> None:
    """In settings, by the service's own scopes."""
    text = '{"name": "a", "sha256": "%s", "scopes": ["sign"]}' % ("0" * 64)
    with pytest.raises(msgspec.ValidationError, match="only operators have"):
        msgspec.json.decode(text, type=ApiKey[Right])
