"""The planes as the issuing process keeps them: `v:plane:<list>:<plane>`, the packed bytes.

The store holds the truth: a change writes its byte there first, then here. Two changes in one byte
are two writes by this one process, so none undoes the other.
"""

from typing import Any, Final

from redis.asyncio import Redis

from verifier.contract.vocabulary import Plane
from verifier.service.store.bundles import read_versions
from verifier.status.plane import BITS, PackedValues

KEPT: Final = (Plane.REVOCATION, Plane.HEALTH)


class KeptPlane:
    """One plane, changed in place and copied when it is published."""

    def __init__(self, *, number: int, plane: Plane, size: int, data: bytes, version: int) -> None:
        self.number = number
        self.plane = plane
        self.size = size
        self.changed = True
        """Since the last snapshot; true at start, so that one is published."""
        self.version = version
        """Of the last snapshot for which the plane was copied."""
        self._bits = BITS[plane]
        wanted = (size * self._bits + 7) // 8
        self._data = bytearray(data.ljust(wanted, b"\0")[:wanted])

    @property
    def key(self) -> str:
        """The store's key."""
        return f"v:plane:{self.number}:{self.plane}"

    async def change(self, redis: Redis, index: int, value: int) -> int:
        """Set the value at an index, in the store and here.

        Returns the version of the snapshot from which on it shows.

        Raises:
            IndexError: outside the list.
            ValueError: no value of this plane.
        """
        if not 0 <= index < self.size:
            raise IndexError("outside the status list")
        mask = (1 << self._bits) - 1
        if not 0 <= value <= mask:
            raise ValueError("not a value of this plane")
        at, shift = index * self._bits // 8, index * self._bits % 8
        byte = self._data[at] & ~(mask << shift) | value << shift
        # Taken here before the store answers: a second change of this byte must see the first.
        self._data[at] = byte
        await redis.setrange(self.key, at, bytes((byte,)))
        self.changed = True
        return self.version + 1

    def copied(self, version: int) -> PackedValues:
        """Return the plane as it is now, copied for the snapshot of a version."""
        self.version = version
        return PackedValues(bits=self._bits, size=self.size, data=bytes(self._data))


async def load_plane(redis: Redis, number: int, plane: Plane, size: int) -> KeptPlane:
    """Read a plane from the store; what was never written is zero, and zero is never a pass."""
    data: Any = await redis.get(f"v:plane:{number}:{plane}")
    held = (await read_versions(redis)).get(f"status-{number}-{plane}")
    return KeptPlane(
        number=number,
        plane=plane,
        size=size,
        data=data or b"",
        version=0 if held is None else held.version,
    )
