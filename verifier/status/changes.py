"""Changes of a plane as packed records: 4 bytes index (big-endian), 1 byte new value.

Ascending by index, each index once: the form in which a delta is signed and the store keeps what is
not yet published (docs/bundles.md). A value is the one after the change, never a difference, so
that applying a change twice does no harm. Bytes and values only.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from verifier.contract.errors import MalformedError

RECORD_BYTES: Final = 5
"""Bytes of one change."""
_RECORD: Final = np.dtype([("index", ">u4"), ("value", "u1")])
Records = NDArray[np.void]


def pack_changes(changes: Iterable[tuple[int, int]], *, bits: int) -> bytes:
    """Pack (index, value) pairs of any order; the last of two for one index counts.

    Raises:
        IndexError: an index below 0 or past 32 bits.
        ValueError: no value of `bits` bits.
    """
    last = dict(changes)
    if not last:
        return b""
    if min(last) < 0 or max(last) >> 32:
        raise IndexError("outside the status list")
    if min(last.values()) < 0 or max(last.values()) >> bits:
        raise ValueError("not a value of this plane")
    records = np.empty(len(last), _RECORD)
    records["index"] = np.fromiter(last.keys(), np.uint32, len(last))
    records["value"] = np.fromiter(last.values(), np.uint8, len(last))
    return records[np.argsort(records["index"])].tobytes()


def merge_changes(packed: Sequence[bytes]) -> bytes:
    """Make one list of several, oldest first: the last change of an index counts."""
    if len(packed) == 1:
        return packed[0]
    newest_first = np.frombuffer(b"".join(packed), _RECORD)[::-1]
    # np.unique sorts, and names the first place of each index: here the newest.
    _, places = np.unique(newest_first["index"], return_index=True)
    return newest_first[places].tobytes()


def count_changes(packed: bytes) -> int:
    """Return how many changes there are."""
    return len(packed) // RECORD_BYTES


def read_changes(packed: bytes, *, bits: int, size: int) -> Records:
    """Read packed changes for a plane of `size` values of `bits` bits.

    Raises:
        MalformedError: not whole records, not strictly ascending, or out of range.
    """
    if len(packed) % RECORD_BYTES:
        raise MalformedError("changes that are no whole records")
    records = np.frombuffer(packed, _RECORD)
    if not records.size:
        return records
    indices = records["index"].astype(np.int64)
    if indices[-1] >= size or not (np.diff(indices) > 0).all():
        raise MalformedError("changes out of order, twice, or outside the list")
    if int(records["value"].max()) >> bits:
        raise MalformedError("a change to a value that its plane does not have")
    return records
