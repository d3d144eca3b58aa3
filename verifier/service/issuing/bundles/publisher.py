"""What the issuing process publishes from files: root, trust, profiles, revoked cards.

A bundle gets a new version when its content changes or half of its validity is gone. A wrong source
file is refused by name and field; the last good set stays in force. Rosters (`rosters.py`),
appointments (`appointments.py`) and planes (`planes/publisher.py`) come from the store.
"""

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from runtime.clock import now
from runtime.logs import Log
from verifier.contract.bundle import BundleDocument
from verifier.errors import BundleRefused, ProfileError
from verifier.issuing.publisher import TrustSource
from verifier.issuing.signing_key import SigningKey
from verifier.service.issuing.bundles.appointments import AppointmentBoard
from verifier.service.issuing.bundles.rosters import RosterBoard
from verifier.service.issuing.bundles.rule_files import NO_RULE_FILES, read_rule_files
from verifier.service.issuing.bundles.signer import BundleSigner
from verifier.service.issuing.bundles.sources import read_cards, read_sources
from verifier.service.issuing.signing_clock import SigningClock
from verifier.service.process.floors import FloorFile
from verifier.service.store.bundles import publish_bundle, read_versions
from verifier.trust.bundle_kind import BundleKind
from verifier.trust.kinds import CARDS, PROFILES, ROOT, TRUST
from verifier.trust.root import open_root_file

TICK_S: Final = 1.0
"""Seconds between looks."""
BUNDLE_VALID_S: Final = 7 * 86_400
"""Seconds; a city cut off for a week is told by every gate that its trust is stale."""


class ReadSource(NamedTuple):
    """What a source says."""

    document: BundleDocument
    content: bytes
    """What a change of shows; not when it was read."""
    counts: Mapping[str, int] = MappingProxyType({})
    """How much of it there is, for the log."""
    empty: bool = False
    """Nothing is published of it until it has said something once."""


class BundleSource(NamedTuple):
    """Files that a kind of bundle is made from."""

    kind: BundleKind
    read: Callable[[int, int], ReadSource]
    """Takes iat and exp; raises ProfileError with what is wrong."""
    optional: bool = False
    """Whether the house may go without."""


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
        self._signer = BundleSigner(redis, bundle_key, floors)
        self._sources = (
            BundleSource(TRUST, self._read_trust),
            BundleSource(PROFILES, self._read_profiles),
            BundleSource(CARDS, self._read_cards, optional=True),
        )
        self._root, self._trust = root, trust
        self._profiles, self._rules, self._cards = profiles, rules, cards
        self._signed: dict[str, tuple[bytes, int]] = {}
        """Name -> digest of the content that is published, and when it was signed."""
        self.rosters = RosterBoard(redis, issuer_key, floors)
        self.appointments = AppointmentBoard(redis, bundle_key, floors)
        self.places: frozenset[str] = frozenset()
        """Places that have a profile."""
        self._requiring: frozenset[str] = frozenset()
        """Places whose profile requires appointments."""
        self._clock = SigningClock()
        self.problems: dict[str, str] = {}
        self.rule_files = NO_RULE_FILES
        """What the folder of rules says; files that are wrong stand there too."""
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
                self.problems["store"] = (
                    f"Redis does not answer ({type(error).__name__}): repair it"
                )
            else:
                self.problems.pop("store", None)
            await asyncio.sleep(TICK_S)

    async def look(self) -> None:
        """Publish what has changed or is getting old."""
        problem = self._clock.problem()
        if problem is not None:
            self._refuse("clock", problem)
            return
        self.problems.pop("clock", None)
        moment = int(now())
        if self.reread.is_set() or self._aged(moment):
            self.reread.clear()
            try:
                await self._publish_root()
                for source in self._sources:
                    await self._publish(source, moment)
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
        return any(
            self._old(source.kind.word, moment)
            for source in self._sources
            if source.kind.word in self._signed or not source.optional
        )

    async def _publish_root(self) -> None:
        """Lay out the newest root, and those before it for whoever slept through one."""
        published = await read_versions(self._redis)
        try:
            steps = {ROOT.of(_root_version(data)): data for data in self._earlier_roots()}
            newest = self._root.read_bytes()
            files = {name: (_root_version(data), data) for name, data in steps.items()}
            files[ROOT.word] = (_root_version(newest), newest)
        except BundleRefused as error:
            self._refuse(ROOT.word, f"{self._root}: {error}")
            return
        self.problems.pop(ROOT.word, None)
        for name, (version, data) in files.items():
            if name not in published or published[name].digest != hashlib.sha256(data).hexdigest():
                await publish_bundle(self._redis, name, version, data)

    def _earlier_roots(self) -> list[bytes]:
        folder = self._root.parent
        return [path.read_bytes() for path in sorted(folder.glob("root-*.cbor"))]

    async def _publish(self, source: BundleSource, moment: int) -> None:
        """Publish what a source says, if it is new or getting old."""
        name = source.kind.word
        try:
            read = source.read(moment, moment + BUNDLE_VALID_S)
        except ProfileError as error:
            self._refuse(name, str(error))
            return
        self.problems.pop(name, None)
        if read.empty and name not in await read_versions(self._redis):
            return
        digest, signed = _digest(read.content), self._signed.get(name)
        if signed is not None and signed[0] == digest and not self._old(name, moment):
            return
        version = await self._signer.publish(read.document)
        self._signed[name] = (digest, moment)
        self._log.info("published", bundle=name, version=version, **read.counts)

    def _read_trust(self, issued_at: int, expires: int) -> ReadSource:
        content = self._trust.read_bytes()
        try:
            source = msgspec.json.decode(content, type=TrustSource)
        except msgspec.DecodeError as error:
            raise ProfileError(str(self._trust), str(error)) from error
        return ReadSource(source.document(version=1, issued_at=issued_at, expires=expires), content)

    def _read_profiles(self, issued_at: int, expires: int) -> ReadSource:
        named = self.rule_files.warning()
        self.rule_files = read_rule_files(self._rules, self.rule_files)
        if self.rule_files.warning() not in (None, named):
            self._log.error("rules left out", why=self.rule_files.warning())
        document = read_sources(
            self._profiles, self.rule_files, issued_at=issued_at, expires=expires
        )
        self.places = frozenset(profile["place"] for profile in document.profiles)
        self._requiring = frozenset(
            profile["place"] for profile in document.profiles if profile["appointment"] is not None
        )
        content = msgspec.json.encode(
            (document.profiles, document.rules, document.value_sets, document.products)
        )
        return ReadSource(document, content, counts={"places": len(document.profiles)})

    def _read_cards(self, issued_at: int, expires: int) -> ReadSource:
        document = read_cards(self._cards, issued_at=issued_at, expires=expires)
        content, lists = msgspec.json.encode(document.lists), len(document.lists)
        return ReadSource(document, content, counts={"lists": lists}, empty=not lists)

    def _refuse(self, name: str, problem: str) -> None:
        if self.problems.get(name) != problem:
            self._log.error("refused", source=name, why=problem)
        self.problems[name] = problem


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def _root_version(data: bytes) -> int:
    return open_root_file(data)[0].version
