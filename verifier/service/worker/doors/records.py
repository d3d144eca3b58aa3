"""GET /v1/records?after=CURSOR&limit=N: the last day's records, oldest first. Scope `records`."""

import uuid
from typing import Final

from aiohttp import web
from redis.asyncio import Redis
from redis.exceptions import RedisError

from runtime.http.access import Caller
from runtime.http.bodies import json_response
from runtime.http.problems import store_away
from runtime.http.queries import numbers
from runtime.http.routes import Handler
from verifier.contract.record import RecordLine, RecordPage
from verifier.decision import conclude, incident_of
from verifier.service.process.unread_records import UnreadRecords
from verifier.service.store.records import StoredRecord, read_records

PAGE: Final = 200
"""Records in a page, unless asked for fewer or more."""
MAX_PAGE: Final = 1000
_LARGEST: Final = 1 << 48
BOUNDS: Final = {"after": (0, 0, _LARGEST), "limit": (PAGE, 1, MAX_PAGE)}


def records_handler(redis: Redis, unread: UnreadRecords) -> Handler:
    """Return the handler; what is no record is left out and noted."""

    async def get(request: web.BaseRequest, _caller: Caller, _: str) -> web.Response:
        query = numbers(request, BOUNDS)
        try:
            page = await read_records(redis, query["after"], query["limit"])
        except (RedisError, OSError):
            raise store_away() from None
        unread.note(page.unread)
        lines = tuple(map(line_of, page.records))
        return json_response(RecordPage(cursor=str(page.cursor), records=lines))

    return get


def line_of(kept: StoredRecord) -> RecordLine:
    """Return what operators read of a record."""
    record, answer = kept.record, kept.answer
    made = conclude(record, answer)
    final = made.outcome if record.final is None else record.final
    return RecordLine(
        scan_id=str(uuid.UUID(bytes=record.scan_id)),
        terminal=record.terminal,
        place=record.place,
        gate=record.gate,
        at=record.at,
        format=record.format,
        decision=final,
        reason=made.reason if record.final is None else record.final_reason,
        answer=answer,
        milliseconds=record.milliseconds,
        offline=record.offline,
        incident=incident_of(record, answer),
        manual=record.manual,
        amendment=kept.amendment,
    )
