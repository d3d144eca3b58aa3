"""POST /v1/credentials. Scope `issue`.

What a person's credential asks stands in `personal`. Changing a colour by hand is no door here:
that takes two people. A group's roster is kept and published at its places before its credential
is given; the next version of a group says its places anew. `status_version` is the version of the
health snapshot from which on a new person's colour shows.
"""

import asyncio
import base64
import re
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
from verifier.contract.bundle import MAX_MASKED_CHARS, MAX_MEMBERS, Roster, RosterMember
from verifier.contract.text import PLAIN
from verifier.contract.vocabulary import Kind
from verifier.issuing.acts import BudgetedAct
from verifier.issuing.issuer import Subject, make_credential, static_text
from verifier.issuing.signing_key import SigningKey
from verifier.service.issuing.budgets import Budgets
from verifier.service.issuing.bundles.publisher import BundlePublisher
from verifier.service.issuing.checks import store_asked
from verifier.service.issuing.people.issue import BACKDATE_S, HOUR
from verifier.service.issuing.people.personal import Person, Personal
from verifier.service.issuing.planes.status import ListStatus
from verifier.service.issuing.settings import IssuingSettings
from verifier.service.store.indices import are_persons, draw
from verifier.service.store.rosters import next_roster_version

MAX_BODY: Final = 256 * 1024
"""Bytes; a roster of 500 members takes 40 KB."""
MAX_AT_ONCE: Final = 8
"""Requests worked on at once; the others wait, and the store keeps connections for publishing."""
MAX_PLACES: Final = 64
"""Places a group is assigned to: the stations of a journey, not a city."""
MAX_GROUP_HOURS: Final = 24
"""A group changes; its credential lives a day."""
_KEY: Final = re.compile(r"[A-Za-z0-9_.-]{16,64}")


class Member(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A member of a group's roster."""

    person: Annotated[int, Meta(ge=0, lt=1 << 32)]
    masked_name: Annotated[str, Meta(min_length=1, max_length=MAX_MASKED_CHARS, pattern=PLAIN)]
    member_class: Annotated[int, Meta(ge=0, le=0xFFFF)] = 0


class Group(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="group",
            tag_field="kind"):  # fmt: skip
    """A static credential for a group."""

    roster: Annotated[tuple[Member, ...], Meta(min_length=1, max_length=MAX_MEMBERS)]
    places: Annotated[
        tuple[Annotated[str, Meta(max_length=63)], ...], Meta(min_length=1, max_length=MAX_PLACES)
    ]
    """Where the group is let in; there its roster is known, also without the centre."""
    hours: Annotated[int, Meta(ge=1, le=MAX_GROUP_HOURS)]
    holder: None = None
    group: Annotated[str, Meta(pattern=r"\A[0-9a-f]{16}\Z")] | None = None
    """An existing group; its next roster version is issued."""


class GroupAnswer(Struct, frozen=True, kw_only=True):
    """A group's credential."""

    list: int
    group: str
    """Hex."""
    roster_version: int
    credential_index: int
    credential: str
    """Base64."""
    text: str
    """What is printed as a QR code."""


_ASKED: Final = msgspec.json.Decoder(Person | Group)


class Credentials:
    """The resource."""

    def __init__(
        self,
        redis: Redis,
        settings: IssuingSettings,
        key: SigningKey,
        status: ListStatus,
        personal: Personal,
        bundles: BundlePublisher,
        budgets: Budgets,
    ) -> None:
        self._redis = redis
        self._settings = settings
        self._key = key
        self._status = status
        self._personal = personal
        self._bundles = bundles
        self._budgets = budgets
        self._turns = asyncio.Semaphore(MAX_AT_ONCE)

    async def post(self, request: web.BaseRequest, caller: Caller, _: str) -> web.Response:
        """Issue a credential."""
        key = request.headers.get("Idempotency-Key")
        if key is not None and not _KEY.fullmatch(key):
            raise Problem(HTTPStatus.BAD_REQUEST, "request.key")
        body = await read_json(request, MAX_BODY)
        asked = bodies.decode(body, _ASKED, MAX_BODY)
        with store_asked():
            async with self._turns:
                answer = (
                    await self._personal.answer(asked, caller, key)
                    if isinstance(asked, Person)
                    else await self._group(asked, caller)
                )
        return json_response(answer, status=201)

    async def _group(self, asked: Group, caller: Caller) -> GroupAnswer:
        list_number = self._settings.list
        persons = sorted(asked.roster, key=lambda member: member.person)
        if len({member.person for member in persons}) != len(persons):
            raise Problem(HTTPStatus.BAD_REQUEST, "roster.twice", field="$.roster")
        if not all(await are_persons(self._redis, list_number, [each.person for each in persons])):
            raise Problem(HTTPStatus.NOT_FOUND, "person.unknown", field="$.roster")
        if not self._bundles.places.issuperset(asked.places):
            raise Problem(HTTPStatus.NOT_FOUND, "place.unknown", field="$.places")
        group = secrets.token_bytes(8) if asked.group is None else bytes.fromhex(asked.group)
        await self._budgets.spend(caller, BudgetedAct.ROSTER, f"group:{group.hex()}")
        version = await next_roster_version(self._redis, group)
        roster = Roster(
            group=group,
            version=version,
            iat=int(now()),
            list=list_number,
            members=tuple(
                RosterMember(
                    person=member.person,
                    masked_name=member.masked_name,
                    member_class=member.member_class,
                )
                for member in persons
            ),
        )
        await self._bundles.rosters.keep(roster, frozenset(asked.places), roster.iat)
        index = await draw(self._redis, list_number, "credential", self._settings.credentials)
        subject = Subject(
            kind=Kind.GROUP,
            list=list_number,
            credential=index,
            group=group,
            roster_version=version,
            members=len(persons),
        )
        credential = self._sign(subject, asked.hours)
        return GroupAnswer(
            list=list_number,
            group=group.hex(),
            roster_version=version,
            credential_index=index,
            credential=base64.b64encode(credential).decode(),
            text=static_text(credential),
        )

    def _sign(self, subject: Subject, hours: int) -> bytes:
        issued = int(now()) - BACKDATE_S
        return make_credential(
            subject,
            issuer=self._settings.issuer,
            issued_at=issued,
            expires=issued + BACKDATE_S + hours * HOUR,
            key=self._key,
        )
