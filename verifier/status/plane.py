"""A plane: values of 1, 2, 4 or 8 bits, least significant bits first in each byte.

Packing as in IETF Token Status List: index i stands in byte i * bits // 8, shifted by i * bits % 8.
A list whose length is not what its signed header says is refused. Zero is never a pass.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from verifier.contract.errors import MalformedError
from verifier.contract.status import CHAIN_BYTES, StatusDocument
from verifier.contract.vocabulary import Plane
from verifier.encoding.inflate import inflate

MAX_PLANE_BYTES: Final = 32 * 1024 * 1024
"""Bytes inflated; a test plane of 18.7 million people is 18.7 MB."""
BITS: Final[Mapping[Plane, int]] = {
    Plane.REVOCATION: 1,
    Plane.HEALTH: 2,
    Plane.TEST: 8,
    Plane.DOSES: 2,
}
_WIDTHS: Final = {1: 0, 2: 1, 4: 2, 8: 3}


class PackedValues:
    """An immutable packed list."""

    __slots__ = ("_data", "_level", "_mask", "bits", "size")

    def __init__(self, *, bits: int, size: int, data: bytes | bytearray) -> None:
        """Keep `data` as it is: whoever hands it in changes it no more."""
        if bits not in _WIDTHS:
            raise MalformedError("a status list has 1, 2, 4 or 8 bits")
        if len(data) != (size * bits + 7) // 8:
            raise MalformedError("a status list of another length than stated")
        self.bits = bits
        self.size = size
        self._data = data
        self._mask = (1 << bits) - 1
        self._level = 3 - _WIDTHS[bits]

    def __getitem__(self, index: int) -> int:
        """Return the value at an index.

        Raises:
            IndexError: outside the list; it must never read as zero.
        """
        if not 0 <= index < self.size:
            raise IndexError("outside the status list")
        level = self._level
        shift = (index & ((1 << level) - 1)) * self.bits
        return self._data[index >> level] >> shift & self._mask

    def many(self, indices: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return the values at many indices at once.

        Raises:
            IndexError: one of them is outside the list.
        """
        if indices.size and not (indices.min() >= 0 and indices.max() < self.size):
            raise IndexError("outside the status list")
        per_byte = 1 << self._level
        packed = np.frombuffer(self._data, np.uint8)[indices >> self._level]
        shifts = ((indices & (per_byte - 1)) * self.bits).astype(np.uint8)
        values: NDArray[np.uint8] = (packed >> shifts) & np.uint8(self._mask)
        return values

    def changed(self, indices: NDArray[np.uint32], values: NDArray[np.uint8]) -> "PackedValues":
        """Return a list in which some values are others; each index once, all of them inside.

        Takes one copy of the list: a millisecond for a city.
        """
        # A bytearray: a value of a memory view takes twice as long to read, at every scan.
        whole = bytearray(self._data)
        data = np.frombuffer(whole, np.uint8)
        per_byte = 1 << self._level
        at = indices >> self._level
        places = indices & (per_byte - 1)
        for place in range(per_byte):  # each byte at most once a place
            here = places == place
            octets, shift = at[here], place * self.bits
            data[octets] &= np.uint8(0xFF ^ self._mask << shift)
            data[octets] |= values[here] << np.uint8(shift)
        return PackedValues(bits=self.bits, size=self.size, data=whole)

    def packed(self) -> bytes | bytearray:
        """Return the packed bytes."""
        return self._data


def pack(values: NDArray[np.uint8], bits: int) -> bytes:
    """Pack values (one in each byte) of `bits` bits each."""
    per_byte = 8 // bits
    padded = np.zeros(-(-len(values) // per_byte) * per_byte, np.uint8)
    padded[: len(values)] = values
    groups = padded.reshape(-1, per_byte)
    packed = np.zeros(len(groups), np.uint8)
    for place in range(per_byte):
        packed |= groups[:, place] << np.uint8(place * bits)
    return packed.tobytes()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaneView:
    """A plane as it is known here: values, version, and as of when."""

    values: PackedValues
    version: int
    as_of: float
    """Unix seconds: iat of the last snapshot or delta."""
    chain: bytes = bytes(CHAIN_BYTES)
    """What the next delta must lead from."""
    fed: float | None = None
    """While a source that the plane requires is stale: up to when it had told everything."""

    @property
    def known_as_of(self) -> float:
        """Return since when the values are known to hold: what a decision's age is counted from."""
        return self.as_of if self.fed is None else min(self.as_of, self.fed)


def open_plane(document: StatusDocument) -> PlaneView:
    """Turn a verified snapshot into a plane.

    Raises:
        MalformedError: wrong width for its plane, or not as long as its header says.
    """
    if document.bits != BITS[document.plane]:
        raise MalformedError("a plane of another width than agreed")
    limit = (document.size * document.bits + 7) // 8
    data = inflate(document.lst, limit=min(limit, MAX_PLANE_BYTES))
    values = PackedValues(bits=document.bits, size=document.size, data=data)
    return PlaneView(
        values=values,
        version=document.version,
        as_of=document.iat,
        chain=document.chain,
        fed=document.fed,
    )


class Status:
    """All planes known here; immutable, so a scan never sees half an update."""

    __slots__ = ("_planes",)

    def __init__(self, planes: Mapping[tuple[int, Plane], PlaneView]) -> None:
        self._planes = dict(planes)

    def plane(self, list_number: int, plane: Plane) -> PlaneView | None:
        """Return a plane of a list, or None where it is not known here."""
        return self._planes.get((list_number, plane))

    def planes(self) -> dict[tuple[int, Plane], PlaneView]:
        """Return what is known, by list and plane."""
        return dict(self._planes)

    def without(self, list_number: int, plane: Plane) -> "Status":
        """Return a status that knows nothing of one plane."""
        return Status({key: it for key, it in self._planes.items() if key != (list_number, plane)})

    def replaced(self, list_number: int, plane: Plane, view: PlaneView) -> "Status":
        """Return a status with one plane exchanged."""
        return Status({**self._planes, (list_number, plane): view})


NO_STATUS: Final = Status({})
