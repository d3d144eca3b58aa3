"""Prepared lines come back as they were written."""

from verifier.contract.feed import FED_PLANES
from verifier.feeds.prepared import RECORD_BYTES, Prepared, pack, unpack


def test_round_trip() -> None:
    """Every plane, the largest numbers, fourteen bytes each."""
    rows = [Prepared(2**32 - 1, 2**32 - 1, 2**32 - 1, plane, 255) for plane in FED_PLANES]
    data = b"".join(map(pack, rows))
    assert len(data) == len(rows) * RECORD_BYTES
    assert list(unpack(data)) == rows
