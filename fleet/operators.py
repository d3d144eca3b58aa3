"""Operators: who they are, what they may do and where; their tokens, made and checked.

Pure: a TOML document in, a frozen value out; signing and checking are callables. Roles and what
they open stand in `verifier.contract.operator`. A name is for people who read this file: no token,
no log and no answer of a door carries it. Document: docs/operators.md.

    [[operator]]   person, name, roles, keys (SHA-256 of each API key, hex);
                   optional: district or place
"""

import hmac
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from fleet.contract.messages import Digest, Label
from fleet.errors import OperatorError, TokenError
from fleet.registry import Registry
from verifier.contract.envelope import Sign, SignedUse, take_apart, to_be_signed
from verifier.contract.errors import MalformedError
from verifier.contract.operator import (
    MAX_TOKEN_S,
    SKEW_S,
    AreaId,
    OperatorRole,
    OperatorToken,
    PersonId,
    read_operator_token,
    seal_operator_token,
    token_bytes,
)
from verifier.contract.text import explained

MAX_OPERATORS_BYTES: Final = 1024 * 1024
"""Bytes; a thousand operators take some 200 KB."""
MAX_KEYS: Final = 4
"""API keys of one person: a computer, a phone, and one being changed."""


class Operator(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One person who may act."""

    person: PersonId
    name: Label
    roles: Annotated[tuple[OperatorRole, ...], Meta(min_length=1, max_length=len(OperatorRole))]
    keys: Annotated[tuple[Digest, ...], Meta(min_length=1, max_length=MAX_KEYS)]
    district: AreaId | None = None
    place: AreaId | None = None


class _File(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    operator: tuple[Operator, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Operators:
    """The operators in force, by the digests of their keys."""

    by_key: dict[str, Operator]

    def find(self, digest: str) -> Operator | None:
        """Return whose API key has a digest (SHA-256, hex)."""
        found = None
        for known, operator in self.by_key.items():
            # Every key is compared, so that time tells nothing of which one was near.
            if hmac.compare_digest(digest, known):
                found = operator
        return found


NOBODY: Final = Operators(by_key={})


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenKey:
    """The fleet's operator key: its kid, a callable that signs, one that checks."""

    kid: bytes
    sign: Sign
    holds: Callable[[bytes, bytes], bool]


def read_operators(text: str, registry: Registry) -> Operators:
    """Read the operators' file.

    Raises:
        OperatorError: no TOML, a field is missing, unknown or wrong, a person, a role or a key
            stands twice, or an area is not in the registry.
    """
    if len(text) > MAX_OPERATORS_BYTES:
        raise OperatorError("the operators' file is too long")
    try:
        file = msgspec.convert(tomllib.loads(text), _File)
    except tomllib.TOMLDecodeError as error:
        raise OperatorError(f"no TOML: {error}") from error
    except msgspec.ValidationError as error:
        raise OperatorError(explained(str(error))) from error
    _unique("person", (each.person for each in file.operator))
    _unique("keys", (key for each in file.operator for key in each.keys))
    for operator in file.operator:
        _check(operator, registry)
    return Operators(by_key={key: each for each in file.operator for key in each.keys})


def token_of(operator: Operator, *, token_id: str, now: int) -> OperatorToken:
    """Return the token that an operator gets now (Unix seconds), for a quarter of an hour."""
    return OperatorToken(
        person=operator.person,
        roles=operator.roles,
        district=operator.district,
        place=operator.place,
        iat=now,
        exp=now + MAX_TOKEN_S,
        id=token_id,
    )


def seal_token(token: OperatorToken, key: TokenKey) -> str:
    """Sign a token; returns its text."""
    return seal_operator_token(token, kid=key.kid, sign=key.sign)


def open_token(text: str, key: TokenKey, now: float) -> OperatorToken:
    """Return what a token of our own says.

    Raises:
        TokenError: `token.bad`, `token.expired` or `token.early`.
    """
    try:
        envelope = take_apart(token_bytes(text))
        message = to_be_signed(SignedUse.OPERATOR, envelope.protected, envelope.payload)
        if envelope.kid != key.kid or not key.holds(message, envelope.signature):
            raise TokenError("token.bad")
        token = read_operator_token(envelope.payload)
    except MalformedError as error:
        raise TokenError("token.bad") from error
    if now >= token.exp:
        raise TokenError("token.expired")
    if token.iat > now + SKEW_S:
        raise TokenError("token.early")
    return token


def _check(operator: Operator, registry: Registry) -> None:
    where = f"$.operator[person={operator.person}]"
    if len(set(operator.roles)) != len(operator.roles):
        raise OperatorError(f"{where}.roles: one stands twice")
    if operator.district is not None and operator.place is not None:
        raise OperatorError(f"{where}: a district or a place, not both")
    if operator.district is not None and operator.district not in registry.districts:
        raise OperatorError(f"{where}.district: no district {operator.district}")
    if operator.place is not None and operator.place not in registry.places:
        raise OperatorError(f"{where}.place: no place {operator.place}")


def _unique(what: str, values: Iterable[str]) -> None:
    if any(count > 1 for count in Counter(values).values()):
        # Not which one: what stands twice may be a key's digest.
        raise OperatorError(f"$.operator.{what}: one stands twice")
