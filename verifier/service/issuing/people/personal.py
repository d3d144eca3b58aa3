"""Credentials of persons, as an operator's system has them issued at POST /v1/credentials.

A credential with a holder key takes that key's signature over a challenge. `person` names somebody
who has an index; without it somebody new is made. A proxy is bound to the phone of a guardian, who
is named too and has a credential of an own phone under that key.
"""

import asyncio
from base64 import b64encode
from http import HTTPStatus
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct
from redis.asyncio import Redis

from runtime.clock import now
from runtime.http.access import Caller
from runtime.http.problems import Problem
from verifier.barcode import render
from verifier.contract.holder import Purpose
from verifier.contract.vocabulary import Colour, Sector
from verifier.issuing.acts import BudgetedAct
from verifier.issuing.credential_row import CredentialForm, mark_of
from verifier.issuing.issuer import static_text
from verifier.service.issuing.budgets import Budgets
from verifier.service.issuing.people.challenges import Challenges
from verifier.service.issuing.people.holder_keys import BoundKey, key_of_field
from verifier.service.issuing.people.issue import (
    EMERGENCY_S,
    HOUR,
    Issue,
    IssueRequest,
    WantedCredential,
    request_of,
)
from verifier.service.issuing.people.persons import read_colour
from verifier.service.issuing.planes.status import ListStatus
from verifier.service.issuing.settings import IssuingSettings
from verifier.service.store.challenges import Challenge
from verifier.service.store.credentials import read_held
from verifier.service.store.indices import draw, is_person
from verifier.service.store.issued import Issued

MAX_HOURS: Final = 2 * 366 * 24
"""A credential lives two years at most: as long as the key that signed it."""
FORMS: Final = {form.name.lower(): form for form in CredentialForm}

Index = Annotated[int, Meta(ge=0, lt=1 << 32)]
Hex16 = Annotated[str, Meta(pattern=r"\A[0-9a-f]{32}\Z")]
Octets = Annotated[str, Meta(max_length=2048)]
"""Base64."""


class Person(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="personal",
             tag_field="kind"):  # fmt: skip
    """A credential for a person."""

    holder: Octets | None
    """COSE_Key of the phone as base64 of its CBOR; null: a static code."""
    hours: Annotated[int, Meta(ge=1, le=MAX_HOURS)]
    challenge: Hex16 | None = None
    possession: Octets | None = None
    """With a holder: the challenge, and the key's signature over it."""
    form: Literal["phone", "paper", "proxy", "emergency"] | None = None
    """None: phone with a holder, paper without."""
    guardian: Index | None = None
    """proxy: whose phone it is bound to."""
    sectors: dict[str, Annotated[int, Meta(ge=0, le=0xFFFF)]] | None = None
    """hall, transit, culture, health to class: a city code."""
    colour: str = "green"
    """Of a new person."""
    person: Index | None = None
    """Somebody who has an index already."""
    picture: Literal["png", "svg"] | None = None
    """Of a static code: its QR symbol, too."""


class PersonalAnswer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A person's credential."""

    list: int
    person: int
    credential_index: int
    credential: str
    """Base64."""
    form: str
    """phone, paper, proxy or emergency."""
    expires: int
    """Unix seconds."""
    status_version: int
    """Version of the health snapshot from which on a new person's colour shows; else 0."""
    text: str | None = None
    """Of a static code: what is printed as a QR code."""
    picture: str | None = None
    """Where it was asked for: SVG as it is, PNG in base64."""


class Personal:
    """Issues to persons."""

    def __init__(
        self,
        redis: Redis,
        settings: IssuingSettings,
        issue: Issue,
        challenges: Challenges,
        status: ListStatus,
        budgets: Budgets,
    ) -> None:
        self._redis = redis
        self._settings = settings
        self._issue = issue
        self._challenges = challenges
        self._status = status
        self._budgets = budgets

    async def answer(self, asked: Person, caller: Caller, key: str | None) -> PersonalAnswer:
        """Issue what is asked, once under a key or a challenge; return the answer.

        Raises:
            Problem: what is wrong with it; 429 budget.spent.
            ListFullError, RedisError, Outage: as `Issue.make`.
        """
        form = _form(asked)
        holder = None if asked.holder is None else key_of_field(asked.holder, "$.holder")
        sectors = None if asked.sectors is None else _sectors(asked.sectors)
        colour = Colour(read_colour(asked.colour))
        given = key or asked.challenge
        request = None if given is None else request_of(caller.name, given, _ENCODE(asked))
        async with self._issue.turn(request) as before:
            if before is not None:
                return await answer_of(before, self._settings.list, asked.picture)
            await self._check(asked, caller, form, holder, request)
            if form is CredentialForm.EMERGENCY:
                subject = f"person:{self._settings.list}:{asked.person or 'new'}"
                await self._budgets.spend(caller, BudgetedAct.EMERGENCY, subject)
            person, shows_from = await self._person(asked, colour)
            wanted = WantedCredential(
                person=person,
                form=form,
                seconds=asked.hours * HOUR,
                sectors=sectors,
                holder=None if holder is None else holder.confirmation,
                kid=None if holder is None else holder.kid,
                guardian=asked.guardian,
                status_version=shows_from,
            )
            issued = await self._issue.make(wanted, request)
        return await answer_of(issued, self._settings.list, asked.picture)

    async def _check(
        self,
        asked: Person,
        caller: Caller,
        form: CredentialForm,
        holder: BoundKey | None,
        request: IssueRequest | None,
    ) -> None:
        if asked.person is not None:
            await self._known(asked.person, "$.person")
        if form is CredentialForm.PROXY and asked.guardian is not None and holder is not None:
            await self._guardian(asked.guardian, holder)
        if holder is None or request is None or asked.challenge is None:
            return
        purpose = Purpose.PROXY if form is CredentialForm.PROXY else Purpose.PHONE
        what = Challenge(purpose=purpose, person=asked.person, by=caller.name)
        await self._challenges.use(
            asked.challenge, asked.possession or "", holder, what, request.id
        )

    async def _known(self, person: int, field: str) -> None:
        if person >= self._settings.people or not await is_person(
            self._redis, self._settings.list, person
        ):
            raise Problem(HTTPStatus.NOT_FOUND, "person.unknown", field=field)

    async def _guardian(self, guardian: int, holder: BoundKey) -> None:
        """Check that a guardian's own phone has the key that a proxy shall be bound to."""
        await self._known(guardian, "$.guardian")
        rows = await read_held(self._redis, self._settings.list, guardian, now=int(now()))
        mark = mark_of(holder.kid)
        own = [
            row.credential for row in rows if row.form is CredentialForm.PHONE and row.mark == mark
        ]
        if all(await self._status.are_revoked(own)):
            raise Problem(HTTPStatus.CONFLICT, "guardian.phone", field="$.guardian")

    async def _person(self, asked: Person, colour: Colour) -> tuple[int, int]:
        if asked.person is not None:
            return asked.person, 0
        drawn = await draw(self._redis, self._settings.list, "person", self._settings.people)
        return drawn, await self._status.give_colour(drawn, colour)


async def answer_of(issued: Issued, list_number: int, picture: str | None = None) -> PersonalAnswer:
    """Write the answer to a request that issued."""
    text = static_text(issued.signed) if issued.kid is None else None
    drawn = None
    if text is not None and picture is not None:
        drawn = await asyncio.to_thread(_drawn, text, picture)
    return PersonalAnswer(
        list=list_number,
        person=issued.person,
        credential_index=issued.credential,
        credential=b64encode(issued.signed).decode(),
        form=issued.form.name.lower(),
        expires=issued.expires,
        status_version=issued.status_version,
        text=text,
        picture=drawn,
    )


def _drawn(text: str, kind: str) -> str:
    """Draw a code: SVG as it is, PNG in base64."""
    drawn = render.symbol(text)
    return render.to_svg(drawn) if kind == "svg" else b64encode(render.to_png(drawn)).decode()


def _form(asked: Person) -> CredentialForm:
    """Return in which form it is asked for.

    Raises:
        Problem: 400 form.other, or holder.possession where a key shows nothing.
    """
    bound, guarded = asked.holder is not None, asked.guardian is not None
    form = (
        FORMS[asked.form]
        if asked.form
        else (CredentialForm.PHONE if bound else CredentialForm.PAPER)
    )
    own = asked.person is not None and asked.guardian != asked.person
    fits = {
        CredentialForm.PHONE: bound and not guarded,
        CredentialForm.PAPER: not bound and not guarded,
        CredentialForm.PROXY: bound and guarded and own,
        CredentialForm.EMERGENCY: not bound and not guarded and asked.hours * HOUR <= EMERGENCY_S,
    }
    if not fits[form] or (asked.picture is not None and bound):
        raise Problem(HTTPStatus.BAD_REQUEST, "form.other", field="$.form")
    shown = asked.challenge is not None and asked.possession is not None
    if shown is not bound or (asked.challenge is None) is not (asked.possession is None):
        raise Problem(HTTPStatus.BAD_REQUEST, "holder.possession", field="$.possession")
    return form


def _sectors(named: dict[str, int]) -> dict[int, int]:
    try:
        return {int(Sector[name.upper()]): value for name, value in named.items()}
    except KeyError as error:
        raise Problem(HTTPStatus.BAD_REQUEST, "sector.unknown", field="$.sectors") from error


_ENCODE: Final = msgspec.json.Encoder().encode
