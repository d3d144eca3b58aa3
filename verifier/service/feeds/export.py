"""GET /v1/export/records?after=CURSOR&limit=N: signed pages of the last day. Scope `export`.

A consumer gets the fields that the settings list for its key, and none without them. A page is
signed with the export key; its bytes are an envelope (docs/feeds.md), oldest record first.
"""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Final

from aiohttp import web
from redis.asyncio import Redis
from redis.exceptions import RedisError

from runtime.clock import now
from runtime.http.access import Caller
from runtime.http.problems import Problem, store_away
from runtime.http.queries import numbers
from runtime.http.routes import Handlers
from verifier.contract.export import ExportDocument, seal_export
from verifier.decision import conclude, incident_of
from verifier.feeds.exports import ExportInput, row
from verifier.issuing.signing_key import SigningKey
from verifier.service.feeds.metrics import FeedMetrics
from verifier.service.feeds.settings import Consumer
from verifier.service.process.unread_records import UnreadRecords
from verifier.service.store.records import StoredRecord, read_records

PAGE: Final = 500
"""Records in a page, unless asked for fewer or more."""
MAX_PAGE: Final = 1000
_LARGEST: Final = 1 << 48
BOUNDS: Final = {"after": (0, 0, _LARGEST), "limit": (PAGE, 1, MAX_PAGE)}


class Export:
    """The resource."""

    def __init__(
        self,
        redis: Redis,
        key: SigningKey,
        consumers: Iterable[Consumer],
        metrics: FeedMetrics,
        unread: UnreadRecords,
    ) -> None:
        self._redis = redis
        self._key = key
        self._fields = {consumer.caller: consumer.fields for consumer in consumers}
        self._metrics = metrics
        self._unread = unread

    def handlers(self) -> Handlers:
        """Return what answers."""
        return {"exportRecords": self.get}

    async def get(self, request: web.BaseRequest, caller: Caller, _: str) -> web.Response:
        """Give out a page."""
        fields = self._fields.get(caller.name)
        if fields is None:
            raise Problem(HTTPStatus.FORBIDDEN, "export.fields")
        query = numbers(request, BOUNDS)
        try:
            found = await read_records(self._redis, query["after"], query["limit"])
        except (RedisError, OSError):
            raise store_away() from None
        self._unread.note(found.unread)
        document = ExportDocument(
            type="export",
            consumer=caller.name,
            iat=int(now()),
            after=query["after"],
            cursor=found.cursor,
            fields=fields,
            records=tuple(row(fields, _told(one)) for one in found.records),
        )
        self._metrics.exported += len(found.records)
        key = self._key
        page = seal_export(document, kid=key.kid, algorithm=key.algorithm, sign=key.sign)
        headers = {"Content-Type": "application/cose", "Server": "kapok"}
        return web.Response(body=page, headers=headers | {"Cache-Control": "no-store"})


def _told(kept: StoredRecord) -> ExportInput:
    return ExportInput(
        record=kept.record,
        answer=kept.answer,
        made=conclude(kept.record, kept.answer),
        amendment=kept.amendment,
        incident=incident_of(kept.record, kept.answer),
    )
