"""Signed planes: what a signer writes is what a reader knows, staleness of sources included."""

import numpy as np
import pytest

from tests.support.keys import STATUS
from verifier.contract.envelope import take_apart
from verifier.contract.status import read_delta, read_status
from verifier.contract.vocabulary import Plane
from verifier.issuing.planes import PlaneSigner
from verifier.status.changes import pack_changes
from verifier.status.delta import apply
from verifier.status.plane import PackedValues, PlaneView, open_plane, pack

NOW = 1_800_000_000
SIGNER = PlaneSigner(
    issuer="440100", uri="urn:kapok:440100:status:1", list_number=1, plane=Plane.HEALTH, key=STATUS
)
VALUES = PackedValues(bits=2, size=9, data=pack(np.array([0, 1, 2, 3] * 2 + [1], np.uint8), 2))


@pytest.mark.parametrize("fed", [None, NOW - 5000, NOW + 5000])
def test_a_snapshot_says_up_to_when_sources_told(fed: int | None) -> None:
    """Absent while they are fresh; never younger than the signature."""
    view = PlaneView(values=VALUES, version=7, as_of=NOW, chain=bytes(range(16)), fed=fed)
    read = open_plane(read_status(take_apart(SIGNER.snapshot(view)).payload))
    assert (read.version, read.chain, read.fed) == (7, view.chain, fed)
    assert read.known_as_of == (NOW if fed is None else min(NOW, fed))


def test_a_delta_says_it_too_and_the_next_one_may_take_it_back() -> None:
    """Each version says for itself; the chain is over changes alone."""
    view = PlaneView(values=VALUES, version=7, as_of=NOW - 60, chain=bytes(16))
    stale = SIGNER.delta(view, pack_changes([(2, 3)], bits=2), NOW, NOW - 5000)
    document = read_delta(take_apart(stale.data).payload)
    assert document.fed == NOW - 5000
    after = apply(document, view)
    assert (after.as_of, after.known_as_of, after.values[2]) == (NOW, NOW - 5000, 3)
    fresh = SIGNER.delta(after, b"", NOW + 60)
    assert b"fed" not in fresh.data
    again = apply(read_delta(take_apart(fresh.data).payload), after)
    assert again.known_as_of == NOW + 60
    assert again.chain == SIGNER.delta(after, b"", NOW + 60, NOW).view.chain
