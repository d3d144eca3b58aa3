"""The list's status as the doors of the issuing process read and change it."""

from redis.asyncio import Redis

from verifier.contract.vocabulary import Colour, Plane
from verifier.issuing.change_seal import ChangeSeal
from verifier.service.issuing.planes.planes import KeptPlane
from verifier.service.store.causes import ISSUE, ChangeCause


class ListStatus:
    """Colours of persons, revocations of credentials, of the one list that is issued from."""

    def __init__(self, redis: Redis, planes: dict[Plane, KeptPlane], seal: ChangeSeal) -> None:
        self._redis = redis
        self._seal = seal
        self._planes = planes

    async def colour_of(self, person: int) -> Colour:
        """Return a person's colour as it is now.

        Raises:
            RedisError: the store is away.
        """
        (value,) = await self._planes[Plane.HEALTH].values(self._redis, [person])
        return Colour(value)

    async def give_colour(self, person: int, colour: Colour) -> int:
        """Give a new person a colour; return the version from which on it shows.

        Raises:
            RedisError: the store is away.
        """
        cause = ChangeCause(f"issue:{person}", self._seal, origin=ISSUE)
        return await self._planes[Plane.HEALTH].change(self._redis, person, int(colour), cause)

    async def are_revoked(self, credentials: list[int]) -> list[bool]:
        """Say of each credential whether it is revoked.

        Raises:
            RedisError: the store is away.
        """
        values = await self._planes[Plane.REVOCATION].values(self._redis, credentials)
        return [bool(value) for value in values]

    async def revoke(self, credentials: list[int]) -> None:
        """Revoke credentials; those that are revoked stay so.

        Raises:
            RedisError: the store is away; all or none of them may have been revoked.
        """
        changes = [(credential, 1) for credential in credentials]
        if changes:
            cause = ChangeCause(f"revocation:{credentials[0]}", self._seal)
            await self._planes[Plane.REVOCATION].change_all(self._redis, changes, cause)
