"""A source that a plane requires goes stale: the age in decisions says so, whatever comes out."""

import time
from collections.abc import Iterator

import pytest

from tests.support.centre import eventually
from tests.support.issuing_house import IssuingHouse, issuing_house
from verifier.contract.reasons import Reason

KEY = "v:{status}:fed:1:health"
WEEK = 7 * 86_400


@pytest.fixture(scope="module")
def house() -> Iterator[IssuingHouse]:
    """Yield a running issuing process and a worker."""
    with issuing_house() as running:
        yield running


def said(house: IssuingHouse, as_of: int, good_until: int) -> None:
    """Say of the health plane until when it is fed, as the feeds process does."""
    with house.centre.redis.client() as client:
        client.set(KEY, f"{as_of}:{good_until}")


def test_a_stalled_source_ages_its_plane_and_a_batch_makes_it_young(house: IssuingHouse) -> None:
    """The next scan is unsure and follows the stance; colours that change do not hide it."""
    now = int(time.time())
    said(house, now, now + 600)
    first = house.issue(holder=None)["text"]
    eventually("a fed plane passes", lambda: house.reason_of(first) is None, within=10)
    said(house, now - 2 * WEEK, now - WEEK)
    second = house.issue(holder=None)["text"]
    eventually(
        "the plane is as old as what its source told",
        lambda: house.reason_of(second) == Reason.STATUS_STALE,
        within=20,
    )
    # A person who is new changes the plane, which is published and stays as old as it is.
    third = house.issue(holder=None)["text"]
    eventually(
        "old, and not without colour",
        lambda: house.reason_of(third) == Reason.STATUS_STALE,
        within=20,
    )
    said(house, now, now + 600)
    eventually("a batch makes it young", lambda: house.reason_of(third) is None, within=20)
