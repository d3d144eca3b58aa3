"""Deltas: what they lead to, what does not fit, and that nothing is ever half applied."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.publisher import DAY, EDITION, NOW
from verifier.contract.status import DeltaDocument
from verifier.contract.vocabulary import Plane
from verifier.errors import BundleCause, BundleRefused
from verifier.status.changes import pack_changes
from verifier.status.delta import apply, chained
from verifier.status.plane import NO_STATUS, PackedValues, PlaneView, pack

START = bytes(range(16))
HEALTH = (1, Plane.HEALTH)


def view_of(values: list[int], *, bits: int = 2, version: int = 7) -> PlaneView:
    """Return a plane of these values."""
    packed = PackedValues(bits=bits, size=len(values), data=pack(np.array(values, np.uint8), bits))
    return PlaneView(values=packed, version=version, as_of=NOW, chain=START)


def delta_of(view: PlaneView, changes: Mapping[int, int], *, bits: int = 2) -> DeltaDocument:
    """Return the next delta of a view."""
    packed = pack_changes(changes.items(), bits=bits)
    return DeltaDocument(
        iss="440100", list=1, plane=Plane.HEALTH, before=view.version, version=view.version + 1,
        iat=NOW + 5, exp=NOW + DAY, prev=view.chain,
        chain=chained(view.chain, view.version + 1, packed), changes=packed,
    )  # fmt: skip


def values_of(view: PlaneView) -> list[int]:
    """Return every value of a plane."""
    return [view.values[index] for index in range(view.values.size)]


@given(st.sampled_from([1, 2, 4, 8]), st.data())
def test_a_delta_changes_what_it_names_and_nothing_else(bits: int, data: st.DataObject) -> None:
    """Of every width, neighbours in one byte too; the view it leads from stays as it was."""
    most = (1 << bits) - 1
    before = data.draw(st.lists(st.integers(0, most), min_size=1, max_size=40))
    changes = data.draw(
        st.dictionaries(st.integers(0, len(before) - 1), st.integers(0, most), max_size=40)
    )
    view = view_of(before, bits=bits)
    after = apply(delta_of(view, changes, bits=bits), view)
    assert values_of(after) == [changes.get(n, value) for n, value in enumerate(before)]
    assert values_of(view) == before
    assert (after.version, after.as_of) == (8, NOW + 5)
    # Applied once more from there it says the same: a value, not a difference.
    again = replace(after, version=7, chain=START)
    assert values_of(apply(delta_of(view, changes, bits=bits), again)) == values_of(after)


def test_an_empty_delta_keeps_the_very_values() -> None:
    """Only version, chain and age go on."""
    view = view_of([1, 2, 3])
    after = apply(delta_of(view, {}), view)
    assert after.values is view.values
    assert (after.version, after.as_of) == (8, NOW + 5)
    assert after.chain == chained(START, 8, b"")


def test_the_chain_is_what_the_document_says() -> None:
    """SHA-256 over the chain before, the version in 8 bytes and the records; 16 bytes of it."""
    assert chained(START, 2, bytes.fromhex("00000003030000000501")).hex() == (
        "5dd48a8f3fff0b1e2b2ad82174f4a029"
    )


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"version": 7, "before": 6}, BundleCause.ROLLBACK),
        ({"version": 10, "before": 9}, BundleCause.ORDER),
        ({"version": 10, "before": 6}, BundleCause.ORDER),
        ({"prev": bytes(16)}, BundleCause.FORK),
        ({"chain": bytes(16)}, BundleCause.FORK),
        ({"changes": b""}, BundleCause.FORK),
    ],
)
def test_a_delta_that_does_not_fit_is_refused(change: dict[str, Any], cause: BundleCause) -> None:
    """Past, gap, another past, another content than its chain says."""
    view = view_of([1, 2, 3])
    fields = {
        name: getattr(delta_of(view, {0: 2}), name) for name in DeltaDocument.__struct_fields__
    }
    with pytest.raises(BundleRefused) as refused:
        apply(DeltaDocument(**fields | change), view)
    assert refused.value.cause is cause


def test_a_city_of_changes_is_applied_at_once() -> None:
    """100,000 of a million, against values set one by one."""
    chance = np.random.default_rng(3)
    before = chance.integers(0, 4, 1_000_003).astype(np.uint8)
    indices = chance.permutation(len(before))[:100_000]
    given_values = chance.integers(0, 4, len(indices))
    packed = PackedValues(bits=2, size=len(before), data=pack(before, 2))
    view = PlaneView(values=packed, version=7, as_of=NOW, chain=START)
    changes = dict(zip(indices.tolist(), given_values.tolist(), strict=True))
    after = apply(delta_of(view, changes), view)
    before[indices] = given_values
    assert bytes(after.values.packed()) == pack(before, 2)


def test_a_set_takes_deltas_and_raises_the_floor() -> None:
    """Version and chain of the newest; an older state is refused from then on."""
    trusted = EDITION.trusted()
    snapshot = EDITION.status(Plane.HEALTH, 8, {1: 1})
    view = trusted.take_status(snapshot, NOW).value
    first = replace(EDITION, version=2).delta(view, Plane.HEALTH, {1: 3})
    after = trusted.take_delta(first, NO_STATUS.replaced(*HEALTH, view), NOW).value
    floor = trusted.floors["status-1-health"]
    assert (floor.version, floor.digest) == (2, after.chain)
    with pytest.raises(BundleRefused) as refused:
        trusted.take_status(snapshot, NOW)
    assert refused.value.cause is BundleCause.ROLLBACK
    taken = trusted.take_status(snapshot, NOW, deltas=[first])
    assert (taken.document.version, taken.value.version, taken.value.values[1]) == (1, 2, 3)


def test_a_snapshot_with_deltas_is_taken_whole_or_not_at_all() -> None:
    """One of them with a gap refuses all, and the floor stays."""
    trusted = EDITION.trusted()
    snapshot = EDITION.status(Plane.HEALTH, 8, {})
    view = EDITION.trusted().take_status(snapshot, NOW).value
    first = replace(EDITION, version=2).delta(view, Plane.HEALTH, {1: 3})
    later = replace(EDITION, version=4).delta(replace(view, version=3), Plane.HEALTH, {1: 3})
    other = replace(EDITION, version=2).delta(view, Plane.DOSES, {1: 3})
    for deltas, cause in (
        ([first, later], BundleCause.ORDER),
        ([later], BundleCause.ORDER),
        ([other], BundleCause.MALFORMED),
        ([first, first], BundleCause.ROLLBACK),
    ):
        with pytest.raises(BundleRefused) as refused:
            trusted.take_status(snapshot, NOW, deltas=deltas)
        assert refused.value.cause is cause
        assert "status-1-health" not in trusted.floors


def test_a_plane_held_for_long_is_taken_up_again() -> None:
    """Slots are read again after everything in them has ended; what arrives so late is refused."""
    late = NOW + 30 * DAY
    trusted = EDITION.trusted()
    snapshot = EDITION.status(Plane.HEALTH, 8, {})
    view = EDITION.trusted().take_status(snapshot, NOW).value
    first = replace(EDITION, version=2).delta(view, Plane.HEALTH, {1: 3})
    with pytest.raises(BundleRefused) as refused:
        trusted.take_status(snapshot, late, deltas=[first])
    assert refused.value.cause is BundleCause.EXPIRED
    assert trusted.take_status(snapshot, late, deltas=[first], held=True).value.values[1] == 3


@given(st.binary(max_size=120))
def test_any_octets_are_refused_as_deltas(data: bytes) -> None:
    """No bytes raise anything but the refusal."""
    with pytest.raises(BundleRefused):
        SETTLED.take_delta(data, NO_STATUS, NOW)


SETTLED = EDITION.trusted()


def test_every_flipped_bit_of_a_delta_is_refused() -> None:
    """One bit anywhere: refused, and the floors stay."""
    view = view_of([0] * 8, version=1)
    whole = replace(EDITION, version=2).delta(view, Plane.HEALTH, {1: 3})
    status, floors = NO_STATUS.replaced(*HEALTH, view), dict(SETTLED.floors)
    for at in range(len(whole)):
        flipped = bytearray(whole)
        flipped[at] ^= 1 << at % 8
        with pytest.raises(BundleRefused):
            SETTLED.take_delta(bytes(flipped), status, NOW)
    assert SETTLED.floors == floors
