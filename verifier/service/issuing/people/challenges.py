"""POST /v1/challenges: what a phone has to sign before a credential is bound to its key.

Scope `issue`. A challenge is for one person (or somebody new) and one purpose, of one caller, for
five minutes, and one request uses it.
"""

import secrets
from http import HTTPStatus
from typing import Annotated, Final

import msgspec
from aiohttp import web
from msgspec import Meta, Struct
from redis.asyncio import Redis

from runtime.clock import now
from runtime.http import bodies
from runtime.http.access import Caller
from runtime.http.bodies import json_response, read_json
from runtime.http.problems import Problem
from verifier.contract.errors import MalformedError
from verifier.contract.holder import NONCE_BYTES, Purpose
from verifier.issuing.possession import HolderRefused, check_possession
from verifier.service.issuing.checks import store_asked
from verifier.service.issuing.people.holder_keys import BoundKey, read_octets
from verifier.service.issuing.settings import IssuingSettings
from verifier.service.store.challenges import (
    CHALLENGE_S,
    Challenge,
    keep_challenge,
    read_challenge,
    use_challenge,
)

MAX_BODY: Final = 1024
"""Bytes; a purpose and an index."""
_PURPOSES: Final = frozenset({Purpose.PHONE, Purpose.PROXY})
"""A renewal has its own nonce."""


class ChallengeAsked(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a challenge shall be for."""

    purpose: Purpose = Purpose.PHONE
    person: Annotated[int, Meta(ge=0, lt=1 << 32)] | None = None
    """Who shall have the credential; null: somebody new."""


class ChallengeAnswer(Struct, frozen=True, kw_only=True):
    """What a phone has to sign."""

    challenge: str
    """Hex."""
    purpose: Purpose
    iss: str
    """The issuer, which is signed too."""
    expires: int
    """Unix seconds."""


_ASKED: Final = msgspec.json.Decoder(ChallengeAsked)


class Challenges:
    """The resource, and the use of what it gave out."""

    def __init__(self, redis: Redis, settings: IssuingSettings) -> None:
        self._redis = redis
        self._issuer = settings.issuer

    async def post(self, request: web.BaseRequest, caller: Caller, _: str) -> web.Response:
        """Give out a challenge."""
        asked = bodies.decode(await read_json(request, MAX_BODY), _ASKED, MAX_BODY)
        if asked.purpose not in _PURPOSES or (asked.purpose is Purpose.PROXY) > (
            asked.person is not None
        ):
            raise Problem(HTTPStatus.BAD_REQUEST, "body.field", field="$.purpose")
        challenge = secrets.token_bytes(NONCE_BYTES)
        what = Challenge(purpose=asked.purpose, person=asked.person, by=caller.name)
        with store_asked():
            await keep_challenge(self._redis, challenge, what)
        answer = ChallengeAnswer(
            challenge=challenge.hex(),
            purpose=asked.purpose,
            iss=self._issuer,
            expires=int(now()) + CHALLENGE_S,
        )
        return json_response(answer, status=201)

    async def use(self, text: str, possession: str, key: BoundKey, what: Challenge,
                  request: str) -> None:  # fmt: skip
        """Check that a key has signed a challenge that was given out for this, and use it up.

        Raises:
            Problem: 400 holder.…, 409 challenge.unknown or challenge.used.
        """
        challenge = bytes.fromhex(text)
        given = await read_challenge(self._redis, challenge)
        if given != what:
            raise Problem(HTTPStatus.CONFLICT, "challenge.unknown", field="$.challenge")
        try:
            check_possession(
                read_octets(possession), key.key,
                issuer=self._issuer, purpose=what.purpose, challenge=challenge,
            )  # fmt: skip
        except (HolderRefused, MalformedError) as error:
            cause = error.cause if isinstance(error, HolderRefused) else "malformed"
            raise Problem(HTTPStatus.BAD_REQUEST, f"holder.{cause}", field="$.possession") from None
        if not await use_challenge(self._redis, challenge, request):
            raise Problem(HTTPStatus.CONFLICT, "challenge.used", field="$.challenge")
