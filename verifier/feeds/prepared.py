"""Right lines as they wait for being applied: 14 bytes each, the person by index, nobody's name.

4 bytes line · 4 bytes person · 4 bytes time of observation · 1 byte plane · 1 byte value
"""

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from verifier.contract.feed import FED_PLANES
from verifier.contract.vocabulary import Plane

_RECORD: Final = struct.Struct(">IIIBB")
RECORD_BYTES: Final = _RECORD.size
_CODES: Final = {plane: code for code, plane in enumerate(FED_PLANES)}


class Prepared(NamedTuple):
    """A value for one person."""

    line: int
    person: int
    at: int
    plane: Plane
    value: int


def pack(prepared: Prepared) -> bytes:
    """Write one."""
    line, person, at, plane, value = prepared
    return _RECORD.pack(line, person, at, _CODES[plane], value)


def unpack(data: bytes) -> Iterator[Prepared]:
    """Read whole records."""
    for line, person, at, code, value in _RECORD.iter_unpack(data):
        yield Prepared(line, person, at, FED_PLANES[code], value)
