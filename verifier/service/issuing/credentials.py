"""POST /v1/credentials and /v1/credentials/INDEX/revoke. Scope `issue`.

A new person gets a person index and an initial colour; `person` names one who has an index already
and gets a second credential (a new phone, a proxy, paper). Changing a colour by hand is no door
here: that takes two people. A group's roster is kept and published at its places before its
credential is given; the next version of a group says its places anew.
`status_version` is the version of the health snapshot from which on a new person's colour shows.
"""

import asyncio
import base64
import secrets
from http import HTTPStatus
from typing import Annotated, Any, Final

import msgspec
from aiohttp import web
from msgspec import Meta, Struct
from redis.asyncio import Redis
from redis.exceptions import RedisError

from verifier.codes.city import load_confirmation
from verifier.contract.bundle import Roster, RosterMember
from verifier.contract.cbor import decode, encode
from verifier.contract.errors import MalformedError
from verifier.contract.vocabulary import ApiScope, Colour, Kind, Plane, Sector
from verifier.errors import Outage
from verifier.issuing.issuer import Subject, make_credential, static_text
from verifier.issuing.signing import SigningKey
from verifier.service.clock import now
from verifier.service.http import bodies
from verifier.service.http.access import Caller, require
from verifier.service.http.bodies import json_response, read_json
from verifier.service.http.problems import Problem
from verifier.service.issuing.indices import ListFullError, draw, is_taken
from verifier.service.issuing.planes import KeptPlane
from verifier.service.issuing.settings import IssuingSettings
from verifier.service.issuing.shelf import Shelf
from verifier.service.logs import Log

MAX_BODY: Final = 256 * 1024
"""Octets; a roster of 500 members takes 40 KB."""
MAX_AT_ONCE: Final = 8
"""Requests worked on at once; the others wait, and the store keeps connections for the shelf."""
MAX_HOURS: Final = 2 * 366 * 24
"""A credential lives two years at most: as long as the key that signed it."""
MAX_PLACES: Final = 64
"""Places a group is assigned to: the stations of a journey, not a city."""
MAX_GROUP_HOURS: Final = 24
"""A group changes; its credential lives a day."""
BACKDATE_S: Final = 5
"""Seconds: a gate's clock may be a little behind the issuer's."""
_HOUR: Final = 3600


class Person(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="personal",
             tag_field="kind"):  # fmt: skip
    """A credential for a person."""

    holder: str | None
    """COSE_Key of the phone as base64 of its CBOR; null: a static (paper) code."""
    hours: Annotated[int, Meta(ge=1, le=MAX_HOURS)]
    sectors: dict[str, Annotated[int, Meta(ge=0, le=0xFFFF)]] | None = None
    """hall, transit, culture, health to class: a city code."""
    colour: str = "green"
    """Of a new person."""
    person: Annotated[int, Meta(ge=0, lt=1 << 32)] | None = None
    """Somebody who has an index already."""


class Member(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A member of a group's roster."""

    person: Annotated[int, Meta(ge=0, lt=1 << 32)]
    masked_name: Annotated[str, Meta(min_length=1, max_length=32)]
    member_class: Annotated[int, Meta(ge=0, le=0xFFFF)] = 0


class Group(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="group",
            tag_field="kind"):  # fmt: skip
    """A static credential for a group."""

    roster: Annotated[tuple[Member, ...], Meta(min_length=1, max_length=500)]
    places: Annotated[
        tuple[Annotated[str, Meta(max_length=63)], ...], Meta(min_length=1, max_length=MAX_PLACES)
    ]
    """Where the group is let in; there its roster is known, also without the centre."""
    hours: Annotated[int, Meta(ge=1, le=MAX_GROUP_HOURS)]
    holder: None = None
    group: Annotated[str, Meta(pattern=r"\A[0-9a-f]{16}\Z")] | None = None
    """An existing group; its next roster version is issued."""


class Revocation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a credential is revoked."""

    reason: Annotated[str, Meta(min_length=3, max_length=200)]


_ASKED: Final = msgspec.json.Decoder(Person | Group)
_REVOCATION: Final = msgspec.json.Decoder(Revocation)


class Credentials:
    """The resource."""

    def __init__(
        self,
        redis: Redis,
        log: Log,
        settings: IssuingSettings,
        key: SigningKey,
        planes: dict[Plane, KeptPlane],
        shelf: Shelf,
    ) -> None:
        self._redis = redis
        self._log = log
        self._settings = settings
        self._key = key
        self._planes = planes
        self._shelf = shelf
        self._turns = asyncio.Semaphore(MAX_AT_ONCE)

    async def post(self, request: web.BaseRequest, caller: Caller | None, _: str) -> web.Response:
        """Issue a credential."""
        _require(caller)
        body = await read_json(request, MAX_BODY)
        asked = bodies.decode(body, _ASKED, MAX_BODY)
        try:
            async with self._turns:
                answer = await (
                    self._person(asked) if isinstance(asked, Person) else self._group(asked)
                )
        except ListFullError as error:
            raise Problem(HTTPStatus.CONFLICT, "list.full") from error
        except (RedisError, Outage) as error:
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "store.away") from error
        return json_response(answer, status=201)

    async def revoke(
        self, request: web.BaseRequest, caller: Caller | None, index: str
    ) -> web.Response:
        """Revoke a credential; other credentials of the person live on."""
        _require(caller)
        body = bodies.decode(await read_json(request, MAX_BODY), _REVOCATION, MAX_BODY)
        if not index.isascii() or not index.isdigit() or len(index) > 10:
            raise Problem(HTTPStatus.NOT_FOUND, "credential.unknown")
        number = self._settings.list
        if int(index) >= self._settings.credentials or not await is_taken(
            self._redis, number, "credential", int(index)
        ):
            raise Problem(HTTPStatus.NOT_FOUND, "credential.unknown")
        try:
            await self._planes[Plane.REVOCATION].change(self._redis, int(index), 1)
        except RedisError as error:
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "store.away") from error
        by = "?" if caller is None else caller.name
        self._log.info("revoked", credential=int(index), by=by, why=body.reason)
        return json_response({"credential_index": int(index), "list": number})

    async def _person(self, asked: Person) -> dict[str, Any]:
        holder = _holder(asked.holder)
        sectors = None if asked.sectors is None else _sectors(asked.sectors)
        colour = _colour(asked.colour)
        number, person, shows_from = self._settings.list, asked.person, 0
        if person is None:
            person = await draw(self._redis, number, "person", self._settings.people)
            shows_from = await self._planes[Plane.HEALTH].change(self._redis, person, colour)
        elif person >= self._settings.people or not await is_taken(
            self._redis, number, "person", person
        ):
            raise Problem(HTTPStatus.NOT_FOUND, "person.unknown")
        index = await draw(self._redis, number, "credential", self._settings.credentials)
        subject = Subject(
            kind=Kind.PERSONAL, list=number, person=person, credential=index, sectors=sectors
        )
        credential = self._sign(subject, asked.hours, holder)
        answer = {
            "list": number,
            "person": person,
            "credential_index": index,
            "credential": base64.b64encode(credential).decode(),
            "status_version": shows_from,
        }
        return answer | ({"text": static_text(credential)} if holder is None else {})

    async def _group(self, asked: Group) -> dict[str, Any]:
        number = self._settings.list
        persons = sorted(asked.roster, key=lambda member: member.person)
        if len({member.person for member in persons}) != len(persons):
            raise Problem(HTTPStatus.BAD_REQUEST, "roster.twice", field="$.roster")
        for member in persons:
            if not await is_taken(self._redis, number, "person", member.person):
                raise Problem(HTTPStatus.NOT_FOUND, "person.unknown", field="$.roster")
        if not self._shelf.places.issuperset(asked.places):
            raise Problem(HTTPStatus.NOT_FOUND, "place.unknown", field="$.places")
        group = secrets.token_bytes(8) if asked.group is None else bytes.fromhex(asked.group)
        version = int(await self._redis.hincrby("v:roster-versions", group.hex(), 1))
        roster = Roster(
            group=group,
            version=version,
            iat=int(now()),
            list=number,
            members=tuple(
                RosterMember(
                    person=member.person,
                    masked_name=member.masked_name,
                    member_class=member.member_class,
                )
                for member in persons
            ),
        )
        await self._shelf.rosters.keep(roster, frozenset(asked.places), roster.iat)
        index = await draw(self._redis, number, "credential", self._settings.credentials)
        subject = Subject(
            kind=Kind.GROUP,
            list=number,
            credential=index,
            group=group,
            roster_version=version,
            members=len(persons),
        )
        credential = self._sign(subject, asked.hours, None)
        return {
            "list": number,
            "group": group.hex(),
            "roster_version": version,
            "credential_index": index,
            "credential": base64.b64encode(credential).decode(),
            "text": static_text(credential),
        }

    def _sign(self, subject: Subject, hours: int, holder: dict[int, Any] | None) -> bytes:
        issued = int(now()) - BACKDATE_S
        return make_credential(
            subject,
            issuer=self._settings.issuer,
            issued_at=issued,
            expires=issued + BACKDATE_S + hours * _HOUR,
            key=self._key,
            holder=holder,
        )


def _require(caller: Caller | None) -> None:
    if caller is None:
        raise Problem(HTTPStatus.UNAUTHORIZED, "key.unknown")
    require(caller, ApiScope.ISSUE)


def _holder(text: str | None) -> dict[int, Any] | None:
    """Read the phone's key: exactly the COSE_Key that a `cnf` claim holds, of a usable point."""
    if text is None:
        return None
    try:
        data = base64.b64decode(text, validate=True)
        load_confirmation(data)
        key: dict[int, Any] = decode(data)
    except (ValueError, MalformedError) as error:
        raise Problem(HTTPStatus.BAD_REQUEST, "holder.key", field="$.holder") from error
    if encode(key) != data:
        raise Problem(HTTPStatus.BAD_REQUEST, "holder.key", field="$.holder")
    return key


def _sectors(named: dict[str, int]) -> dict[int, int]:
    try:
        return {int(Sector[name.upper()]): value for name, value in named.items()}
    except KeyError as error:
        raise Problem(HTTPStatus.BAD_REQUEST, "sector.unknown", field="$.sectors") from error


def _colour(name: str) -> int:
    try:
        return int(Colour[name.upper()])
    except KeyError as error:
        raise Problem(HTTPStatus.BAD_REQUEST, "colour.unknown", field="$.colour") from error
