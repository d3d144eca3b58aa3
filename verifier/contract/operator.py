"""Operator tokens: who an operator is and what he or she may do, for a quarter of an hour.

The fleet issues them and signs; whoever answers an operator checks them (docs/operators.md). One
table says what each role opens, another what only an operator may do, never a key of a service.
"""

import base64
import binascii
from enum import StrEnum
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from verifier.contract.cbor import decode, encode
from verifier.contract.envelope import Algorithm, Sign, SignedUse, seal
from verifier.contract.errors import MalformedError
from verifier.contract.vocabulary import ApiScope

MAX_TOKEN_S: Final = 900
"""Seconds from `iat` to `exp`: what a stolen token is worth ends with it."""
SKEW_S: Final = 60
"""Seconds that the fleet's clock may be ahead of the one that checks."""
MAX_TOKEN_BYTES: Final = 700
"""Bytes of a signed token; with all roles and the longest ids it has some 400."""
MAX_TOKEN_CHARS: Final = 960
"""Characters of its text; longer headers are not looked at."""
TOKEN_PREFIX: Final = "0oRN"  # noqa: S105 - how every token's text begins
"""Base64url of an envelope's first three bytes; no API key begins so."""

PersonId = Annotated[str, Meta(pattern=r"\A[a-z0-9][a-z0-9-]{1,31}\Z")]
"""An operator's staff number or short name: 2 to 32 of a-z, 0-9, -."""
AreaId = Annotated[str, Meta(pattern=r"\A[a-z0-9](?:[a-z0-9-]{0,46}[a-z0-9])?\Z")]
TokenId = Annotated[str, Meta(pattern=r"\A[0-9a-f]{16}\Z")]
Seconds = Annotated[int, Meta(ge=0, lt=1 << 40)]


class OperatorRole(StrEnum):
    """What an operator is. Closed: an unknown role opens nothing, and its token is refused."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    APPROVER = "approver"
    ADMINISTRATOR = "administrator"


_VIEWING: Final = frozenset({ApiScope.FLEET_READ, ApiScope.RECORDS, ApiScope.BUNDLES})
_OPERATING: Final = _VIEWING | {
    *(ApiScope.RESOLVE, ApiScope.COMMANDS, ApiScope.PROPOSE, ApiScope.REVOKE),
}
_APPROVING: Final = _VIEWING | {ApiScope.APPROVE}
ROLE_SCOPES: Final = {
    OperatorRole.VIEWER: _VIEWING,
    OperatorRole.OPERATOR: _OPERATING,
    OperatorRole.APPROVER: _APPROVING,
    OperatorRole.ADMINISTRATOR: _OPERATING | _APPROVING | {ApiScope.ADMINISTER, ApiScope.PERSONS},
}
"""What each role opens; of several roles, all that any of them does."""


class OperatorToken(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who acts, as what, where and until when."""

    person: PersonId
    roles: Annotated[tuple[OperatorRole, ...], Meta(min_length=1, max_length=len(OperatorRole))]
    district: AreaId | None
    """The one district it counts in; with `place` None too: the whole city."""
    place: AreaId | None
    """The one place it counts at; then `district` is None."""
    iat: Seconds
    exp: Seconds
    id: TokenId
    """Random; what the audit log calls the token."""

    @property
    def scopes(self) -> frozenset[ApiScope]:
        """What the roles open."""
        return frozenset().union(*(ROLE_SCOPES[role] for role in self.roles))


class OperatorTokenAnswer(Struct, frozen=True, kw_only=True):
    """POST /v1/operator-tokens."""

    token: str
    person: str
    roles: tuple[OperatorRole, ...]
    district: str | None
    place: str | None
    expires: int
    """Unix seconds."""


def seal_operator_token(token: OperatorToken, *, kid: bytes, sign: Sign) -> str:
    """Sign a token with the fleet's operator key (ES256); returns its text.

    Raises:
        MalformedError: it lives longer than a quarter of an hour, or names two areas.
    """
    _check(token)
    payload = encode(msgspec.to_builtins(token))
    signed = seal(SignedUse.OPERATOR, payload, kid=kid, algorithm=Algorithm.ES256, sign=sign)
    return base64.urlsafe_b64encode(signed).rstrip(b"=").decode()


def token_bytes(text: str) -> bytes:
    """Return the envelope that a token's text holds; nothing of it is verified.

    Raises:
        MalformedError: not base64url without padding, or too long.
    """
    if len(text) > MAX_TOKEN_CHARS or not text.startswith(TOKEN_PREFIX):
        raise MalformedError("not an operator token")
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedError("not an operator token") from error
    # One text for each token: what base64 would also read is refused.
    if base64.urlsafe_b64encode(data).rstrip(b"=").decode() != text:
        raise MalformedError("not an operator token")
    return data


def read_operator_token(payload: bytes) -> OperatorToken:
    """Read the payload of a token whose signature holds; the time is the caller's to compare.

    Raises:
        MalformedError: not a token, or one that must not have been issued.
    """
    if len(payload) > MAX_TOKEN_BYTES:
        raise MalformedError("longer than any operator token")
    document: Any = decode(payload)
    try:
        token = msgspec.convert(document, OperatorToken)
    except (msgspec.ValidationError, ValueError) as error:
        raise MalformedError("not an operator token") from error
    _check(token)
    return token


def _check(token: OperatorToken) -> None:
    if not 0 < token.exp - token.iat <= MAX_TOKEN_S:
        raise MalformedError("an operator token that lives too long")
    if token.district is not None and token.place is not None:
        raise MalformedError("an operator token of two areas")
    if len(set(token.roles)) != len(token.roles):
        raise MalformedError("an operator token with a role twice")
