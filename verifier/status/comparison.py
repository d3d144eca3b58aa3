"""A plane as it is known, beside packed values from elsewhere: where they differ."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from verifier.status.changes import RECORD_BYTES, read_changes
from verifier.status.plane import PackedValues

_BYTE_BITS: Final = 8


class Differing(NamedTuple):
    """A value that is another elsewhere."""

    place: int
    """Its index in the list."""
    there: int
    known: int


class Differences(NamedTuple):
    """Where packed values differ from known ones."""

    total: int
    first: tuple[Differing, ...]
    """The first of them, ascending."""


def led_on(values: PackedValues, changes: bytes) -> PackedValues:
    """Return what packed changes lead to.

    Raises:
        MalformedError: no changes that such a plane can have.
    """
    records = read_changes(changes, bits=values.bits, size=values.size)
    return values.changed(records["index"], records["value"]) if records.size else values


def filled_in(values: PackedValues, data: bytes) -> PackedValues:
    """Return the values with those of `data`, as long as they, where nothing stands."""
    there = PackedValues(bits=values.bits, size=values.size, data=data)
    places = _differing(values, data)
    empty = places[values.many(places) == 0]
    return values.changed(empty.astype(np.uint32), there.many(empty)) if empty.size else values


def differences(values: PackedValues, data: bytes, most: int) -> Differences:
    """Return where packed values, as long as those known, are others; the first `most` of them."""
    there = PackedValues(bits=values.bits, size=values.size, data=data)
    places = _differing(values, data)
    first = tuple(Differing(place, there[place], values[place]) for place in places[:most].tolist())
    return Differences(int(places.size), first)


def part_of(packed: bytes, whole: bytes) -> bool:
    """Say whether all of some packed changes are among others."""
    return packed == whole or _records(packed) <= _records(whole)


def _records(packed: bytes) -> set[bytes]:
    return {packed[at : at + RECORD_BYTES] for at in range(0, len(packed), RECORD_BYTES)}


def _differing(values: PackedValues, data: bytes) -> NDArray[np.int64]:
    known = np.frombuffer(values.packed(), np.uint8)
    octets = np.flatnonzero(known != np.frombuffer(data, np.uint8))
    per_byte = _BYTE_BITS // values.bits
    places = (octets[:, None] * per_byte + np.arange(per_byte)).ravel().astype(np.int64)
    places = places[places < values.size]
    there = PackedValues(bits=values.bits, size=values.size, data=data)
    found: NDArray[np.int64] = places[values.many(places) != there.many(places)]
    return found
