"""One showing passes once: at places without a use rule, at two gates, and both ways."""

import time
from collections.abc import Iterator
from itertools import count

import pytest

from tests.support.centre import ONCE, Centre, centre, eventually, paper, shown
from verifier.contract.reasons import Reason
from verifier.contract.vocabulary import Direction, Outcome

persons = count(40_000)
OPEN = {name: value for name, value in ONCE.items() if name != "use"}
GATES = dict(OPEN) | {"place": "hall-2", "use": {"scope": "gate", "once_for": 600}}
SHORT = dict(OPEN) | {
    "place": "hall-3",
    "window": 600,
    "use": {"scope": "place", "once_for": 60},
}


@pytest.fixture(scope="module")
def house() -> Iterator[Centre]:
    """Yield a centre whose first place has no use rule."""
    with centre((OPEN, GATES, SHORT, dict(ONCE) | {"place": "hall-4"})) as it:
        it.worker()
        yield it


def moved(house: Centre, place: str, gate: str = "a", direction: Direction = Direction.IN) -> None:
    """Put the terminal at another gate."""
    house.grant(place=place, gate=gate, direction=direction)

    def there() -> bool:
        body = {"scan_id": "x", "text": "x", "place": place, "gate": gate}
        answer = house.ask("POST", "/v1/scans", body)
        return answer.body.get("code") not in ("grant.place", "grant.none")

    eventually("the grant is followed", there)
    time.sleep(1.1)  # the direction cannot be seen from outside; grants are read once a second


def outcome(house: Centre, text: str) -> tuple[str, str | None]:
    """Scan under a scan_id of its own."""
    body = house.scan(text).body
    return body["decision"], body.get("reason")


def test_a_showing_passes_once_where_no_uses_are_counted(house: Centre) -> None:
    """Under another scan_id it is another person; the next showing of the phone passes."""
    moved(house, ONCE["place"])
    person = next(persons)
    text = shown(person)
    assert outcome(house, text) == (Outcome.PASS, None)
    assert outcome(house, text) == (Outcome.DENY, Reason.USE_REPLAYED)
    assert outcome(house, shown(person, ago=1))[0] == Outcome.PASS


def test_paper_has_no_showing(house: Centre) -> None:
    """Where no uses are counted paper passes again: that is what the place has chosen."""
    moved(house, ONCE["place"])
    text = paper(next(persons))
    assert outcome(house, text)[0] == outcome(house, text)[0] == Outcome.PASS


@pytest.mark.parametrize("place", ["hall-2", ONCE["place"]])
def test_a_showing_passes_at_one_gate_of_the_place(house: Centre, place: str) -> None:
    """Also where each gate counts for itself."""
    text = shown(next(persons))
    moved(house, place, "a")
    assert outcome(house, text) == (Outcome.PASS, None)
    moved(house, place, "b")
    assert outcome(house, text) == (Outcome.DENY, Reason.USE_REPLAYED)


@pytest.mark.parametrize("place", ["hall-4", ONCE["place"]])
def test_a_showing_passes_one_way(house: Centre, place: str) -> None:
    """Who went in by it did not come out by it within the minute; a new one does."""
    person = next(persons)
    text = shown(person, ago=2)
    moved(house, place, "a")
    assert outcome(house, text) == (Outcome.PASS, None)
    moved(house, place, "a", Direction.OUT)
    assert outcome(house, text) == (Outcome.DENY, Reason.USE_REPLAYED)
    assert outcome(house, shown(person))[0] == Outcome.PASS


def test_a_showing_is_claimed_for_as_long_as_it_is_fresh(house: Centre) -> None:
    """Where the person's own claim ends sooner."""
    moved(house, "hall-3")
    text = shown(next(persons))
    assert outcome(house, text) == (Outcome.PASS, None)
    with house.redis.client() as client:
        lasting = max(client.ttl(key) for key in client.keys("v:*:u:*"))
    assert lasting > 600
