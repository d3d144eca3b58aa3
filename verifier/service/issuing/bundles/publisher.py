"""What the issuing process lays on the shelf from files: root, trust, profiles, revoked cards.

A bundle gets a new version when its content changes or half of its validity is gone. A wrong source
file is refused by name and field; the last good set stays in force. Rosters (`rosters.py`),
appointments (`appointments.py`) and planes (`planes/publisher.py`) come from the store.
"""

import asyncio
import hashlib
from pathlib import Path
from typing import Final

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from runtime.clock import now
from runtime.logs import Log
from verifier.contract.bundle import CARDS
from verifier.errors import BundleRefused, ProfileError
from verifier.issuing.publisher import TrustSource, seal_bundle
from verifier.issuing.signing_key import SigningKey
from verifier.service.issuing.bundles.appointments import AppointmentBoard
from verifier.service.issuing.bundles.rosters import RosterBoard
from verifier.service.issuing.bundles.sources import read_cards, read_sources
from verifier.service.process.floors import FloorFile, next_version
from verifier.service.store.bundles import publish_bundle, read_versions
from verifier.trust.root import open_root_file

TICK_S: Final = 1.0
"""Seconds between looks."""
BUNDLE_VALID_S: Final = 7 * 86_400
"""Seconds; a city cut off for a week is told by every gate that its trust is stale."""


class BundlePublisher:
    """Signs and publishes; everything that can be wrong with it stands in `problems`."""

    def __init__(  # noqa: PLR0913 - two keys, two sources, the store and the log
        self,
        redis: Redis,
        log: Log,
        *,
        bundle_key: SigningKey,
        issuer_key: SigningKey,
        root: Path,
        trust: Path,
        profiles: Path,
        rules: Path,
        cards: Path,
        floors: FloorFile,
    ) -> None:
        self._redis = redis
        self._log = log
        self._bundle_key = bundle_key
        self._root, self._trust = root, trust
        self._profiles, self._rules, self._cards = profiles, rules, cards
        self._floors = floors
        self._signed: dict[str, tuple[bytes, int]] = {}
        """Name -> digest of the content that lies on the shelf, and when it was signed."""
        self.rosters = RosterBoard(redis, issuer_key, floors)
        self.appointments = AppointmentBoard(redis, bundle_key, floors)
        self.places: frozenset[str] = frozenset()
        """Places that have a profile."""
        self._requiring: frozenset[str] = frozenset()
        """Places whose profile requires appointments."""
        self.problems: dict[str, str] = {}
        self.published = asyncio.Event()
        self.reread = asyncio.Event()
        """Set by SIGHUP and at start: profiles and trust are read again."""
        self.reread.set()

    async def run(self) -> None:
        """Publish until cancelled; an away store is come back to."""
        while True:
            try:
                await self.look()
            except (RedisError, OSError) as error:
                self.problems["store"] = f"Redis is away ({type(error).__name__})"
            else:
                self.problems.pop("store", None)
            await asyncio.sleep(TICK_S)

    async def look(self) -> None:
        """Publish what has changed or is getting old."""
        moment = int(now())
        if self.reread.is_set() or self._aged(moment):
            self.reread.clear()
            try:
                await self._publish_root()
                await self._publish_trust(moment)
                await self._publish_profiles(moment)
                await self._publish_cards(moment)
            except (RedisError, OSError):
                self.reread.set()
                raise
        await self.rosters.publish(moment)
        await self.appointments.publish(moment, places=self.places, requiring=self._requiring)
        self.published.set()

    def _old(self, name: str, moment: int) -> bool:
        signed = self._signed.get(name)
        return signed is None or moment - signed[1] > BUNDLE_VALID_S // 2

    def _aged(self, moment: int) -> bool:
        """Say whether something that is made of sources must be signed anew."""
        cards = CARDS in self._signed and self._old(CARDS, moment)
        return cards or self._old("trust", moment) or self._old("profiles", moment)

    async def _next(self, name: str) -> int:
        return next_version(name, await read_versions(self._redis), self._floors.load())

    def _stands(self, name: str, content: bytes, moment: int) -> bool:
        """Say whether content need not be signed anew."""
        signed = self._signed.get(name)
        return signed is not None and signed[0] == _digest(content) and not self._old(name, moment)

    async def _publish_root(self) -> None:
        """Lay out the newest root, and those before it for whoever slept through one."""
        held = await read_versions(self._redis)
        try:
            steps = {f"root-{_root_version(data)}": data for data in self._earlier_roots()}
            newest = self._root.read_bytes()
            files = {name: (_root_version(data), data) for name, data in steps.items()}
            files["root"] = (_root_version(newest), newest)
        except BundleRefused as error:
            self._refuse("root", f"{self._root}: {error}")
            return
        self.problems.pop("root", None)
        for name, (version, data) in files.items():
            if name not in held or held[name].digest != hashlib.sha256(data).hexdigest():
                await publish_bundle(self._redis, name, version, data)

    def _earlier_roots(self) -> list[bytes]:
        folder = self._root.parent
        return [path.read_bytes() for path in sorted(folder.glob("root-*.cbor"))]

    async def _publish_trust(self, moment: int) -> None:
        content = self._trust.read_bytes()
        try:
            source = msgspec.json.decode(content, type=TrustSource)
        except msgspec.DecodeError as error:
            self._refuse("trust", f"{self._trust}: {error}")
            return
        self.problems.pop("trust", None)
        if self._stands("trust", content, moment):
            return
        version = await self._next("trust")
        document = source.document(
            version=version, issued_at=moment, expires=moment + BUNDLE_VALID_S
        )
        await publish_bundle(self._redis, "trust", version, seal_bundle(document, self._bundle_key))
        self._signed["trust"] = (_digest(content), moment)
        self._log.info("published", bundle="trust", version=version)

    async def _publish_profiles(self, moment: int) -> None:
        try:
            document = read_sources(
                self._profiles, self._rules, issued_at=moment, expires=moment + BUNDLE_VALID_S
            )
        except ProfileError as error:
            self._refuse("profiles", str(error))
            return
        self.problems.pop("profiles", None)
        self.places = frozenset(profile["place"] for profile in document.profiles)
        self._requiring = frozenset(
            profile["place"] for profile in document.profiles if profile["appointment"] is not None
        )
        content = msgspec.json.encode((document.profiles, document.rules, document.value_sets))
        if self._stands("profiles", content, moment):
            return
        version = await self._next("profiles")
        document = msgspec.structs.replace(document, version=version)
        await publish_bundle(
            self._redis, "profiles", version, seal_bundle(document, self._bundle_key)
        )
        self._signed["profiles"] = (_digest(content), moment)
        self._log.info(
            "published", bundle="profiles", version=version, places=len(document.profiles)
        )

    async def _publish_cards(self, moment: int) -> None:
        try:
            document = read_cards(self._cards, issued_at=moment, expires=moment + BUNDLE_VALID_S)
        except ProfileError as error:
            self._refuse(CARDS, str(error))
            return
        self.problems.pop(CARDS, None)
        if not document.lists and CARDS not in await read_versions(self._redis):
            return
        content = msgspec.json.encode(document.lists)
        if self._stands(CARDS, content, moment):
            return
        version = await self._next(CARDS)
        document = msgspec.structs.replace(document, version=version)
        await publish_bundle(self._redis, CARDS, version, seal_bundle(document, self._bundle_key))
        self._signed[CARDS] = (_digest(content), moment)
        self._log.info("published", bundle=CARDS, version=version, lists=len(document.lists))

    def _refuse(self, name: str, problem: str) -> None:
        if self.problems.get(name) != problem:
            self._log.error("refused", source=name, why=problem)
        self.problems[name] = problem


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def _root_version(data: bytes) -> int:
    return open_root_file(data)[0].version
