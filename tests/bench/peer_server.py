"""What somebody would build in a day: aiohttp, python-cwt, one Redis call a request.

Runs in `.venv-oracle` and imports nothing of ours. It does of a cold scan what decides: base45,
both signatures, times, kind, and one claim of a use that Redis has on disk before the answer. It
leaves out what we do besides (status, profile, record, the caller's key), so it is not held back.

Reads one JSON line from standard input (`port`, `redis`: socket, user and password, `issuers`: PEM
by kid), writes a line when it listens, ends when its input does.
"""

import asyncio
import hashlib
import json
import sys
import time
from typing import Any, Final

import base45
import cbor2
import uvloop
from aiohttp import web
from cbor2 import CBORTag
from cryptography.hazmat.primitives.asymmetric import ec
from cwt import COSE, COSEKey
from redis.asyncio import Redis

PREFIX: Final = "CC1:"
CREDENTIAL: Final = b"kapok/1/credential"
PROOF: Final = b"kapok/1/proof"
PRIVATE_CLAIM: Final = -70001
KCWT: Final = 13
SIGN1: Final = 18
PERSONAL: Final = 1
WINDOW_S: Final = 60
"""Seconds a proof stays fresh."""
AHEAD_S: Final = 10
"""Seconds a phone's clock may run ahead."""
ONCE_S: Final = 60
"""Seconds in which a person passes once."""
UNVERIFIED: Final = 422
BACKLOG: Final = 1024
"""Connections that may wait to be accepted."""


class Peer:
    """One worker's state."""

    def __init__(self, redis: Redis, issuers: dict[str, str]) -> None:
        self.redis = redis
        self.cose = COSE.new()
        self.issuers = [
            COSEKey.from_pem(pem, kid=bytes.fromhex(kid)) for kid, pem in issuers.items()
        ]

    async def scan(self, request: web.Request) -> web.Response:
        """Answer POST /v1/scans."""
        body = await request.json()
        try:
            person = self.verify(body["text"])
        except Exception as error:  # noqa: BLE001 - python-cwt raises whatever its parts raise
            answer = {"decision": "deny", "reason": type(error).__name__}
            return web.json_response(answer, status=UNVERIFIED)
        key = "p:use:" + hashlib.sha256(f"{person}".encode()).hexdigest()[:32]
        first = await self.redis.set(key, body["scan_id"], nx=True, ex=ONCE_S)
        return web.json_response(
            {"scan_id": body["scan_id"], "decision": "pass" if first else "deny"}
        )

    def verify(self, text: str) -> list[int]:
        """Return the status triple of a code that holds; raises otherwise."""
        if not text.startswith(PREFIX):
            raise ValueError("not CC1")
        tag = cbor2.loads(base45.b45decode(text[len(PREFIX) :]))
        credential = CBORTag(SIGN1, cbor2.loads(tag.value[0])[KCWT])
        payload = self.cose.decode(credential, self.issuers, external_aad=CREDENTIAL)
        claims = cbor2.loads(payload)
        holder = holder_key(claims[8][1])
        proof = cbor2.loads(self.cose.decode(tag, holder, external_aad=PROOF))
        now = time.time()
        if not claims[6] <= now < claims[4]:
            raise ValueError("not in its time")
        if not now - WINDOW_S <= proof[6] <= now + AHEAD_S:
            raise ValueError("not fresh")
        claim = claims[PRIVATE_CLAIM]
        if claim[1] != PERSONAL:
            raise ValueError("not a person's")
        status: list[int] = claim[2]
        return status


def holder_key(stated: dict[int, Any]) -> Any:
    """Load a phone's P-256 key; python-cwt takes no compressed point."""
    point = bytes((2 + stated[-3],)) + stated[-2]
    whole = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point).public_numbers()
    return COSEKey.new({**stated, -3: whole.y.to_bytes(32, "big"), 3: -7})


async def serve(settings: dict[str, Any]) -> None:
    """Serve until standard input ends."""
    store = settings["redis"]
    redis = Redis(
        unix_socket_path=store["socket"], username=store["user"], password=store["password"]
    )
    peer = Peer(redis, settings["issuers"])
    application = web.Application()
    application.router.add_post("/v1/scans", peer.scan)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(
        runner, "127.0.0.1", settings["port"], reuse_port=True, backlog=BACKLOG
    ).start()
    print("listening", flush=True)  # noqa: T201 - the parent waits for it
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()
    await redis.aclose()


if __name__ == "__main__":
    uvloop.run(serve(json.loads(sys.stdin.readline())))
