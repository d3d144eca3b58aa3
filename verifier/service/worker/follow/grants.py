"""Follows the fleet's grants: long polls, verifies, keeps the highest version a terminal.

A grant is signed by the fleet and checked against trust, wherever it comes from. Signed bytes are
kept in the store, so that a worker starts while the fleet is away. What cannot be verified yet is
tried again when trust changes.
"""

import asyncio
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterable
from http import HTTPStatus
from typing import Final

import aiohttp
import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from runtime.clock import now
from runtime.logs import Log
from runtime.settings import read_secret
from verifier.contract.grant import Grant
from verifier.errors import BundleRefused
from verifier.service.process.metrics import Metrics
from verifier.service.store.grants import keep_grant, read_grants
from verifier.service.worker.knowledge import Knowledge
from verifier.service.worker.settings import FleetSettings
from verifier.trust.bundle import TrustedSet
from verifier.trust.signers import Trust

WAIT_S: Final = 25
"""Seconds a question may hang at the fleet until something is new."""
TIMEOUT_S: Final = 35.0
RETRY_S: Final = 1.0
"""Seconds between attempts while the fleet or the store is away."""
MAX_ANSWER_BYTES: Final = 8 * 1024 * 1024
"""Bytes of a page: 1,000 grants of at most 2 KB, in base64."""
MAX_REFUSED: Final = 1000
"""Refused grants kept for another try; the oldest is forgotten and comes again at a restart."""


class _Page(msgspec.Struct, frozen=True, kw_only=True):
    version: int
    grants: tuple[str, ...]


class GrantFollower:
    """Keeps a worker's grants at what the fleet says."""

    def __init__(
        self,
        redis: Redis,
        trusted: TrustedSet,
        knowledge: Knowledge,
        log: Log,
        metrics: Metrics,
    ) -> None:
        self._redis = redis
        self._trusted = trusted
        self._knowledge = knowledge
        self._log = log
        self._metrics = metrics
        self._refused: list[bytes] = []
        self._unkept: list[tuple[Grant, bytes]] = []
        self._judged_by: Trust | None = None
        self.heard: float | None = None
        """Unix seconds of the fleet's last answer."""
        self.read = asyncio.Event()
        """Set once what the store keeps has been read."""

    @property
    def refused(self) -> int:
        """How many grants wait for a trust that takes them."""
        return len(self._refused)

    async def run(self, fleet: FleetSettings | None) -> None:
        """Follow until cancelled; with `fleet` None the store alone is read, once a second."""
        await self._knowledge.trusting.wait()
        while fleet is None or not self.read.is_set():
            if await self._from_store():
                self.read.set()
            if fleet is None or not self.read.is_set():
                await asyncio.sleep(RETRY_S)
        key = read_secret(fleet.api_key_file, "fleet.api_key_file")
        headers = {"Authorization": f"Bearer {key}"}
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        after = max((grant.version for grant in self._knowledge.grants.values()), default=0)
        async with aiohttp.ClientSession(headers=headers, timeout=timeout) as client:
            while True:
                page = await self._ask(client, fleet.url, after)
                if page is None:
                    await asyncio.sleep(RETRY_S)
                    continue
                self.heard = now()
                after = max(after, page.version)
                self._take(self._refused_again())
                self._take(_decoded(page.grants))
                await self._keep()

    async def _from_store(self) -> bool:
        try:
            signed = await read_grants(self._redis)
        except (RedisError, OSError):
            return False
        self._take(signed)
        self._unkept.clear()
        return True

    async def _ask(self, client: aiohttp.ClientSession, url: str, after: int) -> _Page | None:
        # A changed trust may open what was refused: ask without hanging, and judge again.
        # The first one too, so that it is known at once whether the fleet is there.
        again = self._refused and self._judged_by is not self._trusted.trust
        wait = 0 if again or self.heard is None else WAIT_S
        query = {"after": str(after), "wait": str(wait)}
        try:
            async with client.get(f"{url.rstrip('/')}/v1/grants", params=query) as answer:
                if answer.status != HTTPStatus.OK:
                    return None
                body = await answer.content.read(MAX_ANSWER_BYTES)
                while not answer.content.at_eof() and len(body) < MAX_ANSWER_BYTES:
                    body += await answer.content.read(MAX_ANSWER_BYTES - len(body))
            return msgspec.json.decode(body, type=_Page)
        except (aiohttp.ClientError, TimeoutError, OSError, msgspec.DecodeError):
            return None

    def _refused_again(self) -> list[bytes]:
        if self._judged_by is self._trusted.trust:
            return []
        again, self._refused = self._refused, []
        return again

    def _take(self, signed_grants: Iterable[bytes]) -> None:
        self._judged_by = self._trusted.trust
        for signed in signed_grants:
            try:
                grant = self._trusted.read_grant(signed, now())
            except BundleRefused as error:
                self._metrics.grants_refused += 1
                self._log.warning("grant.refused", cause=error.cause)
                self._refused = [*self._refused[-MAX_REFUSED + 1 :], signed]
                continue
            if self._knowledge.take_grants((grant,)):
                self._unkept.append((grant, signed))
                self._log.info(
                    "grant.taken",
                    terminal=grant.terminal,
                    version=grant.version,
                    state=grant.state,
                )

    async def _keep(self) -> None:
        try:
            while self._unkept:
                await keep_grant(self._redis, *self._unkept[0])
                self._unkept.pop(0)
        except (RedisError, OSError):
            self._log.warning("grants.not_kept", grants=len(self._unkept))


def _decoded(grants: Iterable[str]) -> list[bytes]:
    decoded = []
    for grant in grants:
        try:
            decoded.append(b64decode(grant, validate=True))
        except (Base64Error, ValueError):
            decoded.append(b"")  # refused, and counted as such
    return decoded
