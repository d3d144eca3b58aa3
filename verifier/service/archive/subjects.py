"""POST /v1/subjects/records: the records that carry one person's keyed hash (docs/privacy.md).

The hash is of the day's key, so this is the only process that can find them, and only while the key
is kept. Looked for in the day files, and in the store for the hours that are not moved yet. Asked
by an operator with a reason; in the audit log before anything is shown.
"""

import asyncio
from collections.abc import Iterable
from contextlib import aclosing
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
from aiohttp import web
from redis.asyncio import Redis
from redis.exceptions import RedisError

from runtime.audit import AuditLog
from runtime.http import bodies
from runtime.http.access import Caller, token_of
from runtime.http.audited import audited
from runtime.http.bodies import json_response, read_json
from runtime.http.problems import Problem
from runtime.http.routes import Handlers
from verifier.archive.columns import read_rows
from verifier.archive.hours import HOUR_MS, day_name, day_of
from verifier.archive.row import COLUMNS, StreamEntry, row_of
from verifier.contract.audit import Act, AuditAction
from verifier.contract.errors import MalformedError
from verifier.contract.subject import (
    MAX_ROWS,
    SubjectRecord,
    SubjectRecords,
    SubjectRecordsRequest,
)
from verifier.service.archive.folder import FolderError, RecordsFolder
from verifier.service.archive.mover import Moving
from verifier.service.process.keys import KEY_BYTES, key_path
from verifier.service.store.moments import store_ms
from verifier.service.store.record_hours import read_hour
from verifier.steps.use import person_hash

MAX_BODY: Final = 1024
"""Bytes; two numbers and a word."""
_SHOWN: Final = (
    *("stored", "number", "tag", "at", "place", "gate", "direction", "decision", "decision_reason"),
    *("offline", "amended"),
)
_ASKED: Final = msgspec.json.Decoder(SubjectRecordsRequest)


class _Part(NamedTuple):
    path: Path
    hashes: frozenset[bytes]


class _Found(NamedTuple):
    id: tuple[int, int, int]
    """Milliseconds, number, tag: names a row for good."""
    record: SubjectRecord


class SubjectSearch:
    """The resource; one search at a time, since each reads what a month has left."""

    def __init__(
        self,
        redis: Redis,
        folder: RecordsFolder,
        moving: Moving,
        person_keys: Path,
        audit: AuditLog[Act],
    ) -> None:
        self._redis = redis
        self._folder = folder
        self._moving = moving
        self._person_keys = person_keys
        self._audit = audit
        self._turn = asyncio.Lock()

    def handlers(self) -> Handlers:
        """Return what answers."""
        return {"showSubjectRecords": self.post}

    async def post(self, request: web.BaseRequest, caller: Caller, _: str) -> web.Response:
        """Answer with a person's records."""
        token = token_of(caller)
        asked = bodies.decode(await read_json(request, MAX_BODY), _ASKED, MAX_BODY)
        await audited(
            self._audit,
            Act(
                action=AuditAction.SHOW_PERSON,
                person=token.person,
                by=f"token:{token.id}",
                subject=f"person:{asked.list}:{asked.person}",
                reason=asked.reason,
            ),
        )
        try:
            async with self._turn:
                answer = await self._search(f"{asked.list}/{asked.person}")
        except RedisError as error:
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "store.away") from error
        except (OSError, FolderError, MalformedError) as error:
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "records.unreadable") from error
        return json_response(answer)

    async def _search(self, person: str) -> SubjectRecords:
        # The store first: an hour that is moved meanwhile is then found twice, never not at all.
        hour = await store_ms(self._redis) // HOUR_MS
        found = {each.id: each for each in await self._unmoved(person, hour)}
        searched, blind = {day_name(day_of(hour))}, set[str]()
        parts: list[_Part] = []
        for day in self._folder.days():
            hashes, manifest = self._hashes(person, day), self._folder.manifest(day)
            (searched if hashes else blind).add(manifest.day)
            folder = self._folder.path / manifest.day
            parts += [_Part(folder / part.file, hashes) for part in manifest.parts if hashes]
        found |= {each.id: each for each in await asyncio.to_thread(_in_files, parts)}
        rows = [found[key] for key in sorted(found)]
        return SubjectRecords(
            records=tuple(each.record for each in rows[:MAX_ROWS]),
            more=len(rows) > MAX_ROWS,
            days=tuple(sorted(searched - blind)),
            days_without_key=tuple(sorted(blind)),
        )

    async def _unmoved(self, person: str, newest: int) -> list[_Found]:
        """Return what the store has of hours that are in no day file yet."""
        progress = self._moving.progress
        oldest = newest if progress is None else min(progress.through + 1, newest)
        found = []
        for hour in range(oldest, newest + 1):
            hashes, after = self._hashes(person, day_of(hour)), self._folder.last_of(hour)
            async with aclosing(read_hour(self._redis, hour, after)) as pages:
                async for page in pages:
                    found += [_entry(each) for each in page if _of(each, hashes)]
        return found

    def _hashes(self, person: str, day: int) -> frozenset[bytes]:
        """Return the person's hash under a day's key and, for its first minutes, the last one's."""
        keys = (self._key(each) for each in (day, day - 1))
        return frozenset(person_hash(key, person) for key in keys if key is not None)

    def _key(self, day: int) -> bytes | None:
        try:
            key = key_path(self._person_keys, day).read_bytes()
        except FileNotFoundError:
            return None
        return key if len(key) == KEY_BYTES else None


def _in_files(parts: Iterable[_Part]) -> list[_Found]:
    """Search files, in a thread of its own; one that was destroyed meanwhile is passed over."""
    found: list[_Found] = []
    for part in parts:
        if len(found) > MAX_ROWS:
            break
        try:
            with part.path.open("rb") as source:
                found += map(_found, read_rows(source, _SHOWN, persons=part.hashes))
        except FileNotFoundError:
            continue
    return found


def _of(entry: StreamEntry, hashes: frozenset[bytes]) -> bool:
    return entry.record is not None and entry.record.person in hashes


def _entry(entry: StreamEntry) -> _Found:
    return _found(dict(zip(COLUMNS, row_of(entry), strict=True)))


def _found(row: dict[str, Any]) -> _Found:
    record = SubjectRecord(
        at=_ms(row["at"]),
        place=row["place"],
        gate=row["gate"],
        direction=row["direction"],
        decision=row["decision"],
        reason=row["decision_reason"],
        offline=row["offline"],
        amended=row["amended"],
    )
    return _Found((_ms(row["stored"]), row["number"], row["tag"]), record)


def _ms(moment: datetime | int) -> int:
    return moment if isinstance(moment, int) else round(moment.timestamp() * 1000)
