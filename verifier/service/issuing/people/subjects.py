"""POST /v1/subjects and /v1/subjects/erase: what is kept of one person (docs/privacy.md).

An operator asks for the person, with a reason; erasing also says how it was made sure who asks.
Both are in the audit log before anything is shown. Records are the archiving process's to show.
"""

from http import HTTPStatus
from typing import Final

import msgspec
from aiohttp import web
from redis.asyncio import Redis

from runtime.audit import AuditLog
from runtime.clock import now
from runtime.http import bodies
from runtime.http.access import Caller, ShownToken, token_of
from runtime.http.audited import audited
from runtime.http.bodies import json_response, read_json
from runtime.http.problems import Problem
from runtime.http.routes import Handlers
from verifier.archive.hours import KEEP_DAYS, day_name
from verifier.contract.audit import Act, AuditAction
from verifier.contract.errors import MalformedError
from verifier.contract.status import PlaneName
from verifier.contract.subject import (
    EraseAnswer,
    EraseRequest,
    HeldCredential,
    SubjectAnswer,
    SubjectCase,
    SubjectHold,
    SubjectRequest,
)
from verifier.contract.vocabulary import Colour, Plane
from verifier.feeds.corrections import CorrectionCase
from verifier.feeds.sources import word_of
from verifier.issuing.change_seal import ChangeSeal
from verifier.issuing.persons import ReferenceKey
from verifier.service.issuing.checks import store_asked
from verifier.service.store.causes import ChangeCause, ChangeMode, HeldValue
from verifier.service.store.indices import is_taken
from verifier.service.store.persons import find_indices, forget_person
from verifier.service.store.subjects import erase_subject, read_subject
from verifier.steps.use import DAY

MAX_BODY: Final = 2048
"""Bytes; a reference of 128 characters takes 1,536 at most, escaped."""
_SHOW: Final = msgspec.json.Decoder(SubjectRequest)
_ERASE: Final = msgspec.json.Decoder(EraseRequest)


class Subjects:
    """The resource, for the one list that is issued from."""

    def __init__(
        self,
        redis: Redis,
        list_number: int,
        people: int,
        key: ReferenceKey,
        audit: AuditLog[Act],
        seal: ChangeSeal,
    ) -> None:
        self._redis = redis
        self._list_number = list_number
        self._people = people
        self._key = key
        self._audit = audit
        self._seal = seal

    def handlers(self) -> Handlers:
        """Return what answers."""
        return {"showSubject": self.show, "eraseSubject": self.erase}

    async def show(self, request: web.BaseRequest, caller: Caller, _: str) -> web.Response:
        """Answer what is kept of a person."""
        token = token_of(caller)
        asked = bodies.decode(await read_json(request, MAX_BODY), _SHOW, MAX_BODY)
        with store_asked():
            digest = self._digest(asked)
            person = await self._person(asked, digest)
            await audited(
                self._audit,
                act(AuditAction.SHOW_PERSON, token, self._list_number, person, asked.reason),
            )
            kept = await read_subject(self._redis, self._list_number, person, now=int(now()))
        health = kept.values.get(PlaneName(self._list_number, Plane.HEALTH))
        return json_response(
            SubjectAnswer(
                list=self._list_number,
                person=person,
                known_by_reference=digest is not None,
                colour=None if health is None else Colour(health).name.lower(),
                planes={str(name.plane): value for name, value in kept.values.items()},
                credentials=tuple(
                    HeldCredential(
                        credential=row.credential,
                        form=row.form.name.lower(),
                        expires=row.expires,
                        revoked=revoked,
                    )
                    for row, revoked in zip(kept.credentials, kept.revoked, strict=True)
                ),
                carries=len(kept.carried),
                cases=tuple(map(_told, kept.cases)),
                origins={str(name.plane): origin for name, origin in kept.origins.items()},
                holds=tuple(_held(name.plane, held) for name, held in kept.holds.items()),
            )
        )

    async def erase(self, request: web.BaseRequest, caller: Caller, _: str) -> web.Response:
        """Erase what is kept of a person; asked again after an interruption, it does the rest."""
        token = token_of(caller)
        asked = bodies.decode(await read_json(request, MAX_BODY), _ERASE, MAX_BODY)
        with store_asked():
            digest = self._digest(asked)
            person = await self._person(asked, digest)
            why = f"{asked.reason} {asked.identity}"
            await audited(
                self._audit, act(AuditAction.ERASE_PERSON, token, self._list_number, person, why)
            )
            moment = int(now())
            kept = await read_subject(self._redis, self._list_number, person, now=moment)
            revoked = await erase_subject(
                self._redis,
                self._list_number,
                person,
                kept,
                cause=ChangeCause(f"erasure:{person}", self._seal, ChangeMode.ERASURE),
                now=moment,
            )
            # Last: until here whoever asks again finds the person, and the rest is done.
            forgotten = digest is not None and await forget_person(
                self._redis, self._list_number, digest
            )
        return json_response(
            EraseAnswer(
                list=self._list_number,
                person=person,
                revoked=revoked,
                zeroed=tuple(sorted(str(name.plane) for name in kept.values)),
                reference_forgotten=forgotten,
                records_until=day_name(int(now()) // DAY + KEEP_DAYS + 1),
            )
        )

    def _digest(self, asked: SubjectRequest) -> bytes | None:
        if (asked.person is None) == (asked.reference is None):
            raise Problem(HTTPStatus.BAD_REQUEST, "body.field", field="$.person")
        if asked.reference is None:
            return None
        try:
            return self._key.digest(asked.reference)
        except MalformedError:
            # Without its cause: no trace of the reference may come near a log.
            raise Problem(HTTPStatus.BAD_REQUEST, "reference.bad", field="$.reference") from None

    async def _person(self, asked: SubjectRequest, digest: bytes | None) -> int:
        person = asked.person
        if digest is not None:
            (person,) = await find_indices(self._redis, self._list_number, [digest])
        if (
            person is None
            or person >= self._people
            or not await is_taken(self._redis, self._list_number, "person", person)
        ):
            raise Problem(HTTPStatus.NOT_FOUND, "person.unknown")
        return person


def _held(plane: Plane, held: HeldValue) -> SubjectHold:
    hold = held.hold
    return SubjectHold(
        plane=str(plane),
        proposal=hold.proposal,
        by=hold.by,
        reason=hold.reason,
        at=hold.at,
        until=hold.until or None,
        feed_says=word_of(plane, held.said[0]) if held.said else None,
    )


def _told(case: CorrectionCase) -> SubjectCase:
    return SubjectCase(
        case=case.id,
        plane=str(case.plane),
        value=case.value,
        reason=case.reason,
        text=case.text,
        state=case.state,
        opened=case.opened,
    )


def act(action: AuditAction, token: ShownToken, list_number: int, person: int, reason: str) -> Act:
    """Say in the audit log's words who looks at, or erases, whom."""
    return Act(
        action=action,
        person=token.person,
        by=f"token:{token.id}",
        subject=f"person:{list_number}:{person}",
        reason=reason,
    )
