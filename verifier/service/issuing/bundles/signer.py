"""Signs the documents of bundles and lays them where workers find them, each with a new version."""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec
from redis.asyncio import Redis

from verifier.contract.bundle import BundleDocument, BundleVersion
from verifier.issuing.publisher import seal_bundle
from verifier.issuing.signing_key import SigningKey
from verifier.service.process.floors import FloorFile, next_version
from verifier.service.store.bundles import publish_bundle, read_versions
from verifier.trust.floors import Floor
from verifier.trust.keys import thumbprint_of_spki
from verifier.trust.kinds import name_of


class GivenVersions(NamedTuple):
    """Versions that were given before: what lies in the store, and the floors that count."""

    laid: Mapping[str, BundleVersion]
    floors: Mapping[str, Floor]


class BundleSigner:
    """Signs with one key; the table of kinds says for which use, and how the bundle is called."""

    def __init__(self, redis: Redis, key: SigningKey, floors: FloorFile) -> None:
        self._redis = redis
        self._key = key
        self._floors = floors
        self._own = thumbprint_of_spki(key.spki)

    async def given(self) -> GivenVersions:
        """Return the versions that were given before; whoever publishes many asks once.

        Raises:
            RedisError, OSError: the store is away.
        """
        return GivenVersions(await read_versions(self._redis), self._floors.counting(self._own))

    async def publish(self, document: BundleDocument, given: GivenVersions | None = None) -> int:
        """Give a document its next version, sign it and lay it down; returns the version.

        Raises:
            RedisError, OSError: the store is away.
        """
        name = name_of(document)
        version = next_version(name, *(given or await self.given()))
        signed = seal_bundle(msgspec.structs.replace(document, version=version), self._key)
        await publish_bundle(self._redis, name, version, signed)
        return version
