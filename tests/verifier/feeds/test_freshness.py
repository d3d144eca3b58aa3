"""Freshness of sources, and what it makes of the planes they feed."""

import msgspec
import pytest

from tests.support.feed_sources import NOW, manifest, source
from verifier.contract.vocabulary import Plane
from verifier.feeds.batches import SourceProgress, begin, finish
from verifier.feeds.freshness import Fed, Freshness, freshness, planes_fed
from verifier.feeds.sources import Source

ONE = source()
TWO = source(**{'"health-province"': '"hospital"', "stale_after = 120": "stale_after = 600"})
FREE = source(**{'"health-province"': '"free"', 'required = ["health"]': "required = []"})


def came(fed: int) -> SourceProgress:
    """Return the progress of a source that has told everything up to then."""
    return finish(begin(manifest(), None), fed=fed, observed=0, now=fed)


@pytest.mark.parametrize(
    ("fed", "expected"),
    [
        (0, Freshness.NEVER),
        (NOW + 100, Freshness.FRESH),
        (NOW, Freshness.FRESH),
        (NOW - 60, Freshness.FRESH),
        (NOW - 61, Freshness.LATE),
        (NOW - 120, Freshness.LATE),
        (NOW - 121, Freshness.STALE),
    ],
)
def test_a_source_ages(fed: int, expected: Freshness) -> None:
    """Due after `every`, stale after `stale_after`."""
    assert freshness(ONE, fed, NOW) is expected


@pytest.mark.parametrize(
    ("sources", "progress", "expected"),
    [
        ((), {}, {}),
        ((FREE,), {"free": came(NOW)}, {}),
        ((ONE,), {}, {(1, Plane.HEALTH): Fed(0, 0)}),
        ((ONE,), {"health-province": came(NOW)}, {(1, Plane.HEALTH): Fed(NOW, NOW + 120)}),
        (
            (ONE, TWO, FREE),
            {"health-province": came(NOW), "hospital": came(NOW - 300)},
            {(1, Plane.HEALTH): Fed(NOW - 300, NOW + 120)},
        ),
        ((ONE, TWO), {"health-province": came(NOW)}, {(1, Plane.HEALTH): Fed(0, 0)}),
    ],
)
def test_a_plane_is_as_old_as_its_oldest_required_source(
    sources: tuple[Source, ...],
    progress: dict[str, SourceProgress],
    expected: dict[tuple[int, Plane], Fed],
) -> None:
    """And good until the first of them is stale; who is not required says nothing of age."""
    assert planes_fed(sources, progress) == expected


def test_a_batch_under_way_does_not_make_a_source_young() -> None:
    """What counts is the last finished one."""
    under_way = begin(manifest(sequence=2, iat=NOW + 60), came(NOW))
    assert msgspec.structs.replace(under_way).fed == NOW
