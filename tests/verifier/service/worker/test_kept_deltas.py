"""Buckets of deltas: few addresses for many terminals, bounded, honest about what is not there."""

import pytest

from verifier.contract.bundle import DELTA_BUCKET
from verifier.service.worker import kept_deltas as under_test
from verifier.service.worker.kept_deltas import MAX_KEPT, Ahead, Deltas, Gone, KeptDelta


def kept(first: int, last: int, *, before: int | None = None) -> Deltas:
    """Keep deltas to versions first to last."""
    found = Deltas()
    for version in range(first, last + 1):
        came_from = before if version == first and before is not None else version - 1
        found.keep(KeptDelta(before=came_from, version=version, data=b"%d;" % version))
    return found


def versions(data: bytes) -> list[int]:
    """Return which versions a bucket leads to."""
    return [int(one) for one in data.split(b";") if one]


def test_a_bucket_is_what_leads_to_its_versions() -> None:
    """Full ones never change; the newest grows."""
    found = kept(50, 200)
    middle = found.bucket(64, known=200)
    assert versions(middle.data) == list(range(64, 128))
    assert (middle.newest, middle.final) == (127, True)
    newest = found.bucket(192, known=200)
    assert versions(newest.data) == list(range(192, 201))
    assert (newest.newest, newest.final) == (200, False)


def test_a_bucket_whose_beginning_is_gone_is_not_final() -> None:
    """Whoever is past its beginning can use the rest; a cache must not keep it for ever."""
    bucket = kept(50, 200).bucket(0, known=200)
    assert versions(bucket.data) == list(range(50, 64))
    assert not bucket.final


@pytest.mark.parametrize(("last", "final"), [(126, False), (127, True), (128, True)])
def test_a_bucket_is_final_with_its_last_version(last: int, final: bool) -> None:  # noqa: FBT001
    """Not one sooner."""
    assert kept(60, last).bucket(64, known=last).final is final


@pytest.mark.parametrize("first", [64, 128, 1 << 40])
def test_versions_that_never_were(first: int) -> None:
    """There is nothing to wait for, either."""
    with pytest.raises(Ahead):
        kept(1, 63, before=0).bucket(first, known=63)


@pytest.mark.parametrize("first", [0, 64])
def test_versions_that_are_past_keeping(first: int) -> None:
    """The snapshot is needed."""
    with pytest.raises(Gone):
        kept(128, 200).bucket(first, known=200)


def test_a_plane_without_deltas() -> None:
    """All that leads to its snapshot is gone."""
    with pytest.raises(Gone):
        Deltas().bucket(0, known=5)
    with pytest.raises(Ahead):
        Deltas().bucket(64, known=5)


def test_the_oldest_go_first() -> None:
    """By number."""
    found = kept(1, MAX_KEPT + 100)
    with pytest.raises(Gone):
        found.bucket(0, known=MAX_KEPT + 100)
    first = (MAX_KEPT + 100) // DELTA_BUCKET * DELTA_BUCKET
    assert found.bucket(first, known=MAX_KEPT + 100).newest == MAX_KEPT + 100


def test_large_ones_are_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """By bytes."""
    monkeypatch.setattr(under_test, "MAX_KEPT_BYTES", 100)
    found = Deltas()
    for version in range(1, 100):
        found.keep(KeptDelta(before=version - 1, version=version, data=bytes(10)))
    assert len(found.bucket(64, known=99).data) == 100


def test_what_does_not_follow_is_a_new_beginning() -> None:
    """No bucket holds two pasts, or a gap."""
    found = kept(60, 70)
    found.keep(KeptDelta(before=80, version=81, data=b"81;"))
    assert versions(found.bucket(64, known=81).data) == [81]
    found.keep(KeptDelta(before=79, version=80, data=b"80;"))
    assert found.head == 81
