"""POST /v1/persons: a person index by pseudonymous reference. Scope `issue`.

The reference is hashed as soon as it is read and goes nowhere else: not into the store, a log or
an answer. The same reference is the same person. Only a new person is given a colour here, before
the index has a name: nobody is known without one; changing it later takes two people.
"""

import asyncio
from http import HTTPStatus
from typing import Annotated, Final

import msgspec
from aiohttp import web
from msgspec import Meta, Struct
from redis.asyncio import Redis

from runtime.http import bodies
from runtime.http.access import Caller
from runtime.http.bodies import json_response, read_json
from runtime.http.problems import Problem
from verifier.contract.errors import MalformedError
from verifier.contract.vocabulary import Colour
from verifier.issuing.persons import MAX_REFERENCE, ReferenceKey
from verifier.service.issuing.checks import store_asked
from verifier.service.issuing.planes.status import ListStatus
from verifier.service.issuing.settings import IssuingSettings
from verifier.service.store.indices import draw
from verifier.service.store.persons import find_persons, keep_person

MAX_BODY: Final = 4096
"""Bytes; a reference of 128 characters takes 512 at most, escaped 1,536."""
MAX_AT_ONCE: Final = 8
"""Requests worked on at once, as at the door of credentials."""


class Reference(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who it is, by a reference of the caller's register."""

    reference: Annotated[str, Meta(min_length=1, max_length=MAX_REFERENCE)]
    colour: str = "green"
    """Of a new person."""

    def __repr__(self) -> str:
        return "Reference(…)"


class PersonAnswer(Struct, frozen=True, kw_only=True):
    """Which person a reference is."""

    list: int
    person: int
    new: bool
    """The reference was not known before."""
    status_version: int
    """Version of the health snapshot from which on the colour shows; 0: it was known before."""


_REFERENCE: Final = msgspec.json.Decoder(Reference)


class Persons:
    """The resource."""

    def __init__(
        self,
        redis: Redis,
        settings: IssuingSettings,
        key: ReferenceKey,
        status: ListStatus,
    ) -> None:
        self._redis = redis
        self._settings = settings
        self._key = key
        self._status = status
        self._turns = asyncio.Semaphore(MAX_AT_ONCE)

    async def post(self, request: web.BaseRequest, _caller: Caller, _: str) -> web.Response:
        """Find a person, or make a new one."""
        asked = bodies.decode(await read_json(request, MAX_BODY), _REFERENCE, MAX_BODY)
        colour = Colour(read_colour(asked.colour))
        try:
            digest = self._key.digest(asked.reference)
        except MalformedError:
            # Without its cause: no trace of the reference may come near a log.
            raise Problem(HTTPStatus.BAD_REQUEST, "reference.bad", field="$.reference") from None
        with store_asked():
            async with self._turns:
                answer = await self._person(digest, colour)
        return json_response(answer, status=201 if answer.new else 200)

    async def _person(self, digest: bytes, colour: Colour) -> PersonAnswer:
        list_number = self._settings.list
        (known,) = await find_persons(self._redis, list_number, [digest])
        if known is not None:
            return _answer(list_number, known, new=False, shows_from=0)
        drawn = await draw(self._redis, list_number, "person", self._settings.people)
        shows_from = await self._status.give_colour(drawn, colour)
        stands = await keep_person(self._redis, list_number, digest, drawn)
        if stands != drawn:  # somebody else was quicker; the index stays taken, and nobody's
            await self._status.give_colour(drawn, Colour.NONE)
            return _answer(list_number, stands, new=False, shows_from=0)
        return _answer(list_number, drawn, new=True, shows_from=shows_from)


def read_colour(name: str) -> int:
    """Return the value of a colour by its name.

    Raises:
        Problem: 400 colour.unknown.
    """
    try:
        return int(Colour[name.upper()])
    except KeyError as error:
        raise Problem(HTTPStatus.BAD_REQUEST, "colour.unknown", field="$.colour") from error


def _answer(list_number: int, person: int, *, new: bool, shows_from: int) -> PersonAnswer:
    return PersonAnswer(list=list_number, person=person, new=new, status_version=shows_from)
