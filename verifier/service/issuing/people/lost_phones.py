"""A phone that is lost: its credential is revoked, and what else its key opens; the others live.

GET /v1/persons/PERSON/credentials lists, POST /v1/persons/PERSON/lost revokes: by services with the
scope `issue`, by operators with the scope `revoke`, in the audit log before it is done. What
holders revoke by their own keys is no act of anybody here, and counts in nobody's budget.
"""

from collections.abc import Sequence
from http import HTTPStatus
from itertools import chain
from typing import Annotated, Final

import msgspec
from aiohttp import web
from msgspec import Meta, Struct
from redis.asyncio import Redis

from runtime.audit import AuditLog
from runtime.clock import now
from runtime.http import bodies
from runtime.http.access import Caller
from runtime.http.audited import audited
from runtime.http.bodies import json_response, read_json
from runtime.http.problems import Problem
from verifier.contract.audit import Act
from verifier.contract.revocation import RevocationReason
from verifier.issuing.acts import BudgetedAct
from verifier.issuing.credential_row import UNBOUND, CredentialForm, CredentialRow
from verifier.service.issuing.budgets import Budgets
from verifier.service.issuing.checks import store_asked
from verifier.service.issuing.people.revocations import revoke_act
from verifier.service.issuing.planes.status import ListStatus
from verifier.service.issuing.settings import IssuingSettings
from verifier.service.store.credentials import read_held, release
from verifier.service.store.holders import drop_family, read_family
from verifier.service.store.indices import is_taken

MAX_BODY: Final = 1024
"""Bytes; an index and a reason."""
_INDEX_DIGITS: Final = 10


class Lost(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which credential's phone is lost, and how one knows."""

    credential: Annotated[int, Meta(ge=0, lt=1 << 32)]
    reason: RevocationReason


class PersonCredential(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A credential that a person holds."""

    credential_index: int
    form: str
    """phone, paper, proxy or emergency."""
    expires: int
    """Unix seconds."""
    revoked: bool
    guardian: int | None = None
    """proxy: whose phone it is bound to."""
    key: str | None = None
    """Hex of the mark of the key that it is bound to."""


class HeldAnswer(Struct, frozen=True, kw_only=True):
    """What a person holds."""

    person: int
    credentials: tuple[PersonCredential, ...]


class LostAnswer(Struct, frozen=True, kw_only=True):
    """What was revoked."""

    person: int
    revoked: tuple[int, ...]
    """Credential indices, ascending."""


_LOST: Final = msgspec.json.Decoder(Lost)


class LostPhones:
    """Lists what a person holds, and revokes what was lost."""

    def __init__(
        self,
        redis: Redis,
        settings: IssuingSettings,
        status: ListStatus,
        audit: AuditLog[Act],
        budgets: Budgets,
    ) -> None:
        self._redis = redis
        self._audit = audit
        self._budgets = budgets
        self._settings = settings
        self._status = status

    async def get(self, _request: web.BaseRequest, _caller: Caller, text: str) -> web.Response:
        """List the credentials of a person."""
        with store_asked():
            person = await self._person(text)
            answer = await self.credentials_of(person)
        return json_response(HeldAnswer(person=person, credentials=answer))

    async def post(self, request: web.BaseRequest, caller: Caller, text: str) -> web.Response:
        """Revoke what the key of a lost phone opens."""
        asked = bodies.decode(await read_json(request, MAX_BODY), _LOST, MAX_BODY)
        with store_asked():
            person, list_number = await self._person(text), self._settings.list
            # What is not the person's is refused before anything is counted or written down.
            opened = await self._opened(person, asked.credential, int(now()))
            ref = f"person:{list_number}:{person}"
            await self._budgets.spend(
                caller, BudgetedAct.REVOKE, ref, items=sum(map(len, opened.values()))
            )
            act = revoke_act(caller, list_number, asked.credential, asked.reason, ref)
            await audited(self._audit, act)
            revoked = await self.lose(person, asked.credential)
        return json_response(LostAnswer(person=person, revoked=revoked))

    async def credentials_of(self, person: int) -> tuple[PersonCredential, ...]:
        """Return what a person holds, as answers say it."""
        rows = await read_held(self._redis, self._settings.list, person, now=int(now()))
        revoked = await self._status.are_revoked([row.credential for row in rows])
        return tuple(said(row, revoked=gone) for row, gone in zip(rows, revoked, strict=True))

    async def lose(self, person: int, credential: int) -> tuple[int, ...]:
        """Revoke a credential and what else its phone opens; return them, ascending.

        Those are credentials bound to the same key, the proxies that the phone carries, and the
        emergency codes of all these persons: the phone may have asked for them.

        Raises:
            Problem: 404 credential.unknown: not one of the person's.
        """
        moment = int(now())
        opened = await self._opened(person, credential, moment)
        _, lost = await self._lost(person, credential, moment)
        own = opened.pop(person)
        # The phone's own last: whatever ends this in between, it is found and asked for again.
        for other, carried in opened.items():
            await self._revoke(other, carried, moment)
        if opened:
            await drop_family(self._redis, self._settings.list, person, lost.mark, [*opened])
        await self._revoke(person, own, moment)
        return tuple(sorted({*own, *chain.from_iterable(opened.values())}))

    async def _opened(self, person: int, credential: int, moment: int) -> dict[int, list[int]]:
        """Return what a lost credential's phone opens: by person, the holder last.

        Raises:
            Problem: 404 credential.unknown: not one of the person's.
        """
        list_number = self._settings.list
        rows, lost = await self._lost(person, credential, moment)
        if lost.form is not CredentialForm.PHONE or lost.mark == UNBOUND:
            return {person: [credential]}
        found = {}
        for proxy in await read_family(self._redis, list_number, person, lost.mark, now=moment):
            others = await read_held(self._redis, list_number, proxy.person, now=moment)
            # The newest, and those before it that were left to expire.
            carried = {row.credential for row in others if _opened(row, lost, person)}
            found[proxy.person] = sorted({proxy.credential, *carried})
        return found | {person: [row.credential for row in rows if _opened(row, lost, None)]}

    async def _lost(
        self, person: int, credential: int, moment: int
    ) -> tuple[Sequence[CredentialRow], CredentialRow]:
        rows = await read_held(self._redis, self._settings.list, person, now=moment)
        lost = next((row for row in rows if row.credential == credential), None)
        if lost is None:
            raise Problem(HTTPStatus.NOT_FOUND, "credential.unknown")
        return rows, lost

    async def _revoke(self, person: int, credentials: list[int], moment: int) -> None:
        await self._status.revoke(credentials)
        await release(self._redis, self._settings.list, person, credentials, now=moment)

    async def _person(self, text: str) -> int:
        if text.isascii() and text.isdigit() and len(text) <= _INDEX_DIGITS:
            person, list_number = int(text), self._settings.list
            if person < self._settings.people and await is_taken(
                self._redis, list_number, "person", person
            ):
                return person
        raise Problem(HTTPStatus.NOT_FOUND, "person.unknown")


def _opened(row: CredentialRow, lost: CredentialRow, guardian: int | None) -> bool:
    """Say whether a lost phone opens a credential: its holder's, or one of whom it carries."""
    if row.form is CredentialForm.EMERGENCY:
        return True
    if guardian is None:
        return row.form is CredentialForm.PHONE and row.mark == lost.mark
    # A proxy keeps its guardian and the first byte of the key's mark.
    return row.guardian == guardian and row.mark[-1:] == lost.mark[:1]


def said(row: CredentialRow, *, revoked: bool) -> PersonCredential:
    """Write a credential as answers say it."""
    return PersonCredential(
        credential_index=row.credential,
        form=row.form.name.lower(),
        expires=row.expires,
        revoked=revoked,
        guardian=row.guardian,
        key=row.mark.hex() if row.guardian is None and row.mark != UNBOUND else None,
    )
