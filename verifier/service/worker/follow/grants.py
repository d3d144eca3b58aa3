"""Follows the fleet's grants: long polls, verifies, keeps the highest rank a terminal.

A grant is signed by the fleet and checked against trust, wherever it comes from. Signed bytes are
kept in the store, so that a worker starts while the fleet is away. What cannot be verified yet is
tried again when trust changes, and what a key signed that may sign no more is dropped then.

A start reads all anew, and so does a page of another incarnation than the one before. The page's
own word is only where to read on: an incarnation counts by grants that were signed in it. Once all
of it was read, what an earlier one granted and this one does not is dropped.
"""

import asyncio
import time
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
from runtime.http.answers import read_whole
from runtime.logs import Log
from runtime.settings import read_secret
from verifier.contract.envelope import take_apart
from verifier.contract.grant import MAX_INCARNATION_STEP, Grant, incarnation_of
from verifier.errors import BundleCause, BundleRefused
from verifier.service.store.grants import drop_grants, keep_grant, read_grants
from verifier.service.worker.knowledge import Knowledge
from verifier.service.worker.metrics import Metrics
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
        self._signed: dict[str, bytes] = {}
        """Terminal -> the signed bytes in force."""
        self._newest = 0
        """Highest rank in force."""
        self._after = 0
        """Rank from which the fleet is asked on; 0: all is read anew."""
        self._read_in = 0
        """Incarnation that was read from its beginning."""
        self._whole = False
        """The last page was the end of what the fleet has."""
        self._store_run: str | None = None
        """Which run of the store's process has what is kept."""
        self._dropped: set[str] = set()
        """Terminals whose grants are to be forgotten in the store too."""
        self._judged_by: Trust | None = None
        self.heard: float | None = None
        """When the fleet answered last, by the monotonic clock."""
        self.read = asyncio.Event()
        """Set once what the store keeps has been read."""
        self.behind = False
        """What the fleet gives ranks below what is in force: it lost its store and its floor."""

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
        async with aiohttp.ClientSession(headers=headers, timeout=timeout) as client:
            while True:
                page = await self._ask(client, fleet.url)
                if page is None:
                    await asyncio.sleep(RETRY_S)
                    continue
                self.heard = time.monotonic()
                self._take_page(page)
                await self._keep()

    def _take_page(self, page: _Page) -> None:
        """Take what the fleet answered; begin anew where its incarnation is another."""
        incarnation = incarnation_of(page.version)
        if incarnation != self._read_in:
            self._read_in = incarnation
            if self._after:
                self._after = 0
                self._whole = False
                return
        self._after = page.version
        self._take(self._refused_again())
        self._take(_decoded(page.grants))
        self._whole = not page.grants
        if self._whole:
            self.behind = page.version < self._newest
            self._drop_ended(incarnation)

    async def _from_store(self) -> bool:
        try:
            signed = await read_grants(self._redis)
        except (RedisError, OSError):
            return False
        self._take(signed)
        self._unkept.clear()
        return True

    async def _ask(self, client: aiohttp.ClientSession, url: str) -> _Page | None:
        # A changed trust may open what was refused: ask without hanging, and judge again.
        # The first one too, so that it is known at once whether the fleet is there.
        again = self._judged_by is not self._trusted.trust
        wait = 0 if again or not self._whole else WAIT_S
        query = {"after": str(self._after), "wait": str(wait)}
        try:
            async with client.get(f"{url.rstrip('/')}/v1/grants", params=query) as answer:
                if answer.status != HTTPStatus.OK:
                    return None
                body = await read_whole(answer, MAX_ANSWER_BYTES)
            return msgspec.json.decode(body, type=_Page)
        except (aiohttp.ClientError, TimeoutError, OSError, msgspec.DecodeError):
            return None

    def _refused_again(self) -> list[bytes]:
        if self._judged_by is self._trusted.trust:
            return []
        again, self._refused = self._refused, []
        return again

    def _take(self, signed_grants: Iterable[bytes]) -> None:
        if self._judged_by is not self._trusted.trust:
            self._judged_by = self._trusted.trust
            self._drop_unsigned()
        for signed in signed_grants:
            try:
                if signed in self._refused:
                    continue
                grant = self._trusted.read_grant(signed, now())
                self._check_step(grant)
            except BundleRefused as error:
                self._metrics.grants_refused += 1
                self._log.warning("grant.refused", cause=error.cause)
                self._refused = [*self._refused[-MAX_REFUSED + 1 :], signed]
                continue
            if self._knowledge.take_grants((grant,)):
                self._unkept.append((grant, signed))
                self._signed[grant.terminal] = signed
                self._newest = max(self._newest, grant.rank)
                self._log.info(
                    "grant.taken",
                    terminal=grant.terminal,
                    incarnation=grant.incarnation,
                    version=grant.version,
                    state=grant.state,
                )

    def _check_step(self, grant: Grant) -> None:
        """Refuse an incarnation that no misfortune of a store explains.

        Raises:
            BundleRefused: it lies too far above what is in force.
        """
        step = incarnation_of(grant.rank) - incarnation_of(self._newest)
        if self._newest and step > MAX_INCARNATION_STEP:
            raise BundleRefused(BundleCause.ORDER, "an incarnation far above the one in force")

    def _drop_ended(self, read: int) -> None:
        """Drop what an earlier incarnation granted, once all of the newest one was read."""
        newest = incarnation_of(self._newest)
        if read == newest:
            grants = self._knowledge.grants.values()
            self._drop([it.terminal for it in grants if incarnation_of(it.rank) < newest])

    def _drop_unsigned(self) -> None:
        """Drop what was signed by a key that may sign no grants any more.

        That is how a rank comes down again that a stolen key gave: the grant key is rotated.
        """
        signers = {terminal: take_apart(it).kid for terminal, it in self._signed.items()}
        ring = self._trusted.trust.ring
        may = {
            kid: any("grant" in key.uses for key in ring.find(kid)) for kid in set(signers.values())
        }
        self._drop([terminal for terminal, kid in signers.items() if not may[kid]])

    def _drop(self, terminals: list[str]) -> None:
        if not terminals:
            return
        self._knowledge.drop_grants(terminals)
        for terminal in terminals:
            self._signed.pop(terminal, None)
        self._dropped.update(terminals)
        ranks = (grant.rank for grant in self._knowledge.grants.values())
        self._newest = max(ranks, default=0)
        self._after = self._read_in = 0
        self._whole = False
        self._log.warning("grants.dropped", grants=len(terminals))

    async def _keep(self) -> None:
        """Keep in the store what was taken; all of it again where another store has come."""
        try:
            run = str((await self._redis.info("server")).get("run_id", ""))
            if self._dropped:
                await drop_grants(self._redis, self._dropped)
                self._dropped.clear()
            if run != self._store_run:
                grants = self._knowledge.grants
                self._unkept = [(grants[name], signed) for name, signed in self._signed.items()]
            while self._unkept:
                await keep_grant(self._redis, *self._unkept[0])
                self._unkept.pop(0)
            self._store_run = run
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
