"""POST /v1/credentials/bulk?job=J&batch=N: up to 1,000 lines of NDJSON in, as many and one out.

Scope `issue`. A batch is planned (who, which indices), the plan is kept, then it is carried out:
colours of new persons, their references, what they hold; last, credentials are signed while the
answer goes out. Every step can be done again with the same outcome, so a batch that is sent again,
after a lost answer or the death of this process, gets the same credentials: signatures too, since
they follow from the plan. Batches of a job come one after the other; a bad line spoils only itself.
"""

import asyncio
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Final

import msgspec
from aiohttp import web
from redis.asyncio import Redis

from runtime.clock import http_date, now
from runtime.http.access import Caller
from runtime.http.bodies import decode, encode, read_body
from runtime.http.problems import Problem
from runtime.http.queries import words
from runtime.logs import Log
from verifier.contract.bulk import (
    JOB,
    MAX_BULK_BYTES,
    MAX_BULK_LINES,
    BulkEnd,
    BulkIssued,
    BulkPaper,
    BulkPhone,
    BulkRefused,
    make_reader,
)
from verifier.contract.errors import MalformedError
from verifier.contract.status import PlaneName
from verifier.contract.vocabulary import Colour, Kind, Plane, Sector
from verifier.issuing.change_seal import ChangeSeal
from verifier.issuing.credential_row import CredentialForm, credential_row
from verifier.issuing.issuer import Subject, make_credential, static_text
from verifier.issuing.persons import ReferenceKey
from verifier.issuing.signing_key import SigningKey
from verifier.service.issuing.checks import store_asked
from verifier.service.issuing.settings import IssuingSettings
from verifier.service.store.bulk import (
    BatchPlan,
    PlannedLine,
    done_marker,
    keep_job,
    keep_plan,
    read_done,
    read_plan,
    were_given,
)
from verifier.service.store.causes import ISSUE, ChangeCause
from verifier.service.store.credentials import hold_all
from verifier.service.store.erased import were_erased
from verifier.service.store.indices import draw_many
from verifier.service.store.persons import find_persons, keep_persons
from verifier.service.store.planes import Marker, PlaneUnknown, change

NDJSON: Final = "application/x-ndjson"
MAX_LINE_BYTES: Final = 4096
"""Bytes; a reference of 128 characters takes 1,536 at most."""
MAX_WAITING: Final = 4
"""Batches in hand or waiting; they are carried out one after the other."""
AT_A_TIME: Final = 32
"""Credentials signed before others get their turn: some 3 ms."""
BACKDATE_S: Final = 5
"""Seconds: a gate's clock may be a little behind the issuer's."""
_HOUR: Final = 3600
_QUERY: Final = {"job": re.compile(JOB), "batch": re.compile(r"0|[1-9][0-9]{0,8}")}
_READER: Final = make_reader()
_COLOURS: Final = {colour.name.lower(): int(colour) for colour in Colour}
_SECTORS: Final = {sector.name.lower(): int(sector) for sector in Sector}
_NUMBER: Final = re.compile(rb'\A\{"line":([1-9][0-9]{0,11}),')
"""Whoever writes the number first can be told which line it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestedLine:
    """A line that holds: who is asked for, and what."""

    line: int
    digest: bytes
    colour: int
    sectors: dict[int, int] | None
    hours: int | None
    """None: no credential, the person's phone will ask for one."""


Line = RequestedLine | BulkRefused


class BulkResource:
    """The resource."""

    def __init__(
        self,
        redis: Redis,
        log: Log,
        settings: IssuingSettings,
        key: SigningKey,
        reference_key: ReferenceKey,
        seal: ChangeSeal,
    ) -> None:
        self._redis = redis
        self._log = log
        self._settings = settings
        # A batch that is sent again must come out the same to the last byte.
        self._key = replace(key, deterministic=True)
        self._reference_key = reference_key
        self._seal = seal
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def post(self, request: web.BaseRequest, caller: Caller, _: str) -> web.StreamResponse:
        """Issue a batch."""
        asked = words(request, _QUERY)
        if set(asked) != set(_QUERY):
            raise Problem(HTTPStatus.BAD_REQUEST, "query.bad")
        job, batch = asked["job"], int(asked["batch"])
        if self._waiting >= MAX_WAITING:
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "system.busy")
        self._waiting += 1
        try:
            body = await read_body(request, MAX_BULK_BYTES, _is_ndjson)
            async with self._turn:
                lines = list(self._lines(body))
                with store_asked():
                    plan = await self._planned(job, batch, hashlib.sha256(body).digest(), lines)
                    plan = await self._carry_out(job, plan, lines)
            # Not in turn: a client that reads slowly holds up nobody else.
            response, said = await self._answer(request, plan, lines)
        finally:
            self._waiting -= 1
        self._log.info(
            "bulk", job=job, batch=batch, issued=said.issued, refused=said.refused, by=caller.name
        )
        return response

    def _lines(self, body: bytes) -> Iterator[Line]:
        found = [line for line in body.split(b"\n") if line]
        if not 1 <= len(found) <= MAX_BULK_LINES:
            raise Problem(HTTPStatus.BAD_REQUEST, "bulk.lines")
        for data in found:
            try:
                yield self._line(decode(data, _READER, MAX_LINE_BYTES))
            except Problem as problem:
                field = None if problem.field is None else problem.field.removeprefix("$.")
                code = problem.code.replace("body.", "line.")
                yield BulkRefused(line=_number_of(data), code=code, field=field)

    def _line(self, asked: BulkPaper | BulkPhone) -> Line:
        try:
            digest = self._reference_key.digest(asked.reference)
        except MalformedError:
            return BulkRefused(line=asked.line, code="reference.bad", field="reference")
        colour = _COLOURS.get(asked.colour)
        if colour is None:
            return BulkRefused(line=asked.line, code="colour.unknown", field="colour")
        if isinstance(asked, BulkPhone):
            return RequestedLine(
                line=asked.line, digest=digest, colour=colour, sectors=None, hours=None
            )
        named = asked.sectors
        if named is not None and not _SECTORS.keys() >= named.keys():
            return BulkRefused(line=asked.line, code="sector.unknown", field="sectors")
        sectors = None if named is None else {_SECTORS[name]: it for name, it in named.items()}
        return RequestedLine(
            line=asked.line, digest=digest, colour=colour, sectors=sectors, hours=asked.hours
        )

    async def _planned(
        self, job: str, batch: int, digest: bytes, lines: Sequence[Line]
    ) -> BatchPlan:
        """Return the plan of a batch: the one that was kept, or a new one."""
        kept, done = await read_plan(self._redis, job), await read_done(self._redis, job)
        if kept is not None and kept.batch == batch:
            if kept.digest != digest:
                raise Problem(HTTPStatus.CONFLICT, "bulk.other")
            return kept
        if batch != done:
            raise Problem(HTTPStatus.CONFLICT, "bulk.order")
        plan = BatchPlan(
            batch=batch,
            digest=digest,
            issued_at=int(now()) - BACKDATE_S,
            lines=tuple(await self._plan(job, lines)),
        )
        await keep_plan(self._redis, job, plan)
        return plan

    async def _plan(self, job: str, lines: Sequence[Line]) -> list[PlannedLine]:
        """Decide who each line is, and which indices it takes."""
        list_number, settings = self._settings.list, self._settings
        digests = {line.digest for line in lines if isinstance(line, RequestedLine)}
        asked = list(digests)
        found = dict(zip(asked, await find_persons(self._redis, list_number, asked), strict=True))
        known = [person for person in found.values() if person is not None]
        were = await were_given(self._redis, job, known)
        given = {person for person, already in zip(known, were, strict=True) if already}
        fresh = sum(person is None for person in found.values())
        persons = iter(await draw_many(self._redis, list_number, "person", settings.people, fresh))
        papers = sum(isinstance(line, RequestedLine) and line.hours is not None for line in lines)
        credentials = iter(
            await draw_many(self._redis, list_number, "credential", settings.credentials, papers)
        )
        planned = []
        for line in lines:
            if isinstance(line, BulkRefused):
                planned.append(PlannedLine(code=line.code, field=line.field))
                continue
            person = found[line.digest]
            if line.digest not in digests or person in given:
                planned.append(PlannedLine(code="reference.twice", field="reference"))
                continue
            digests.discard(line.digest)
            planned.append(
                PlannedLine(
                    person=next(persons) if person is None else person,
                    new=person is None,
                    credential=None if line.hours is None else next(credentials),
                )
            )
        return planned

    async def _carry_out(self, job: str, plan: BatchPlan, lines: Sequence[Line]) -> BatchPlan:
        """Do what a plan says, as often as it is asked; returns it as it turned out."""
        list_number = self._settings.list
        plan = await self._living(plan)
        pairs = list(_given(plan, lines))
        colours = [(it.person, line.colour) for it, line in pairs if it.new]
        # First the colours: nobody is found by reference who has none.
        changed = await self._colour(job, colours, done_marker(job, plan.batch))
        if not changed and await read_done(self._redis, job) != plan.batch + 1:
            raise Problem(HTTPStatus.CONFLICT, "bulk.order")
        new = [(line.digest, it.person) for it, line in pairs if it.new]
        stands = await keep_persons(self._redis, list_number, new)
        others = {
            drawn: person for (_, drawn), person in zip(new, stands, strict=True) if drawn != person
        }
        if others:  # somebody was quicker at another door; the index drawn here stays nobody's
            await self._colour(job, [(drawn, int(Colour.NONE)) for drawn in others], None)
        outcome = tuple(_as_it_turned_out(it, others) for it in plan.lines)
        outcome = await self._hold(plan, outcome, lines)
        await keep_job(self._redis, job, others.values())
        return BatchPlan(
            batch=plan.batch, digest=plan.digest, issued_at=plan.issued_at, lines=outcome
        )

    async def _living(self, plan: BatchPlan) -> BatchPlan:
        """Leave out who was erased since a plan was made: nothing of them is written anew."""
        persons = list({it.person for it in plan.lines if it.code is None})
        flags = await were_erased(self._redis, self._settings.list, persons)
        gone = {person for person, erased in zip(persons, flags, strict=True) if erased}
        unknown = PlannedLine(code="person.unknown", field="reference")
        living = (unknown if it.code is None and it.person in gone else it for it in plan.lines)
        return msgspec.structs.replace(plan, lines=tuple(living))

    async def _colour(
        self, job: str, colours: Sequence[tuple[int, int]], marker: Marker | None
    ) -> bool:
        """Give colours; where the plane was destroyed nobody has one, and the marker is set."""
        name = PlaneName(self._settings.list, Plane.HEALTH)
        try:
            cause = ChangeCause(f"bulk:{job}", self._seal, origin=ISSUE)
            changes = {name: colours} if colours else {}
            return await change(self._redis, changes, cause=cause, marker=marker)
        except PlaneUnknown:
            return await change(self._redis, {}, marker=marker)

    async def _hold(
        self, plan: BatchPlan, outcome: tuple[PlannedLine, ...], lines: Sequence[Line]
    ) -> tuple[PlannedLine, ...]:
        """Write down what each person now holds; who holds too much gets nothing more."""
        rows = []
        for it, line in zip(outcome, lines, strict=True):
            if it.credential is not None and isinstance(line, RequestedLine):
                expires = _expiry(plan, line)
                rows.append(
                    (
                        it.person,
                        credential_row(it.credential, expires=expires, form=CredentialForm.PAPER),
                    )
                )
        kept = await hold_all(self._redis, self._settings.list, rows, now=int(now()))
        full = {row.credential for (_, row), fits in zip(rows, kept, strict=True) if not fits}
        return tuple(
            PlannedLine(code="person.full", field="reference") if it.credential in full else it
            for it in outcome
        )

    async def _answer(
        self, request: web.BaseRequest, plan: BatchPlan, lines: Sequence[Line]
    ) -> tuple[web.StreamResponse, BulkEnd]:
        """Sign and send, a few lines between two turns of the loop."""
        headers = {"Content-Type": NDJSON, "Server": "kapok", "Date": http_date()}
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        answers, issued = [], 0
        for list_number, (it, line) in enumerate(zip(plan.lines, lines, strict=True), 1):
            if it.code is None and isinstance(line, RequestedLine):
                answers.append(encode(self._issued(plan, it, line)))
                issued += 1
            else:
                refused = BulkRefused(line=line.line, code=it.code or "", field=it.field)
                answers.append(encode(refused))
            if list_number % AT_A_TIME == 0:
                await response.write(b"\n".join((*answers, b"")))
                answers.clear()
                await asyncio.sleep(0)
        end = BulkEnd(batch=plan.batch, issued=issued, refused=len(lines) - issued)
        await response.write(b"\n".join((*answers, encode(end), b"")))
        await response.write_eof()
        return response, end

    def _issued(self, plan: BatchPlan, it: PlannedLine, line: RequestedLine) -> BulkIssued:
        if it.credential is None:
            return BulkIssued(line=line.line, person=it.person, new=it.new)
        subject = Subject(
            kind=Kind.PERSONAL,
            list=self._settings.list,
            person=it.person,
            credential=it.credential,
            sectors=line.sectors,
        )
        expires = _expiry(plan, line)
        credential = make_credential(
            subject,
            issuer=self._settings.issuer,
            issued_at=plan.issued_at,
            expires=expires,
            key=self._key,
        )
        return BulkIssued(
            line=line.line,
            person=it.person,
            new=it.new,
            credential_index=it.credential,
            text=static_text(credential),
            expires=expires,
        )


def _given(plan: BatchPlan, lines: Sequence[Line]) -> Iterator[tuple[PlannedLine, RequestedLine]]:
    for it, line in zip(plan.lines, lines, strict=True):
        if it.code is None and isinstance(line, RequestedLine):
            yield it, line


def _as_it_turned_out(it: PlannedLine, others: dict[int, int]) -> PlannedLine:
    if it.code is not None or it.person not in others:
        return it
    return PlannedLine(person=others[it.person], new=False, credential=it.credential)


def _expiry(plan: BatchPlan, line: RequestedLine) -> int:
    return plan.issued_at + BACKDATE_S + (line.hours or 0) * _HOUR


def _number_of(data: bytes) -> int | None:
    """Return a line's number where the line itself does not hold."""
    found = _NUMBER.search(data)
    return None if found is None else int(found[1])


def _is_ndjson(content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower() == NDJSON
