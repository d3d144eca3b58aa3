"""POST /v1/records/search: the newest scans of one terminal, or of one code there.

Scope `records`. For support: from a photo, or from terminal and time, to the record and what
explains it. The text is compared and forgotten.
"""

from typing import Final

import msgspec
from aiohttp import web
from redis.asyncio import Redis
from redis.exceptions import RedisError

from runtime.http.access import Caller
from runtime.http.bodies import decode, json_response, read_json
from runtime.http.limits import ConcurrencyLimit, DoorCounts
from runtime.http.problems import store_away
from runtime.http.routes import Handler
from verifier.codes.shc import gather
from verifier.contract.record import FoundScan, ScanSearch, ScansFound
from verifier.errors import Outage
from verifier.service.store.record_search import search_records
from verifier.service.store.records import StoredRecord
from verifier.service.store.scans import digest_of
from verifier.service.worker.doors.records import line_of

MAX_BODY_BYTES: Final = 65_536
"""Bytes of a request: the symbols of a card and a few words."""
MAX_SEARCHES: Final = 2
"""Searches at once in a worker; each reads up to 100,000 records."""
_DECODER: Final = msgspec.json.Decoder(ScanSearch)


def search_handler(redis: Redis, counts: DoorCounts) -> Handler:
    """Return the handler."""
    places = ConcurrencyLimit(MAX_SEARCHES, counts, a_caller=1)

    async def post(request: web.BaseRequest, caller: Caller, _: str) -> web.Response:
        asked = decode(await read_json(request, MAX_BODY_BYTES), _DECODER, MAX_BODY_BYTES)
        digest = digest_of(asked.terminal, gather(asked.texts)) if asked.texts else None
        with places.one(caller.share):
            try:
                found = await search_records(
                    redis,
                    terminal=asked.terminal,
                    digest=digest,
                    before=asked.before,
                    last=asked.last,
                )
            except (RedisError, OSError, Outage):
                raise store_away() from None
        return json_response(
            ScansFound(
                records=tuple(map(_found, found.rows)),
                searched_from=found.searched_from,
                whole=found.whole,
            )
        )

    return post


def _found(kept: StoredRecord) -> FoundScan:
    line, record = line_of(kept), kept.record
    return FoundScan(
        **{name: getattr(line, name) for name in line.__struct_fields__},
        steps=record.steps,
        rule=record.rule,
        unsure=record.unsure,
        status_age=record.status_age,
        trust_version=record.trust_version,
        status_version=record.status_version,
        profile_version=record.profile_version,
        group=record.group,
    )
