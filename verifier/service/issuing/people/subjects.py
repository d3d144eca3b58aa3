"""POST /v1/subjects: what is kept of one person (docs/privacy.md).

An operator asks for the person, with a reason; each has a budget an hour. It is in the audit log
before anything is shown. Records are the archiving process's to show; erasing is a proposal.
"""

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
from runtime.http.routes import Handlers
from verifier.contract.audit import Act, AuditAction
from verifier.contract.status import PlaneName
from verifier.contract.subject import (
    HeldCredential,
    SubjectAnswer,
    SubjectCase,
    SubjectHold,
    SubjectRequest,
)
from verifier.contract.vocabulary import Colour, Plane
from verifier.feeds.corrections import CorrectionCase
from verifier.feeds.sources import word_of
from verifier.issuing.acts import BudgetedAct
from verifier.service.issuing.budgets import Budgets
from verifier.service.issuing.checks import store_asked
from verifier.service.issuing.people.named_persons import NamedPersons
from verifier.service.store.causes import HeldValue
from verifier.service.store.subjects import read_subject

MAX_BODY: Final = 2048
"""Bytes; a reference of 128 characters takes 1,536 at most, escaped."""
_SHOW: Final = msgspec.json.Decoder(SubjectRequest)


class Subjects:
    """The resource, for the one list that is issued from."""

    def __init__(
        self,
        redis: Redis,
        list_number: int,
        persons: NamedPersons,
        audit: AuditLog[Act],
        budgets: Budgets,
    ) -> None:
        self._redis = redis
        self._list_number = list_number
        self._persons = persons
        self._audit = audit
        self._budgets = budgets

    def handlers(self) -> Handlers:
        """Return what answers."""
        return {"showSubject": self.show}

    async def show(self, request: web.BaseRequest, caller: Caller, _: str) -> web.Response:
        """Answer what is kept of a person."""
        token = token_of(caller)
        asked = bodies.decode(await read_json(request, MAX_BODY), _SHOW, MAX_BODY)
        with store_asked():
            digest = self._persons.digest(asked)
            person = await self._persons.index(asked, digest)
            subject = f"person:{self._list_number}:{person}"
            await self._budgets.spend(caller, BudgetedAct.SHOW, subject)
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
    """Say in the audit log's words who looks at whom."""
    return Act(
        action=action,
        person=token.person,
        by=f"token:{token.id}",
        subject=f"person:{list_number}:{person}",
        reason=reason,
    )
