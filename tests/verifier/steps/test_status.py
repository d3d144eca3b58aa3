"""Step (6): a colour that a person looks at, and as of when status is known."""

from tests.support.city import City, asks
from verifier.contract.reasons import Reason
from verifier.contract.vocabulary import Colour, Outcome


def test_review_of_a_colour() -> None:
    """Yellow goes to a person where the place says so; what refuses later still refuses."""
    city = City(colours={77: Colour.YELLOW}, profile=asks(review_colours=["yellow"]))
    found = city.judge()
    assert (found.outcome, found.reason) == (Outcome.REVIEW, Reason.STATUS_YELLOW)
    assert city.at(sectors_enabled=()).judge().reason is Reason.SECTOR_DISABLED
    assert city.at(colours={77: Colour.RED}).judge().outcome is Outcome.DENY


def test_ages_and_versions_are_reported() -> None:
    """The record says as of when: the age of the oldest plane that was read, and the versions."""
    found = City().judge()
    assert (found.status_age, found.trust_version, found.status_version) == (30, 1, 1)
    assert found.profile_version == 1
    assert (found.colour, found.sector_class) == (Colour.GREEN, 0)
