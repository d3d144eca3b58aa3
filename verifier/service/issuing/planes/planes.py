"""Planes as the doors of the issuing process read and change them.

The store holds the truth, for every writer; `publisher.py` signs what changes there.
"""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
from redis.asyncio import Redis

from runtime.logs import Log
from runtime.settings import SettingsError
from verifier.contract.vocabulary import Plane
from verifier.errors import Outage
from verifier.issuing.planes import PlaneSigner
from verifier.issuing.publisher import TrustSource
from verifier.issuing.signing_key import SigningKey
from verifier.service.issuing.bundles.named import floor_file
from verifier.service.issuing.planes.publisher import PlanePublisher
from verifier.service.issuing.settings import IssuingSettings
from verifier.service.store.planes import PlaneUnknown, change, read_value


class KeptPlane:
    """One plane, and what publishes it."""

    def __init__(self, publisher: PlanePublisher) -> None:
        self._name = publisher.name
        self.publisher = publisher

    @property
    def problem(self) -> str | None:
        """Why it is not published at present."""
        said = self.publisher.problem
        return None if said is None else f"{self.publisher.bundle}: {said}"

    async def change(self, redis: Redis, index: int, value: int) -> int:
        """Set the value at an index, as `change_all`."""
        return await self.change_all(redis, [(index, value)])

    async def change_all(self, redis: Redis, changes: Sequence[tuple[int, int]]) -> int:
        """Set values, (index, value) each, all or none of them.

        Returns a version from which on they show; 0 where the plane was destroyed: nothing shows.

        Raises:
            IndexError: outside the list.
            ValueError: no value of this plane.
            Outage: the store is away, or there are no revocations to write to.
        """
        try:
            await change(redis, {self._name: changes})
        except PlaneUnknown as error:
            if self._name.plane is Plane.REVOCATION:
                raise Outage("there is no plane of revocations") from error
            return 0
        return await self.publisher.shows_from()

    async def values(self, redis: Redis, indices: Sequence[int]) -> list[int]:
        """Return the values at indices; of a plane that was destroyed, zeros.

        Raises:
            IndexError: outside the list.
            RedisError: the store is away.
        """
        try:
            return await read_value(redis, self._name, indices)
        except PlaneUnknown:
            return [0] * len(indices)


async def open_planes(
    settings: IssuingSettings, redis: Redis, log: Log, key: SigningKey
) -> dict[Plane, KeptPlane]:
    """Make the planes that are not there yet, and what publishes them.

    Raises:
        SettingsError: planes, sizes or the list's name do not hold.
        RedisError: the store is away.
    """
    if not {Plane.REVOCATION, Plane.HEALTH} <= set(settings.planes):
        raise SettingsError("$.planes: revocation and health are always kept")
    uri = _uri(settings)
    planes = {}
    for plane in settings.planes:
        publisher = PlanePublisher(
            redis,
            log,
            PlaneSigner(
                issuer=settings.issuer, uri=uri, list_number=settings.list, plane=plane, key=key
            ),
            size=settings.credentials if plane is Plane.REVOCATION else settings.people,
            floors=floor_file(settings),
        )
        try:
            await publisher.make()
        except ValueError as error:
            raise SettingsError(f"$.people or $.credentials: {error}") from error
        planes[plane] = KeptPlane(publisher)
    return planes


async def publish_planes(planes: Mapping[Plane, KeptPlane]) -> None:
    """Publish until cancelled, also when every plane was destroyed: the rest lives on."""
    await asyncio.gather(*(plane.publisher.run() for plane in planes.values()))
    await asyncio.Event().wait()


def published(planes: Mapping[Plane, KeptPlane]) -> bool:
    """Say whether a snapshot of each is published."""
    return all(plane.publisher.ready.is_set() for plane in planes.values())


def _uri(settings: IssuingSettings) -> str:
    try:
        source = msgspec.json.decode(Path(settings.trust).read_bytes(), type=TrustSource)
        return source.lists[settings.list]
    except (OSError, msgspec.DecodeError, KeyError) as error:
        raise SettingsError(f"$.trust: no trust source that names list {settings.list}") from error
