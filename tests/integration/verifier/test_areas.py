"""Whose documents an operator of one place reads: its own, and never another place's or all's."""

from collections.abc import Iterator

import pytest

from tests.support.centre import ADMIN_KEY, Answer, ask, eventually
from tests.support.issuing_house import IssuingHouse, issuing_house
from tests.support.operators import operator_token

ROSTERS = "rosters-metro-1"
PLANES = ("status-1-health", "status-1-revocation")
PUBLIC = ("root", "trust", "profiles")


@pytest.fixture(scope="module")
def house() -> Iterator[IssuingHouse]:
    """Yield a house in which metro-1, in the district liwan, has a roster."""
    with issuing_house() as running:
        person = running.issue(holder=None)["person"]
        group = {
            "kind": "group", "hours": 1, "places": ["metro-1"],
            "roster": [{"person": person, "masked_name": "a"}],
        }  # fmt: skip
        assert running.ask("/v1/credentials", group).status == 201
        eventually(
            "the worker has all", lambda: {ROSTERS, *PLANES, *PUBLIC} <= listed(running, ADMIN_KEY)
        )
        yield running


def read(house: IssuingHouse, path: str, key: str) -> Answer:
    """Ask the worker."""
    return ask(house.centre.port, "GET", path, key=key)


def listed(house: IssuingHouse, key: str) -> set[str]:
    """Return the names of the bundles that a caller is shown for metro-1."""
    answer = read(house, "/v1/bundles?place=metro-1", key)
    assert answer.status == 200, answer.body
    return {each["name"] for each in answer.body["bundles"]}


def opened(house: IssuingHouse, key: str) -> set[str]:
    """Return the names of the bundles that a caller may read, with their deltas."""
    names = (ROSTERS, *PLANES, *PUBLIC)
    found = {name for name in names if read(house, f"/v1/bundles/{name}", key).status == 200}
    for plane in PLANES:
        if read(house, f"/v1/bundles/{plane}/deltas/0", key).status not in (403, 404):
            found.add(plane)
    return found


@pytest.mark.parametrize(
    ("area", "more"),
    [
        ({"place": "hall-9"}, set()),
        ({"district": "yuexiu"}, set()),
        ({"place": "metro-1"}, {ROSTERS}),
        ({"district": "liwan"}, {ROSTERS}),
        ({}, {ROSTERS, *PLANES}),
    ],
)
def test_bundles_are_shown_as_far_as_the_area_reaches(
    house: IssuingHouse, area: dict[str, str], more: set[str]
) -> None:
    """A roster to its place and district, the planes of everybody to the whole city alone."""
    key = operator_token("mei", "viewer", **area)
    assert opened(house, key) == {*PUBLIC, *more}
    assert listed(house, key) & {ROSTERS, *PLANES, *PUBLIC} == {*PUBLIC, *more}


def test_a_key_of_a_service_reads_for_the_whole_city(house: IssuingHouse) -> None:
    """Keys have no area."""
    assert opened(house, ADMIN_KEY) == {ROSTERS, *PLANES, *PUBLIC}
