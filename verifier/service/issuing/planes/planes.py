"""Planes as the doors of the issuing process read and change them.

The store holds the truth, for every writer; `publisher.py` signs what changes there.
"""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import msgspec
from redis.asyncio import Redis

from runtime.audit import AuditLog
from runtime.logs import Log
from runtime.settings import SettingsError
from verifier.contract.audit import Act
from verifier.contract.errors import MalformedError
from verifier.contract.proposal import Proposal
from verifier.contract.status import PlaneName
from verifier.contract.vocabulary import Plane
from verifier.errors import Outage
from verifier.issuing.change_seal import ChangeSeal
from verifier.issuing.planes import PlaneSigner
from verifier.issuing.publisher import TrustSource
from verifier.issuing.signing_key import SigningKey
from verifier.service.issuing.bundles.named import floor_file
from verifier.service.issuing.planes.explanations import Explanations
from verifier.service.issuing.planes.past import SignedPast, status_keys
from verifier.service.issuing.planes.proof import PlaneProof
from verifier.service.issuing.planes.publisher import PlanePublisher
from verifier.service.issuing.planes.unexplained import UnexplainedChanges
from verifier.service.issuing.settings import IssuingSettings
from verifier.service.store.causes import ChangeCause
from verifier.service.store.planes import PlaneUnknown, change, read_value
from verifier.service.store.proposals import read_proposal
from verifier.trust.keys import VerifyKey, load_spki


class KeptPlane:
    """One plane, and what publishes it."""

    def __init__(self, publisher: PlanePublisher, unexplained: UnexplainedChanges) -> None:
        self._name = publisher.name
        self.unexplained = unexplained
        self.publisher = publisher

    @property
    def problem(self) -> str | None:
        """Why it is not published at present."""
        said = self.publisher.problem
        return None if said is None else f"{self.publisher.bundle}: {said}"

    async def change(self, redis: Redis, index: int, value: int, cause: ChangeCause) -> int:
        """Set the value at an index, as `change_all`."""
        return await self.change_all(redis, [(index, value)], cause)

    async def change_all(
        self, redis: Redis, changes: Sequence[tuple[int, int]], cause: ChangeCause
    ) -> int:
        """Set values, (index, value) each, all or none of them, for a reason.

        Returns a version from which on they show; 0 where the plane was destroyed: nothing shows.

        Raises:
            IndexError: outside the list.
            ValueError: no value of this plane.
            Outage: the store is away, or there are no revocations to write to.
        """
        try:
            await change(redis, {self._name: changes}, cause=cause)
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
    settings: IssuingSettings,
    redis: Redis,
    log: Log,
    key: SigningKey,
    *,
    seal: ChangeSeal,
    audit: AuditLog[Act],
) -> dict[Plane, KeptPlane]:
    """Make the planes that are not there yet, and what publishes them.

    Raises:
        SettingsError: planes, sizes or the list's name do not hold.
        RedisError: the store is away.
    """
    if not {Plane.REVOCATION, Plane.HEALTH} <= set(settings.planes):
        raise SettingsError("$.planes: revocation and health are always kept")
    uri, keys = _uri(settings), _status_keys(settings, key)
    planes = {}
    for plane in settings.planes:
        size = settings.credentials if plane is Plane.REVOCATION else settings.people
        name = PlaneName(settings.list, plane)
        unexplained = UnexplainedChanges(name, audit, log)
        publisher = PlanePublisher(
            redis,
            log,
            PlaneSigner(
                issuer=settings.issuer, uri=uri, list_number=settings.list, plane=plane, key=key
            ),
            size=size,
            floors=floor_file(settings),
            proof=PlaneProof(
                past=SignedPast(redis, name, size=size, keys=keys, folder=_signed(settings)),
                explanations=Explanations(name, seal, partial(_proposal, redis)),
                seal=seal,
                tell=unexplained.tell,
            ),
        )
        try:
            await publisher.make()
        except ValueError as error:
            raise SettingsError(f"$.people or $.credentials: {error}") from error
        planes[plane] = KeptPlane(publisher, unexplained)
    return planes


async def publish_planes(planes: Mapping[Plane, KeptPlane]) -> None:
    """Publish until cancelled, also when every plane was destroyed: the rest lives on."""
    await asyncio.gather(*(plane.publisher.run() for plane in planes.values()))
    await asyncio.Event().wait()


def published(planes: Mapping[Plane, KeptPlane]) -> bool:
    """Say whether a snapshot of each is published."""
    return all(plane.publisher.ready.is_set() for plane in planes.values())


def _signed(settings: IssuingSettings) -> Path | None:
    return None if settings.signed is None else Path(settings.signed)


def _status_keys(settings: IssuingSettings, key: SigningKey) -> list[VerifyKey]:
    """Return what snapshots and deltas of before may be signed by."""
    try:
        return [load_spki(key.spki)[1], *status_keys(Path(settings.trust))]
    except (OSError, msgspec.DecodeError, MalformedError) as error:
        raise SettingsError(f"$.trust: no trust source in {settings.trust}") from error


async def _proposal(redis: Redis, proposal_id: str) -> Proposal | None:
    found = await read_proposal(redis, proposal_id)
    return None if found is None else found.proposal


def _uri(settings: IssuingSettings) -> str:
    try:
        source = msgspec.json.decode(Path(settings.trust).read_bytes(), type=TrustSource)
        return source.lists[settings.list]
    except (OSError, msgspec.DecodeError, KeyError) as error:
        raise SettingsError(f"$.trust: no trust source that names list {settings.list}") from error
