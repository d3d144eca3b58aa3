"""Holders' doors, /v1/holder/...: opened by the signature of the holder's key, by no API key.

A request carries a credential of ours and what its key has signed (docs/issuing.md). It is verified
in the order that costs least and trusts nothing: credential, signature, clock, nonce, revocation. A
nonce counts once, a key may ask so often, a person's phones have so many credentials a day.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
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
from runtime.http.limits import ConcurrencyLimit
from runtime.http.problems import Problem
from runtime.http.routes import Handler, Handlers
from verifier.contract.errors import MalformedError
from verifier.contract.holder import HolderDoor, HolderRequest, Purpose
from verifier.issuing.credential_row import CredentialForm, CredentialRow, mark_of
from verifier.issuing.possession import (
    HolderCause,
    HolderRefused,
    ShownCredential,
    check_possession,
    open_credential,
    open_request,
)
from verifier.service.issuing.checks import store_asked
from verifier.service.issuing.people.holder_keys import BoundKey, load_key, read_octets
from verifier.service.issuing.people.issue import (
    BACKDATE_S,
    HOUR,
    Issue,
    IssueRequest,
    WantedCredential,
    request_of,
)
from verifier.service.issuing.people.issuer_keys import IssuerKeys
from verifier.service.issuing.people.lost_phones import LostPhones, PersonCredential
from verifier.service.issuing.people.personal import PersonalAnswer, answer_of
from verifier.service.issuing.planes.status import ListStatus
from verifier.service.issuing.settings import IssuingSettings
from verifier.service.process.metrics import DoorMetrics
from verifier.service.store.credentials import read_held
from verifier.service.store.holders import (
    DAY_S,
    EPOCH_S,
    NonceUse,
    count_made,
    read_family,
    see_nonce,
)
from verifier.service.store.issued import Issued

MAX_BODY: Final = 4096
"""Bytes: a credential and a request in base64 take 1,100."""
MAX_UNDER_WAY: Final = 32
"""Requests of holders under way; who finds no place comes again, and operators are not held up."""
_PHONES: Final = "phones"
"""They share all places: behind a gateway all have one address; `see_nonce` bounds each key."""
EMERGENCY_HOURS: Final = 6
"""Hours an emergency code lives where its holder asks for no other."""


class HolderBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base64 of a credential (an untagged COSE array) and of what its key signed."""

    credential: Annotated[str, Meta(max_length=700)]
    request: Annotated[str, Meta(max_length=1400)]


class CarriedCredential(Struct, frozen=True, kw_only=True):
    """A credential that a phone carries for somebody else."""

    person: int
    credential_index: int


class HolderListAnswer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the holder has."""

    person: int
    credentials: tuple[PersonCredential, ...]
    family: tuple[CarriedCredential, ...] | None = None
    """Of a phone's credential: what it carries for others."""


class HolderLostAnswer(Struct, frozen=True, kw_only=True):
    """What was revoked."""

    revoked: tuple[int, ...]
    """Credential indices, ascending."""


_BODY: Final = msgspec.json.Decoder(HolderBody)
_FAULTS: Final = frozenset({HolderCause.MALFORMED})


@dataclass(frozen=True, slots=True, kw_only=True)
class AskingHolder:
    """A holder whose request holds."""

    shown: ShownCredential
    asked: HolderRequest
    person: int
    row: CredentialRow
    """The credential that was shown, as it is kept."""
    signed: bytes
    """The request without its signature: what a second one under the same id must equal."""


HolderAnswer = PersonalAnswer | HolderListAnswer | HolderLostAnswer
Act = Callable[[AskingHolder], Awaitable[HolderAnswer]]


class Holders:
    """The resources."""

    def __init__(
        self,
        redis: Redis,
        settings: IssuingSettings,
        keys: IssuerKeys,
        issue: Issue,
        lost_phones: LostPhones,
        status: ListStatus,
        metrics: DoorMetrics,
    ) -> None:
        self._redis = redis
        self._settings = settings
        self._keys = keys
        self._issue = issue
        self._lost_phones = lost_phones
        self._status = status
        self._places = ConcurrencyLimit(MAX_UNDER_WAY, metrics, a_caller=MAX_UNDER_WAY)

    def handlers(self) -> Handlers:
        """Return what answers."""
        return {
            "holderRenew": self._handler(HolderDoor.RENEW),
            "holderList": self._handler(HolderDoor.LIST),
            "holderLost": self._handler(HolderDoor.LOST),
            "holderEmergency": self._handler(HolderDoor.EMERGENCY),
        }

    def _handler(self, door: HolderDoor) -> Handler:
        acts: dict[HolderDoor, Act] = {
            HolderDoor.RENEW: self._renew,
            HolderDoor.LIST: self._list,
            HolderDoor.LOST: self._lost,
            HolderDoor.EMERGENCY: self._emergency,
        }

        async def post(request: web.BaseRequest, _: Caller, __: str) -> web.Response:
            # Before there is a place: whoever sends slowly, and anybody may, holds none.
            body = bodies.decode(await read_json(request, MAX_BODY), _BODY, MAX_BODY)
            with self._places.one(_PHONES), store_asked():
                answer = await acts[door](await self._opened(body, door))
            made = door in (HolderDoor.RENEW, HolderDoor.EMERGENCY)
            return json_response(answer, status=201 if made else 200)

        return post

    async def _opened(self, body: HolderBody, door: HolderDoor) -> AskingHolder:
        """Verify a request.

        Raises:
            Problem: 400 and 403 holder.…, 404 credential.unknown, 409 holder.replayed,
                429 holder.often.
        """
        moment, list_number = now(), self._settings.list
        try:
            shown = open_credential(
                read_octets(body.credential), self._keys.at(moment),
                issuer=self._settings.issuer, list_number=list_number, now=moment,
            )  # fmt: skip
            asked = open_request(read_octets(body.request), shown, door=door, now=moment)
        except MalformedError:
            raise Problem(HTTPStatus.BAD_REQUEST, "holder.malformed") from None
        except HolderRefused as refused:
            raise _refusal(refused) from None
        seen = await see_nonce(self._redis, shown.key.kid, asked.nonce, asked.iat)
        if seen is NonceUse.REPLAYED:
            raise Problem(HTTPStatus.CONFLICT, "holder.replayed")
        if seen is NonceUse.TOO_MANY:
            raise _too_often(EPOCH_S)
        person = shown.claims.person or 0
        return AskingHolder(
            shown=shown,
            asked=asked,
            person=person,
            row=await self._row(person, asked.credential),
            signed=msgspec.msgpack.encode(
                msgspec.structs.replace(asked, iat=0, nonce=bytes(16), possession=None)
            ),
        )

    async def _row(self, person: int, credential: int) -> CredentialRow:
        rows = await read_held(self._redis, self._settings.list, person, now=int(now()))
        return next(
            (row for row in rows if row.credential == credential),
            # Replaced or lost, so dropped; only an answer that was given before may come of it.
            CredentialRow(credential, 0, CredentialForm.PHONE),
        )

    async def _live(self, holder: AskingHolder) -> None:
        """Refuse a credential that is revoked, or that nobody holds any more."""
        (revoked,) = await self._status.are_revoked([holder.row.credential])
        if revoked or not holder.row.expires:
            raise Problem(HTTPStatus.FORBIDDEN, "holder.revoked")

    async def _list(self, holder: AskingHolder) -> HolderListAnswer:
        await self._live(holder)
        held, family = await self._lost_phones.credentials_of(holder.person), None
        if holder.row.form is CredentialForm.PHONE:
            rows = await read_family(
                self._redis, self._settings.list, holder.person, holder.row.mark, now=int(now())
            )
            family = tuple(
                CarriedCredential(person=row.person, credential_index=row.credential)
                for row in rows
            )
        return HolderListAnswer(person=holder.person, credentials=held, family=family)

    async def _lost(self, holder: AskingHolder) -> HolderLostAnswer:
        await self._live(holder)
        if holder.asked.lost is None or holder.asked.lost == holder.row.credential:
            raise Problem(HTTPStatus.BAD_REQUEST, "holder.lost")
        revoked = await self._lost_phones.lose(holder.person, holder.asked.lost)
        return HolderLostAnswer(revoked=revoked)

    async def _renew(self, holder: AskingHolder) -> PersonalAnswer:
        key = self._new_key(holder)
        return await self._made(holder, lambda: self._renewal(holder, key))

    async def _renewal(self, holder: AskingHolder, key: BoundKey) -> WantedCredential:
        claims, row = holder.shown.claims, holder.row
        life = int((claims.expires or 0) - (claims.issued_at or 0)) - BACKDATE_S
        same = key.kid == holder.shown.key.kid
        if same and now() < (claims.expires or 0) - life / 2:
            raise Problem(HTTPStatus.CONFLICT, "renewal.early")
        if row.guardian is not None and not same:
            await self._losing_guardian(row.guardian, key)
        return WantedCredential(
            person=holder.person,
            form=row.form,
            seconds=life,
            sectors=claims.sectors,
            holder=key.confirmation,
            kid=key.kid,
            guardian=row.guardian,
            # The same phone goes on with either; another one takes the place of the first.
            instead=None if same else row.credential,
        )

    def _new_key(self, holder: AskingHolder) -> BoundKey:
        """Return the key that a renewed credential shall be bound to, which is at hand."""
        asked, shown = holder.asked, holder.shown
        if (asked.holder is None) is not (asked.possession is None):
            raise Problem(HTTPStatus.BAD_REQUEST, "holder.possession")
        if asked.holder is None or asked.possession is None:
            return BoundKey(shown.key, shown.confirmation)
        try:
            key = load_key(asked.holder)
            check_possession(
                asked.possession, key.key,
                issuer=asked.iss, purpose=Purpose.RENEWAL, challenge=asked.nonce,
            )  # fmt: skip
        except MalformedError:
            raise Problem(HTTPStatus.BAD_REQUEST, "holder.key") from None
        except HolderRefused as refused:
            raise _refusal(refused) from None
        return key

    async def _losing_guardian(self, guardian: int, key: BoundKey) -> None:
        rows = await read_held(self._redis, self._settings.list, guardian, now=int(now()))
        mark = mark_of(key.kid)
        if not any(row.form is CredentialForm.PHONE and row.mark == mark for row in rows):
            raise Problem(HTTPStatus.CONFLICT, "guardian.phone")

    async def _emergency(self, holder: AskingHolder) -> PersonalAnswer:
        async def wanted() -> WantedCredential:
            return WantedCredential(
                person=holder.person,
                form=CredentialForm.EMERGENCY,
                seconds=(holder.asked.hours or EMERGENCY_HOURS) * HOUR,
                sectors=holder.shown.claims.sectors,
            )

        return await self._made(holder, wanted)

    async def _made(
        self, holder: AskingHolder, wanted: Callable[[], Awaitable[WantedCredential]]
    ) -> PersonalAnswer:
        """Issue once under the request's id."""
        if holder.asked.request is None:
            raise Problem(HTTPStatus.BAD_REQUEST, "request.key")
        caller = f"holder:{holder.shown.key.kid.hex()}"
        request = request_of(caller, holder.asked.request.hex(), holder.signed)
        async with self._issue.turn(request) as before:
            issued = before or await self._make(holder, wanted, request)
        return await answer_of(issued, self._settings.list)

    async def _make(
        self,
        holder: AskingHolder,
        wanted: Callable[[], Awaitable[WantedCredential]],
        request: IssueRequest,
    ) -> Issued:
        await self._live(holder)
        shall = await wanted()
        day = int(now()) // DAY_S
        if not await count_made(self._redis, self._settings.list, holder.person, day):
            raise _too_often(DAY_S - int(now()) % DAY_S)
        return await self._issue.make(shall, request)


def _too_often(seconds: int) -> Problem:
    headers = {"Retry-After": str(seconds)}
    return Problem(HTTPStatus.TOO_MANY_REQUESTS, "holder.often", headers=headers)


def _refusal(refused: HolderRefused) -> Problem:
    status = HTTPStatus.BAD_REQUEST if refused.cause in _FAULTS else HTTPStatus.FORBIDDEN
    return Problem(status, f"holder.{refused.cause}")
