"""A phone that is lost: its credential is revoked, and what else its key opens; the others live.

GET /v1/persons/PERSON/credentials lists, POST /v1/persons/PERSON/lost revokes. Scope `issue`.
"""

from http import HTTPStatus
from typing import Annotated, Any, Final

import msgspec
from aiohttp import web
from msgspec import Meta, Struct
from redis.asyncio import Redis

from verifier.issuing.held import UNBOUND, Form, Held
from verifier.service.clock import now
from verifier.service.http import bodies
from verifier.service.http.access import Caller
from verifier.service.http.bodies import json_response, read_json, refuse_body
from verifier.service.http.problems import Problem
from verifier.service.issuing.asking import require_issue, store_asked
from verifier.service.issuing.indices import is_taken
from verifier.service.issuing.settings import IssuingSettings
from verifier.service.issuing.status import ListStatus
from verifier.service.logs import Log
from verifier.service.store.credentials import read_held, release
from verifier.service.store.holders import drop_family, read_family

MAX_BODY: Final = 1024
"""Octets; an index and a reason."""
_INDEX_DIGITS: Final = 10


class Lost(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which credential's phone is lost, and how one knows."""

    credential: Annotated[int, Meta(ge=0, lt=1 << 32)]
    reason: Annotated[str, Meta(min_length=3, max_length=200)]


_LOST: Final = msgspec.json.Decoder(Lost)


class Losing:
    """Lists what a person holds, and revokes what was lost."""

    def __init__(
        self, redis: Redis, log: Log, settings: IssuingSettings, status: ListStatus
    ) -> None:
        self._redis = redis
        self._log = log
        self._settings = settings
        self._status = status

    async def get(self, request: web.BaseRequest, caller: Caller | None, text: str) -> web.Response:
        """List the credentials of a person."""
        require_issue(caller)
        refuse_body(request)
        with store_asked():
            person = await self._person(text)
            answer = await self.held(person)
        return json_response({"person": person, "credentials": answer})

    async def post(
        self, request: web.BaseRequest, caller: Caller | None, text: str
    ) -> web.Response:
        """Revoke what the key of a lost phone opens."""
        known = require_issue(caller)
        asked = bodies.decode(await read_json(request, MAX_BODY), _LOST, MAX_BODY)
        with store_asked():
            person = await self._person(text)
            revoked = await self.lose(person, asked.credential)
        self._log.info("lost", person=person, revoked=revoked, by=known.name, why=asked.reason)
        return json_response({"person": person, "revoked": revoked})

    async def held(self, person: int) -> list[dict[str, Any]]:
        """Return what a person holds, as answers say it."""
        rows = await read_held(self._redis, self._settings.list, person, now=int(now()))
        revoked = await self._status.are_revoked([row.credential for row in rows])
        return [said(row, revoked=gone) for row, gone in zip(rows, revoked, strict=True)]

    async def lose(self, person: int, credential: int) -> list[int]:
        """Revoke a credential and all others bound to its key; return them, ascending.

        Those are the person's own, and the proxies that the phone carries.

        Raises:
            Problem: 404 credential.unknown: not one of the person's.
        """
        number, moment = self._settings.list, int(now())
        rows = await read_held(self._redis, number, person, now=moment)
        lost = next((row for row in rows if row.credential == credential), None)
        if lost is None:
            raise Problem(HTTPStatus.NOT_FOUND, "credential.unknown")
        if lost.form is not Form.PHONE or lost.mark == UNBOUND:
            await self._revoke(person, [credential], moment)
            return [credential]
        own = [row.credential for row in rows if _same_phone(row, lost)]
        family = await read_family(self._redis, number, person, lost.mark, now=moment)
        # The phone's own last: whatever ends this in between, it is found and asked for again.
        for proxy in family:
            await self._revoke(proxy.person, [proxy.credential], moment)
        await drop_family(self._redis, number, person, lost.mark, [row.person for row in family])
        await self._revoke(person, own, moment)
        return sorted({*own, *(proxy.credential for proxy in family)})

    async def _revoke(self, person: int, credentials: list[int], moment: int) -> None:
        await self._status.revoke(credentials)
        await release(self._redis, self._settings.list, person, credentials, now=moment)

    async def _person(self, text: str) -> int:
        if text.isascii() and text.isdigit() and len(text) <= _INDEX_DIGITS:
            person, number = int(text), self._settings.list
            if person < self._settings.people and await is_taken(
                self._redis, number, "person", person
            ):
                return person
        raise Problem(HTTPStatus.NOT_FOUND, "person.unknown")


def _same_phone(row: Held, lost: Held) -> bool:
    return row.form is Form.PHONE and row.mark == lost.mark


def said(row: Held, *, revoked: bool) -> dict[str, Any]:
    """Write a credential as answers say it."""
    answer: dict[str, Any] = {
        "credential_index": row.credential,
        "form": row.form.name.lower(),
        "expires": row.expires,
        "revoked": revoked,
    }
    if row.guardian is not None:
        answer["guardian"] = row.guardian
    elif row.mark != UNBOUND:
        answer["key"] = row.mark.hex()
    return answer
