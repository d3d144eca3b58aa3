"""POST /v1/scans/{scan_id}/annul: the turnstile did not turn. Scope `scan`, the same caller only.

Gives back once what the scan claimed. Asked again, the answer is the same.
"""

from http import HTTPStatus

from aiohttp import web
from redis.asyncio import Redis
from redis.exceptions import RedisError

from runtime.http.access import Caller
from runtime.http.bodies import json_response
from runtime.http.problems import Problem, store_away
from runtime.http.routes import Handler
from verifier.contract.amendment import ANNUL_SECONDS, Amendment, AmendmentKind, AnnulAnswer
from verifier.contract.vocabulary import ApiScope
from verifier.errors import Outage
from verifier.service.store.amendments import annul, look
from verifier.service.worker.doors.scans import conflict, own_scan_id
from verifier.service.worker.gates import gate_of
from verifier.service.worker.knowledge import ScanGate
from verifier.service.worker.pipeline import ScanPipeline
from verifier.service.worker.readiness import WorkerState


def annul_handler(redis: Redis, pipeline: ScanPipeline, state: WorkerState) -> Handler:
    """Return the handler."""

    async def post(_request: web.BaseRequest, caller: Caller, text: str) -> web.Response:
        if not state.loaded:
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "system.starting")
        gate = gate_of(caller, pipeline.knowledge, ApiScope.SCAN)
        scan_id = own_scan_id(text, gate, "scan_id")
        if not pipeline.commit.up:
            raise store_away()
        try:
            if await _annul(redis, gate, scan_id, caller.name):
                pipeline.metrics.annulments += 1
        except (RedisError, OSError, Outage):
            raise store_away() from None
        return json_response(AnnulAnswer(scan_id=text, annulled=True))

    return post


async def _annul(redis: Redis, gate: ScanGate, scan_id: bytes, by: str) -> bool:
    """Annul a scan; False: it was annulled before.

    Raises:
        Problem: 404 scan.unknown, 409 scan.conflict or scan.late.
    """
    found = await look(redis, gate.tag, scan_id)
    if found is None:
        raise Problem(HTTPStatus.NOT_FOUND, "scan.unknown")
    if found.record.terminal != gate.grant.terminal:
        raise conflict()
    if found.annulled:
        return False
    if found.now - found.since > ANNUL_SECONDS * 1000:
        raise Problem(HTTPStatus.CONFLICT, "scan.late")
    amendment = Amendment(kind=AmendmentKind.ANNULLED, by=by, at=found.now)
    return await annul(redis, gate.tag, scan_id, amendment)
