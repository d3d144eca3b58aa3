"""The doors of corrections. Scope `corrections`; every case is in the audit log before it is kept.

    POST /v1/corrections                  open a case: 201
    GET  /v1/corrections                  open cases, oldest first; closed ones with closed=1
    GET  /v1/corrections/{id}             one case
    POST /v1/corrections/{id}/withdraw    whoever opened it closes it without a decision

A case changes nothing; the issuing process closes it when two people have decided.
"""

import secrets
from http import HTTPStatus
from typing import Final

import msgspec
from aiohttp import web
from redis.exceptions import RedisError

from runtime.audit import AuditLog
from runtime.clock import now
from runtime.http.access import Caller
from runtime.http.audited import audited, refused
from runtime.http.bodies import decode, json_response, read_json
from runtime.http.problems import Problem, store_away
from runtime.http.queries import numbers
from runtime.http.routes import Handlers
from verifier.contract.audit import Act, AuditAction, not_done
from verifier.contract.errors import MalformedError
from verifier.contract.status import PlaneName
from verifier.feeds.corrections import (
    CorrectionCase,
    CorrectionEvent,
    CorrectionState,
    Opening,
    is_overdue,
)
from verifier.feeds.sources import word_of
from verifier.service.feeds.metrics import FeedMetrics
from verifier.service.feeds.reception import Register
from verifier.service.store.corrections import (
    CasesFullError,
    are_cases_full,
    close_case,
    open_case,
    read_case,
    read_cases,
)
from verifier.service.store.indices import is_person
from verifier.service.store.persons import find_persons
from verifier.service.store.planes import PlaneUnknown, read_value

MAX_BODY_BYTES: Final = 4096
"""Bytes; 500 characters of text take at most 2,000."""
PAGE: Final = 200
MAX_PAGE: Final = 1000
BOUNDS: Final = {"after": (0, 0, 1 << 20), "limit": (PAGE, 1, MAX_PAGE), "closed": (0, 0, 1)}
_OPENING: Final = msgspec.json.Decoder(Opening)


class ShownCase(msgspec.Struct, frozen=True, kw_only=True):
    """A case with its age."""

    case: CorrectionCase
    age: int
    """Seconds since it was opened."""
    overdue: bool


class CaseList(msgspec.Struct, frozen=True, kw_only=True):
    """GET /v1/corrections."""

    cases: tuple[ShownCase, ...]
    total: int
    next: int | None
    """`after` of the next page."""


class CorrectionResource:
    """The resource."""

    def __init__(self, register: Register, audit: AuditLog[Act], metrics: FeedMetrics) -> None:
        self._register = register
        self._redis = register.redis
        self._audit = audit
        self._metrics = metrics

    def handlers(self) -> Handlers:
        """Return what answers."""
        return {
            "openCorrection": self.post,
            "listCorrections": self.list,
            "readCorrection": self.get,
            "withdrawCorrection": self.withdraw,
        }

    async def post(self, request: web.BaseRequest, caller: Caller, _: str) -> web.Response:
        """Open a case."""
        body = await read_json(request, MAX_BODY_BYTES)
        asked = decode(body, _OPENING, MAX_BODY_BYTES)
        try:
            person = await self._person(asked)
            value = await self._value(asked, person)
            case = CorrectionCase(
                id=secrets.token_hex(16),
                list=self._register.list_number,
                person=person,
                plane=asked.plane,
                value=value,
                reason=asked.reason,
                text=asked.text,
                opened=int(now()),
                opened_by=caller.name,
            )
            act = _act(AuditAction.CORRECTION, case, caller)
            if await are_cases_full(self._redis):
                # Seen to change nothing: not announced, and repeats are a count.
                full = msgspec.structs.replace(act, action=AuditAction.REFUSE, reason="full")
                await refused(self._audit, full, same=f"{caller.share} full")
                raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "corrections.full")
            await audited(self._audit, act)
            await open_case(self._redis, case)
        except CasesFullError:
            await audited(self._audit, not_done(act, "full"))
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "corrections.full") from None
        except (RedisError, OSError):
            raise store_away() from None
        self._metrics.corrections += 1
        return json_response(_shown(case), status=HTTPStatus.CREATED)

    async def list(self, request: web.BaseRequest, _caller: Caller, _: str) -> web.Response:
        """List cases."""
        query = numbers(request, BOUNDS)
        try:
            cases = await read_cases(self._redis, closed=bool(query["closed"]))
        except (RedisError, OSError):
            raise store_away() from None
        end = query["after"] + query["limit"]
        page = tuple(_shown(case) for case in cases[query["after"] : end])
        following = end if end < len(cases) else None
        return json_response(CaseList(cases=page, total=len(cases), next=following))

    async def get(self, _request: web.BaseRequest, _caller: Caller, name: str) -> web.Response:
        """Show a case."""
        return json_response(_shown(await self._case(name)))

    async def withdraw(self, _request: web.BaseRequest, caller: Caller, name: str) -> web.Response:
        """Close a case without a decision."""
        case = await self._case(name)
        if case.opened_by != caller.name:
            raise Problem(HTTPStatus.FORBIDDEN, "correction.others")
        if case.state is not CorrectionState.OPEN:
            raise Problem(HTTPStatus.CONFLICT, "correction.closed")
        act = _act(AuditAction.WITHDRAW, case, caller)
        await audited(self._audit, act)
        try:
            closed = await close_case(self._redis, name, CorrectionEvent.WITHDRAW, now())
        except (RedisError, OSError):
            raise store_away() from None
        if closed is None:
            await audited(self._audit, not_done(act, "closed"))
            raise Problem(HTTPStatus.CONFLICT, "correction.closed")
        return json_response(_shown(closed))

    async def _case(self, name: str) -> CorrectionCase:
        try:
            case = await read_case(self._redis, name)
        except (RedisError, OSError):
            raise store_away() from None
        if case is None:
            raise Problem(HTTPStatus.NOT_FOUND, "correction.unknown")
        return case

    async def _person(self, asked: Opening) -> int:
        register, person = self._register, asked.person
        if asked.reference is not None:
            try:
                digest = register.key.digest(asked.reference)
            except MalformedError:
                raise Problem(HTTPStatus.BAD_REQUEST, "body.field", field="$.reference") from None
            (person,) = await find_persons(self._redis, register.list_number, [digest])
        elif person is not None and not (
            person < register.people and await is_person(self._redis, register.list_number, person)
        ):
            person = None
        if person is None:
            raise Problem(HTTPStatus.NOT_FOUND, "person.unknown")
        return person

    async def _value(self, asked: Opening, person: int) -> str:
        try:
            (value,) = await read_value(
                self._redis, PlaneName(self._register.list_number, asked.plane), [person]
            )
        except PlaneUnknown:
            raise Problem(HTTPStatus.CONFLICT, "plane.unknown") from None
        return word_of(asked.plane, value)


def _act(action: AuditAction, case: CorrectionCase, caller: Caller) -> Act:
    return Act(
        action=action,
        person="" if caller.token is None else caller.token.person,
        by=caller.by,
        subject=f"person:{case.list}:{case.person}",
        reason=case.reason,
        before=f"{case.plane}:{case.value}",
        ref=case.id,
    )


def _shown(case: CorrectionCase) -> ShownCase:
    moment = now()
    age = max(0, int(moment) - case.opened)
    return ShownCase(case=case, age=age, overdue=is_overdue(case, moment))
