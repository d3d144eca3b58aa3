"""Issuing a credential to a person: the steps that every door shares, whatever ends the process.

(1) a request that was answered before gets its answer; (2) what can be refused is refused; (3) an
index is drawn and the credential signed; (4) the answer is kept under the request's id, once;
(5) what belongs to it is done, which may be done again: it is listed, the one that it replaces is
revoked; (6) it is given away. Killed before (4), an index is lost and nothing was issued; killed
after, the same request finds the answer and does the rest.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from weakref import WeakValueDictionary

from redis.asyncio import Redis

from runtime.clock import now
from runtime.http.problems import Problem
from verifier.contract.vocabulary import Colour, Kind
from verifier.issuing.credential_row import (
    MAX_HELD,
    CredentialForm,
    carried,
    credential_row,
    mark_of,
)
from verifier.issuing.issuer import Subject, make_credential
from verifier.issuing.signing_key import SigningKey
from verifier.service.issuing.planes.status import ListStatus
from verifier.service.issuing.settings import IssuingSettings
from verifier.service.store.credentials import HeldFullError, hold, read_held, release
from verifier.service.store.erased import were_erased
from verifier.service.store.holders import MAX_FAMILY, Carried, carry, read_family
from verifier.service.store.indices import draw
from verifier.service.store.issued import Issued, keep_issued, read_issued

BACKDATE_S: Final = 5
"""Seconds: a gate's clock may be a little behind the issuer's."""
HOUR: Final = 3600
EMERGENCY_S: Final = 12 * HOUR
"""Seconds an emergency code lives at most; nobody gets one but who is green as it is signed."""
_ID_CHARS: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedCredential:
    """A credential that a person shall have."""

    person: int
    form: CredentialForm
    seconds: int
    """How long it shall live."""
    sectors: Mapping[int, int] | None
    holder: Mapping[int, int | bytes | bool] | None = None
    """COSE_Key that it is bound to; None: static."""
    kid: bytes | None = None
    """Of that key."""
    guardian: int | None = None
    """proxy: whose phone it is bound to."""
    instead: int | None = None
    """Credential that is revoked once this one stands."""
    status_version: int = 0
    """From which on a new person's colour shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueRequest:
    """Under which id something is asked, and a digest of what is asked."""

    id: str
    digest: bytes


def request_of(caller: str, given: str, asked: bytes) -> IssueRequest:
    """Name a request by its caller and the id that the caller gives it."""
    name = hashlib.sha256(f"{caller}\0{given}".encode()).hexdigest()[:_ID_CHARS]
    return IssueRequest(id=name, digest=hashlib.sha256(asked).digest()[:16])


class Issue:
    """Issues to persons of one list."""

    def __init__(
        self, redis: Redis, settings: IssuingSettings, key: SigningKey, status: ListStatus
    ) -> None:
        self._redis = redis
        self._settings = settings
        self._key = key
        self._status = status
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def turn(self, request: IssueRequest | None) -> AsyncIterator[Issued | None]:
        """Hold a request's turn; yields what it was answered before, made whole.

        Raises:
            Problem: 404 person.unknown, 409 request.conflict, credentials.full or family.full.
        """
        if request is None:
            yield None
            return
        lock = self._turns.setdefault(request.id, asyncio.Lock())
        async with lock:
            found = await read_issued(self._redis, request.id)
            if found is not None:
                await self._finish(found, request)
            yield found

    async def make(self, wanted: WantedCredential, request: IssueRequest | None) -> Issued:
        """Issue a credential.

        Raises:
            Problem: 409 colour.not_green, credentials.full, family.full, request.conflict.
            ListFullError: no index is free.
            RedisError, Outage: the store is away.
        """
        await self._allow(wanted)
        list_number = self._settings.list
        index = await draw(self._redis, list_number, "credential", self._settings.credentials)
        issued_at = int(now()) - BACKDATE_S
        expires = issued_at + BACKDATE_S + wanted.seconds
        subject = Subject(
            kind=Kind.PERSONAL,
            list=list_number,
            person=wanted.person,
            credential=index,
            sectors=wanted.sectors,
        )
        signed = make_credential(
            subject,
            issuer=self._settings.issuer,
            issued_at=issued_at,
            expires=expires,
            key=self._key,
            holder=wanted.holder,
        )
        issued = Issued(
            digest=b"" if request is None else request.digest,
            person=wanted.person,
            credential=index,
            signed=signed,
            form=wanted.form,
            expires=expires,
            kid=wanted.kid,
            guardian=wanted.guardian,
            instead=wanted.instead,
            status_version=wanted.status_version,
        )
        if request is not None:
            issued = await keep_issued(self._redis, request.id, issued)
        await self._finish(issued, request)
        return issued

    async def _allow(self, wanted: WantedCredential) -> None:
        list_number, moment = self._settings.list, int(now())
        if wanted.form is CredentialForm.EMERGENCY:
            colour = await self._status.colour_of(wanted.person)
            if colour is not Colour.GREEN:
                raise Problem(HTTPStatus.CONFLICT, "colour.not_green")
        if len(await read_held(self._redis, list_number, wanted.person, now=moment)) >= MAX_HELD:
            raise Problem(HTTPStatus.CONFLICT, "credentials.full")
        if wanted.guardian is not None and wanted.kid is not None:
            mark = mark_of(wanted.kid)
            family = await read_family(self._redis, list_number, wanted.guardian, mark, now=moment)
            if len({row.person for row in family} - {wanted.person}) >= MAX_FAMILY:
                raise Problem(HTTPStatus.CONFLICT, "family.full")

    async def _finish(self, issued: Issued, request: IssueRequest | None) -> None:
        """Do what belongs to a credential's being there; done twice, it is as done once."""
        if request is not None and issued.digest != request.digest:
            raise Problem(HTTPStatus.CONFLICT, "request.conflict")
        list_number, moment = self._settings.list, int(now())
        if any(await were_erased(self._redis, list_number, [issued.person])):
            raise Problem(HTTPStatus.NOT_FOUND, "person.unknown")
        row = credential_row(
            issued.credential, expires=issued.expires, form=issued.form, kid=issued.kid
        )
        if issued.guardian is not None and issued.kid is not None:
            proxy = Carried(issued.person, issued.credential)
            if not await carry(
                self._redis, list_number, issued.guardian, issued.kid, proxy,
                expires=issued.expires, now=moment,
            ):  # fmt: skip
                raise Problem(HTTPStatus.CONFLICT, "family.full")
            row = carried(
                issued.credential, expires=issued.expires, kid=issued.kid, guardian=issued.guardian
            )
        try:
            await hold(self._redis, list_number, issued.person, row, now=moment)
        except HeldFullError as error:
            raise Problem(HTTPStatus.CONFLICT, "credentials.full") from error
        if issued.instead is not None:
            await self._status.revoke([issued.instead])
            await release(self._redis, list_number, issued.person, [issued.instead], now=moment)
